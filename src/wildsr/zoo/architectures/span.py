"""SPAN: files in the training form, in which a convolution is several, and in the deployed form."""

from collections.abc import Sequence

import torch
from torch import Tensor

from wildsr.networks.span import BLOCKS, SPAN, merged
from wildsr.zoo.architectures.architecture import (
    Architecture,
    KeyLayout,
    Weights,
    flat,
    pixel_shuffle_scale,
    require_rgb_input,
    shape_of,
)
from wildsr.zoo.errors import ModelError
from wildsr.zoo.formats.ncnn import NcnnLayer

_CONVOLUTIONS = (
    "conv_1",
    *(f"block_{block}.c{index}_r" for block in range(1, BLOCKS + 1) for index in (1, 2, 3)),
    "conv_2",
    "conv_cat",
    "upsampler.0",
)
"""In the order of computation."""


def _deployed(weights: Weights) -> dict[str, Tensor]:
    try:
        return merged(weights)
    except ValueError as error:
        raise ModelError(str(error)) from error


def _sizes(weights: Weights) -> dict[str, int]:
    features, width_in = shape_of(weights, "conv_1.weight", 4)[:2]
    require_rgb_input(width_in)
    scale = pixel_shuffle_scale(shape_of(weights, "upsampler.0.weight", 4)[0])
    return {"features": features, "scale": scale, "normalised": int("no_norm" not in weights)}


def _from_ncnn(layers: Sequence[NcnnLayer]) -> dict[str, Tensor] | None:
    kinds = [layer.kind for layer in layers]
    convolutions = [layer.weights for layer in layers if layer.kind == "Convolution"]
    if "PReLU" in kinds or "PixelShuffle" not in kinds or len(convolutions) != len(_CONVOLUTIONS):
        return None
    weights = flat(dict(zip(_CONVOLUTIONS, convolutions, strict=True)))
    return weights if "MemoryData" in kinds else weights | {"no_norm": torch.zeros(1)}


SPAN_ARCHITECTURE = Architecture(
    name="SPAN",
    build=SPAN,
    layouts=(KeyLayout(("block_1.c1_r.", "conv_cat.", "upsampler.0."), _deployed),),
    sizes=_sizes,
    from_ncnn=_from_ncnn,
)

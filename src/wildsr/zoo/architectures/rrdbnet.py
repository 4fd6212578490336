"""RRDBNet: files of ESRGAN, RealSR, BSRGAN, Real-ESRGAN and DDNSR. Our names are those of RealSR and BSRGAN."""

import re
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from wildsr.networks.rrdbnet import RRDBNet
from wildsr.zoo.architectures.architecture import (
    Architecture,
    KeyLayout,
    Weights,
    count,
    flat,
    renamed,
    require_rgb_output,
    shape_of,
)
from wildsr.zoo.errors import ModelError
from wildsr.zoo.formats.h5 import KerasLayers
from wildsr.zoo.formats.ncnn import NcnnLayer

_UNSHUFFLE_OF_CHANNELS = {3: 1, 12: 2, 48: 4}
# Old ESRGAN numbers the layers of one long chain, so its tail depends on the number of upsamplings; by last layer.
_ESRGAN_TAILS = {
    "model.4": {"model.2": "HRconv", "model.4": "conv_last"},
    "model.7": {"model.3": "upconv1", "model.5": "HRconv", "model.7": "conv_last"},
    "model.10": {"model.3": "upconv1", "model.6": "upconv2", "model.8": "HRconv", "model.10": "conv_last"},
    "model.13": {
        "model.3": "upconv1",
        "model.6": "upconv2",
        "model.9": "upconv3",
        "model.11": "HRconv",
        "model.13": "conv_last",
    },
}
_ESRGAN_BLOCK = re.compile(r"model\.1\.sub\.(\d+)\.(RDB[123]\.conv[1-5])\.0")
_ESRGAN_TRUNK_CONV = re.compile(r"model\.1\.sub\.\d+")
_NEW_BASICSR = {
    "conv_body": "trunk_conv",
    "conv_up1": "upconv1",
    "conv_up2": "upconv2",
    "conv_up3": "upconv3",
    "conv_hr": "HRconv",
}
_NEW_BASICSR_BLOCK = re.compile(r"body\.(\d+)\.rdb([123])\.(conv[1-5])")
_CONVOLUTIONS_PER_BLOCK = 15


def sizes(weights: Weights) -> dict[str, int]:
    """The arguments of :class:`RRDBNet`. Raises ModelError for weights that do not upscale RGB."""
    features, width_in = shape_of(weights, "conv_first.weight", 4)[:2]
    unshuffle = _UNSHUFFLE_OF_CHANNELS.get(width_in)
    if unshuffle is None:
        raise ModelError(
            f"it takes {width_in} input channels; wildsr works on RGB (3, or 12 or 48 when unshuffled)"
        )
    require_rgb_output(shape_of(weights, "conv_last.weight", 4)[0])
    upsampled = 2 ** sum(f"upconv{index}.weight" in weights for index in (1, 2, 3))
    if upsampled < unshuffle:
        raise ModelError(f"it would downscale images (unshuffled by {unshuffle}, upsampled by {upsampled})")
    return {
        "features": features,
        "blocks": count(weights, "RRDB_trunk."),
        "growth": shape_of(weights, "RRDB_trunk.0.RDB1.conv1.weight", 4)[0],
        "scale": upsampled // unshuffle,
        "unshuffle": unshuffle,
        **({"relu": 1} if "relu" in weights else {}),
    }


def _from_esrgan(weights: Weights) -> dict[str, Tensor]:
    """Weights of old ESRGAN (``model.1.sub.0.RDB1.conv1.0``) under our names; unknown names stay."""
    layers = {key.rpartition(".")[0] for key in weights}
    fixed = {"model.0": "conv_first"}
    for last, tail in _ESRGAN_TAILS.items():
        if last in layers:
            fixed |= tail

    def rename(layer: str) -> str:
        if match := _ESRGAN_BLOCK.fullmatch(layer):
            return f"RRDB_trunk.{match[1]}.{match[2]}"
        if _ESRGAN_TRUNK_CONV.fullmatch(layer):
            return "trunk_conv"
        return fixed.get(layer, layer)

    return renamed(weights, rename)


def _from_new_basicsr(weights: Weights) -> dict[str, Tensor]:
    """Weights of Real-ESRGAN (``body.0.rdb1.conv1``) under our names; unknown names stay."""

    def rename(layer: str) -> str:
        if match := _NEW_BASICSR_BLOCK.fullmatch(layer):
            return f"RRDB_trunk.{match[1]}.RDB{match[2]}.{match[3]}"
        return _NEW_BASICSR.get(layer, layer)

    return renamed(weights, rename)


def _layers(blocks: int, upsamplings: int) -> Iterator[str]:
    """The convolutions under our names, in the order of computation."""
    yield "conv_first"
    for block in range(blocks):
        for dense in (1, 2, 3):
            yield from (f"RRDB_trunk.{block}.RDB{dense}.conv{index}" for index in range(1, 6))
    yield "trunk_conv"
    yield from (f"upconv{index}" for index in range(1, upsamplings + 1))
    yield from ("HRconv", "conv_last")


def _from_ncnn(layers: Sequence[NcnnLayer]) -> dict[str, Tensor] | None:
    kinds = [layer.kind for layer in layers]
    convolutions = [layer.weights for layer in layers if layer.kind == "Convolution"]
    # Other resized blobs only give the sizes to which blobs are cropped.
    convolved = {name for layer in layers if layer.kind == "Convolution" for name in layer.inputs}
    upsamplings = sum(layer.kind == "Interp" and layer.outputs[0] in convolved for layer in layers)
    blocks, rest = divmod(len(convolutions) - 4 - upsamplings, _CONVOLUTIONS_PER_BLOCK)
    if "PReLU" in kinds or "PixelShuffle" in kinds or blocks < 1 or rest:
        return None
    weights = flat(dict(zip(_layers(blocks, upsamplings), convolutions, strict=True)))
    return weights | {"relu": torch.ones(())} if any(_is_relu(layer) for layer in layers) else weights


def _is_relu(layer: NcnnLayer) -> bool:
    """Whether a convolution is followed by a ReLU in the same layer, or by a LeakyReLU of slope 0."""
    kind = layer.whole(9)
    return layer.kind == "Convolution" and (kind == 1 or (kind == 2 and layer.arrays.get(10, (1.0,))[0] == 0))


def _from_keras(layers: KerasLayers) -> dict[str, Tensor] | None:
    convolutions = layers.convolutions
    if layers.normalisations or not any("dense_block" in layer.path for layer in convolutions):
        return None
    inside = layers.inside_blocks()
    blocks, rest = divmod(sum(inside), _CONVOLUTIONS_PER_BLOCK)
    names = list(_layers(blocks, max(len(convolutions) - sum(inside) - 4, 0)))
    in_order = not rest and all(inside[1 : 1 + _CONVOLUTIONS_PER_BLOCK * blocks])
    layers.require_order(in_order and len(names) == len(convolutions))
    return flat({name: layer.weights for name, layer in zip(names, convolutions, strict=True)})


RRDBNET = Architecture(
    name="RRDBNet",
    build=RRDBNet,
    layouts=(
        KeyLayout(("RRDB_trunk.0.RDB1.", "conv_first.")),
        KeyLayout(("model.1.sub.0.RDB1.", "model.0."), _from_esrgan),
        KeyLayout(("body.0.rdb1.", "conv_first."), _from_new_basicsr),
    ),
    sizes=sizes,
    projects="ESRGAN, RealSR, BSRGAN, Real-ESRGAN, DDNSR",
    largest_overlap=32,
    from_ncnn=_from_ncnn,
    from_keras=_from_keras,
)

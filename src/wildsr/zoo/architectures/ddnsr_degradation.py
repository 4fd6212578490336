"""DDNSR's degradation network, which only training needs."""

from collections.abc import Iterator

import torch
from torch import Tensor

from wildsr.networks.ddnsr import DegradationNetwork
from wildsr.zoo.architectures.architecture import Architecture, KeyLayout, Weights, count, flat, shape_of
from wildsr.zoo.formats.h5 import KerasLayers

_NOISE_CONVOLUTIONS = 4


def _sizes(weights: Weights) -> dict[str, int]:
    return {
        "features": shape_of(weights, "conv_first.weight", 4)[0],
        "halvings": count(weights, "halvings."),
        "blocks": count(weights, "trunk."),
    }


def _layers(halvings: int, blocks: int) -> Iterator[str]:
    """The convolutions under our names, in the order of computation."""
    yield "conv_first"
    yield from (f"halvings.{index}.conv{half}" for index in range(halvings) for half in (1, 2))
    yield "conv_hr"
    yield from (f"noise.{index}" for index in range(_NOISE_CONVOLUTIONS))
    yield "conv_mix"
    yield from (f"trunk.{index}.conv{half}" for index in range(blocks) for half in (1, 2))
    yield from ("trunk_conv", "conv_last")


def _from_keras(layers: KerasLayers) -> dict[str, Tensor] | None:
    convolutions = layers.convolutions
    if layers.normalisations or any("dense_block" in layer.path for layer in convolutions):
        return None
    inside = layers.inside_blocks()
    blocks, rest = divmod(sum(inside), 2)
    halvings, more = divmod(len(convolutions) - sum(inside) - _NOISE_CONVOLUTIONS - 5, 2)
    names = list(_layers(max(halvings, 0), blocks))
    first = 2 * halvings + _NOISE_CONVOLUTIONS + 3
    in_order = not rest and not more and halvings >= 0 and all(inside[first : first + 2 * blocks])
    layers.require_order(in_order and len(names) == len(convolutions))
    # The single-input variant of the paper replaces the second input by zeros.
    gain = torch.tensor(0.0 if any(name.startswith("tf.zeros_like") for name in layers.operations) else 1.0)
    named = {name: layer.weights for name, layer in zip(names, convolutions, strict=True)}
    return {"noise_gain": gain} | flat(named)


DDNSR_DEGRADATION = Architecture(
    name="DegradationNetwork",
    build=DegradationNetwork,
    layouts=(KeyLayout(("halvings.0.", "noise.0.", "conv_mix.")),),
    sizes=_sizes,
    training_only="DDNSR's degradation network, which makes an LR image from an HR and an LR one",
    from_keras=_from_keras,
)

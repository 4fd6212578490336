"""ResUNet: wildsr's own models."""

from collections.abc import Iterator, Sequence

from torch import Tensor

from wildsr.networks.resunet import FULL_BLOCKS, HALF_BLOCKS, ResUNet
from wildsr.zoo.architectures.architecture import (
    Architecture,
    KeyLayout,
    Weights,
    count,
    flat,
    pixel_shuffle_scale,
    require_rgb_input,
    shape_of,
)
from wildsr.zoo.formats.ncnn import NcnnLayer

_SHUFFLES = 3


def _sizes(weights: Weights) -> dict[str, int]:
    features, width_in = shape_of(weights, "head.weight", 4)[:2]
    require_rgb_input(width_in)
    return {
        "features": features,
        "width": shape_of(weights, "to_half.weight", 4)[0],
        "blocks": count(weights, "quarter."),
        "scale": pixel_shuffle_scale(shape_of(weights, "tail.weight", 4)[0]),
    }


def _layers(blocks: int) -> Iterator[str]:
    """The convolutions and PReLUs under our names, in the order of computation."""

    def chain(name: str, length: int) -> Iterator[str]:
        for index in range(length):
            yield from (f"{name}.{index}.{layer}" for layer in ("first", "activation", "second"))

    before, after = HALF_BLOCKS
    yield "head"
    yield from chain("full_in", FULL_BLOCKS)
    yield "to_half"
    yield from chain("half_in", before)
    yield "to_quarter"
    yield from chain("quarter", blocks)
    yield "from_quarter"
    yield from chain("half_out", after)
    yield "from_half"
    yield from chain("full_out", FULL_BLOCKS)
    yield from ("activation", "tail")


def _from_ncnn(layers: Sequence[NcnnLayer]) -> dict[str, Tensor] | None:
    kinds = [layer.kind for layer in layers]
    found = [layer.weights for layer in layers if layer.kind in ("Convolution", "PReLU")]
    blocks, rest = divmod(len(found) - len(list(_layers(0))), 3)
    if kinds.count("PixelShuffle") != _SHUFFLES or "PReLU" not in kinds or blocks < 1 or rest:
        return None
    return flat(dict(zip(_layers(blocks), found, strict=True)))


RESUNET = Architecture(
    name="ResUNet",
    build=ResUNet,
    layouts=(KeyLayout(("head.", "to_half.", "quarter.0.", "tail.")),),
    sizes=_sizes,
    projects="wildsr",
    largest_overlap=32,  # differs by at most 0.5 levels of 8 bits then, by 1.4 at 28 (docs/speed.md)
    from_ncnn=_from_ncnn,
)

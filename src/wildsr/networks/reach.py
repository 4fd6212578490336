"""Exact receptive fields, traced from the output pixels back to the LR pixels that influence them."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

Step = Literal["convolution", "blocks", "bilinear", "unshuffle"]


class ReachStage(NamedTuple):
    """One stage of a network, for the computation of receptive fields.

    ``convolution``: ``size`` is the sum of the radii of stride-1 convolutions in a row. ``blocks``: nearest
    upsampling or pixel shuffle by ``size``. ``bilinear``: bilinear upsampling by ``size``,
    align_corners=False. ``unshuffle``: pixel unshuffle by ``size``.
    """

    step: Step
    size: int


def receptive_field(stages: Sequence[ReachStage], scale: int) -> int:
    """Radius in LR pixels of a network that upscales by ``scale``, given its stages in forward order.

    An output pixel that belongs to LR pixel p depends on no LR pixel further than this from p, and on
    some at this distance.
    """
    cell = 1
    for stage in stages:
        if stage.step == "unshuffle":
            cell *= stage.size
    radius = 0
    for pixel in range(cell):
        low, high = pixel * scale, pixel * scale + scale - 1
        for stage in reversed(stages):
            low, high = _sources(low, high, stage)
        radius = max(radius, pixel - low, high - pixel)
    return radius


def _sources(low: int, high: int, stage: ReachStage) -> tuple[int, int]:
    """The range of a stage's inputs that its outputs ``low`` to ``high`` depend on."""
    size = stage.size
    if stage.step == "convolution":
        return low - size, high + size
    if stage.step == "blocks":
        return low // size, high // size
    if stage.step == "bilinear":
        # Output i samples at (i + 1/2) / size - 1/2; its two neighbours are the floor and the next one up.
        return (2 * low + 1 - size) // (2 * size), -((-2 * high - 1 + size) // (2 * size))
    return low * size, high * size + size - 1

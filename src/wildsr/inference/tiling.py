"""Divides an image into overlapping tiles whose cores cover it exactly once.

Every tile of a plan has the same shape, lies wholly inside the image and is cropped to its core, never blended:
at the image's borders a network gets the real border, elsewhere at least ``overlap`` pixels beyond the core.
"""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from wildsr.inference.tile_costs import FLAT, TileCosts, cost


@dataclass(frozen=True)
class Span:
    """The extent of a tile along one axis, and of its core, which is kept. All in LR pixels."""

    start: int
    length: int
    core_start: int
    core_end: int


class Window(NamedTuple):
    """One tile of an image."""

    rows: Span
    columns: Span


@dataclass(frozen=True)
class TilePlan:
    """The tiles of one image, row by row, all of shape (height, width)."""

    height: int
    width: int
    windows: tuple[Window, ...]


def plan(
    height: int, width: int, overlap: int, largest: int, multiple: int = 1, costs: TileCosts = FLAT
) -> TilePlan:
    """Divide a ``height`` x ``width`` image into tiles of the shape with the least cost.

    Larger tiles overlap less, but on some processors they are slower per pixel, as ``costs`` say. No tile has more than
    ``largest``^2 pixels, unless the overlap requires it. Image sizes must be multiples of ``multiple``, and so are all
    starts and lengths.
    """
    shapes = [
        (rows * columns * cost(costs, tall, wide), tall, wide)
        for rows, tall in _lengths(height, overlap, multiple)
        for columns, wide in _lengths(width, overlap, multiple)
        if tall * wide <= largest**2
    ]
    if not shapes:
        smallest = min(tall for _, tall in _lengths(height, overlap, multiple))
        narrowest = min(wide for _, wide in _lengths(width, overlap, multiple))
        shapes = [(0.0, smallest, narrowest)]
    _, tall, wide = min(shapes)
    windows = tuple(
        Window(rows, columns)
        for rows in _spans(height, tall, overlap, multiple)
        for columns in _spans(width, wide, overlap, multiple)
    )
    return TilePlan(tall, wide, windows)


def _lengths(extent: int, overlap: int, multiple: int) -> list[tuple[int, int]]:
    """The shortest sensible tile for each number of tiles along an axis, as (number, length), longest first."""
    rounding = math.lcm(8, multiple)
    shortest = math.ceil(max(2 * overlap + rounding, 32) / multiple) * multiple
    found = [(1, extent)]
    for number in range(2, extent):
        length = math.ceil((extent + 2 * overlap * (number - 1)) / number / rounding) * rounding
        if length < max(shortest, 3 * overlap):
            break
        if length < found[-1][1]:
            found.append((len(_starts(extent, length, overlap, multiple)), length))
    if shortest < found[-1][1]:
        found.append((len(_starts(extent, shortest, overlap, multiple)), shortest))
    return found


def _starts(extent: int, length: int, overlap: int, multiple: int) -> list[int]:
    """Regular starts, the last one moved back so that its tile ends at the border."""
    if length >= extent:
        return [0]
    step = (length - 2 * overlap) // multiple * multiple
    return [*range(0, extent - length, step), extent - length]


def _spans(extent: int, length: int, overlap: int, multiple: int) -> list[Span]:
    starts = _starts(extent, length, overlap, multiple)
    cuts = [
        0,
        *((left + length + right) // 2 for left, right in pairwise(starts)),
        extent,
    ]
    return [Span(s, min(length, extent), a, b) for s, a, b in zip(starts, cuts, cuts[1:], strict=False)]

"""Crops of the report: the places where methods differ most."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from wildsr.evaluation.planes import planes, strips

SIDE = 96
"""Side of a crop in pixels of the result; a multiple of the usual scales."""
_CELL = 24

HOW = (
    f"Crops are {SIDE}x{SIDE} pixels of the results, placed on a grid of {_CELL} pixels where the variance of "
    "luminance (Y) between the methods is largest, without overlap. A single method is compared with the ground truth, "
    "or with bicubic. So crops show where methods disagree, not where one looks best. They are stored losslessly."
)


@dataclass(frozen=True)
class Crop:
    """A window of a result, in its pixels."""

    left: int
    top: int
    width: int
    height: int


def choose(images: Sequence[Tensor], count: int = 3) -> list[Crop]:
    """At most ``count`` windows where ``images``, all (1, 3, H, W) uint8, differ most, in descending order.

    An image smaller than a window is one crop. There are none for a single image or equal ones.
    """
    height, width = images[0].shape[2:] if images else (0, 0)
    if len(images) < 2 or all(torch.equal(images[0], other) for other in images[1:]):
        return []
    if min(height, width) < SIDE:
        return [Crop(0, 0, width, height)]
    cells = torch.cat(
        [_variance(images, rows) for rows in strips(height, len(images) * width, multiple=_CELL)]
    )
    reach = SIDE // _CELL
    scores = F.avg_pool2d(cells[None, None], reach, stride=1)[0, 0]
    found: list[Crop] = []
    while len(found) < count and scores.max() > 0:
        row, column = divmod(int(scores.argmax()), scores.shape[1])
        found.append(Crop(column * _CELL, row * _CELL, SIDE, SIDE))
        scores[max(row - reach + 1, 0) : row + reach, max(column - reach + 1, 0) : column + reach] = 0
    return found


def most_different(images: Sequence[Tensor], side: int) -> Crop:
    """The window of at most ``side`` x ``side`` pixels where ``images``, all (1, 3, H, W) uint8, differ most."""
    height, width = images[0].shape[2:]
    down, across = min(side, height), min(side, width)
    if (down, across) == (height, width) or min(down, across) < _CELL:
        return Crop((width - across) // 2, (height - down) // 2, across, down)
    cells = torch.cat(
        [_variance(images, rows) for rows in strips(height, len(images) * width, multiple=_CELL)]
    )
    scores = F.avg_pool2d(cells[None, None], (down // _CELL, across // _CELL), stride=1)[0, 0]
    row, column = divmod(int(scores.argmax()), scores.shape[1])
    return Crop(min(column * _CELL, width - across), min(row * _CELL, height - down), across, down)


def cut(levels: Tensor, crop: Crop, whole: tuple[int, int]) -> Tensor:
    """The part of levels (1, 3, h, w) that corresponds to ``crop`` of an image of size (height, width) ``whole``."""
    down, across = levels.shape[2] / whole[0], levels.shape[3] / whole[1]
    rows = slice(round(crop.top * down), max(round((crop.top + crop.height) * down), 1))
    columns = slice(round(crop.left * across), max(round((crop.left + crop.width) * across), 1))
    return levels[:, :, rows, columns]


def _variance(images: Sequence[Tensor], rows: slice) -> Tensor:
    """Mean variance between the images in whole cells of some rows; (rows of cells, columns of cells)."""
    luma = torch.cat([planes(image[:, :, rows], "y") for image in images])
    return (
        F.avg_pool2d(luma.var(0, correction=0), _CELL)[0]
        if luma.shape[2] >= _CELL
        else luma.new_zeros(0, luma.shape[3] // _CELL)
    )

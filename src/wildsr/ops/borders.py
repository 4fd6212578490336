"""Padding of images, and the mapping of positions outside an image to pixels inside."""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Border = Literal["reflect", "symmetric", "circular", "replicate"]
"""``reflect`` mirrors without repeating the edge pixel, ``symmetric`` repeats it; ``circular`` wraps around,
``replicate`` repeats the edge without end. scipy.ndimage calls the first three mirror, reflect and wrap."""


def inside(positions: Tensor, size: int, border: Border) -> Tensor:
    """Map integer ``positions``, at any distance from the image, to pixels 0 to ``size`` - 1.

    Raises:
        ValueError: for an unknown border.
    """
    if border == "replicate":
        return positions.clamp(0, size - 1)
    if border == "circular":
        return positions.remainder(size)
    if border == "symmetric":
        folded = positions.remainder(2 * size)
        return torch.where(folded < size, folded, 2 * size - 1 - folded)
    if border == "reflect":
        period = max(2 * (size - 1), 1)
        folded = positions.remainder(period)
        return torch.where(folded < size, folded, period - folded)
    raise ValueError(f"a border is reflect, symmetric, circular or replicate, not {border!r}")


def pad(images: Tensor, rows: tuple[int, int], columns: tuple[int, int], border: Border) -> Tensor:
    """Pad (..., H, W) by numbers of rows and columns (before, after) of any size."""
    height, width = images.shape[-2:]
    if images.ndim == 4 and border != "symmetric" and max(rows) < height and max(columns) < width:
        return F.pad(images, [*columns, *rows], mode=border)  # the same, and faster
    down = torch.arange(-rows[0], height + rows[1], device=images.device)
    across = torch.arange(-columns[0], width + columns[1], device=images.device)
    padded = images.index_select(-2, inside(down, height, border))
    return padded.index_select(-1, inside(across, width, border))

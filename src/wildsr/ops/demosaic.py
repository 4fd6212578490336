"""Bayer patterns: mosaicing to one colour per pixel, and demosaicing, which interpolates the two missing ones.

Patterns are named by their first two rows: ``rggb``, ``bggr``, ``grbg`` or ``gbrg``. Images may have any size of at
least two pixels; at their borders they are mirrored without repeating the edge, which keeps the pattern.
"""

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from wildsr.ops.borders import pad

Method = Literal["malvar", "bilinear"]

# Where the first red pixel is, (row, column); blue is diagonal to it.
_FIRST_RED = {"rggb": (0, 0), "bggr": (1, 1), "grbg": (0, 1), "gbrg": (1, 0)}
PATTERNS = tuple(_FIRST_RED)

Table = tuple[tuple[float, ...], ...]
# In eighths. Each estimates a missing colour from neighbours: green from the four beside; red or blue from those left
# and right, or diagonal (from above and below is the transpose of the former).
_BILINEAR: dict[str, Table] = {
    "cross": ((0, 2, 0), (2, 0, 2), (0, 2, 0)),
    "across": ((0, 0, 0), (4, 0, 4), (0, 0, 0)),
    "diagonal": ((2, 0, 2), (0, 0, 0), (2, 0, 2)),
}
# Malvar, He and Cutler (2004), figure 2: bilinear, corrected by the Laplacian of the recorded colour.
_MALVAR: dict[str, Table] = {
    "cross": ((0, 0, -1, 0, 0), (0, 0, 2, 0, 0), (-1, 2, 4, 2, -1), (0, 0, 2, 0, 0), (0, 0, -1, 0, 0)),
    "across": ((0, 0, 0.5, 0, 0), (0, -1, 0, -1, 0), (-1, 4, 5, 4, -1), (0, -1, 0, -1, 0), (0, 0, 0.5, 0, 0)),
    "diagonal": (
        (0, 0, -1.5, 0, 0),
        (0, 2, 0, 2, 0),
        (-1.5, 0, 6, 0, -1.5),
        (0, 2, 0, 2, 0),
        (0, 0, -1.5, 0, 0),
    ),
}
_FILTERS: dict[Method, dict[str, Table]] = {"malvar": _MALVAR, "bilinear": _BILINEAR}


def mosaic(images: Tensor, patterns: Sequence[str]) -> Tensor:
    """The raw images (B, 1, H, W) that a sensor records of (B, 3, H, W), with one pattern for each image.

    Raises:
        ValueError: for an unknown pattern, or when there is not one for each image.
    """
    return (images * _seen(images, patterns)).sum(1, keepdim=True)


def demosaic(raw: Tensor, patterns: Sequence[str], method: Method = "malvar") -> Tensor:
    """Interpolate raw images (B, 1, H, W), with one pattern each, to (B, 3, H, W); not clamped.

    ``malvar`` are the 5 x 5 filters of Malvar, He and Cutler (2004), ``bilinear`` means of the nearest neighbours. Both
    keep the recorded values, and are exact where colours are constant, and on linear ramps away from borders. White
    balance should come before.

    Raises:
        ValueError: for an unknown pattern or method, or images of a single row or column.
    """
    if method not in _FILTERS:
        raise ValueError(f"a method of demosaicing is malvar or bilinear, not {method!r}")
    if min(raw.shape[-2:]) < 2:
        raise ValueError(f"a raw image needs two rows and columns, not {tuple(raw.shape[-2:])}")
    cross, across, down, diagonal = _estimates(raw, _FILTERS[method]).unsqueeze(2).unbind(1)
    red, green, blue = _seen(raw.expand(-1, 3, -1, -1), patterns).bool().unsqueeze(2).unbind(1)
    # A green pixel has its red neighbours beside it where its row has red ones.
    beside_red = green & red.any(-1, keepdim=True)
    straight = torch.where(beside_red, across, down)
    crosswise = torch.where(beside_red, down, across)
    return torch.cat(
        [
            torch.where(red, raw, torch.where(blue, diagonal, straight)),
            torch.where(green, raw, cross),
            torch.where(blue, raw, torch.where(red, diagonal, crosswise)),
        ],
        1,
    )


def _estimates(raw: Tensor, filters: dict[str, Table]) -> Tensor:
    """The raw images filtered by the four filters: cross, across, down, diagonal; (B, 4, H, W)."""
    across = torch.tensor(filters["across"]) / 8
    cross, diagonal = torch.tensor(filters["cross"]) / 8, torch.tensor(filters["diagonal"]) / 8
    weights = torch.stack([cross, across, across.T, diagonal]).unsqueeze(1).to(raw)
    reach = weights.shape[-1] // 2
    return F.conv2d(pad(raw, (reach, reach), (reach, reach), "reflect"), weights)


def _seen(images: Tensor, patterns: Sequence[str]) -> Tensor:
    """1 where a pixel records a colour and 0 elsewhere, (B, 3, H, W)."""
    if len(patterns) != len(images):
        raise ValueError(f"{len(images)} images but {len(patterns)} Bayer patterns")
    unknown = set(patterns) - set(_FIRST_RED)
    if unknown:
        raise ValueError(f"Bayer patterns are {', '.join(PATTERNS)}, not {sorted(unknown)[0]!r}")
    first = torch.tensor([_FIRST_RED[pattern] for pattern in patterns], device=images.device)
    rows = torch.arange(images.shape[-2], device=images.device)
    columns = torch.arange(images.shape[-1], device=images.device)
    red_row = ((rows + first[:, :1]) % 2 == 0)[:, :, None]
    red_column = ((columns + first[:, 1:]) % 2 == 0)[:, None, :]
    seen = torch.stack([red_row & red_column, red_row ^ red_column, ~red_row & ~red_column], 1)
    return seen.to(images.dtype)

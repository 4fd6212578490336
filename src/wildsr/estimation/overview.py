"""Overview images of pools."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from wildsr.degradations.pools import KernelPool, NoisePool
from wildsr.image import write_rgb

_GAP = 4
_PAPER = 0.12
_MOST = 100


def kernel_sheet(pool: KernelPool, most: int = _MOST) -> Tensor:
    """Up to ``most`` kernels, evenly chosen, (3, H, W) in [0, 1]: each pixel 5 pixels wide, the largest value white.

    The square root of the values is shown, negative values in red.
    """
    kernels = pool.kernels[_chosen(len(pool), most)]
    shade = kernels / kernels.abs().amax((-2, -1), keepdim=True).clamp(min=1e-12)
    bright, negative = shade.clamp(min=0).sqrt(), (-shade).clamp(min=0).sqrt()
    cells = torch.stack([torch.maximum(bright, negative), bright, bright], 1)
    return _sheet(F.interpolate(cells, scale_factor=5, mode="nearest"))


def noise_sheet(pool: NoisePool, most: int = _MOST // 2, side: int = 128) -> Tensor:
    """Up to ``most`` patches, evenly chosen, (3, H, W) in [0, 1], next to their noise: mid-grey plus 8 times the noise.

    Patches larger than ``side`` are cropped at their centre.
    """
    patches = pool.patches[_chosen(len(pool), most)]
    start = max(0, (patches.shape[-1] - side) // 2)
    shown = patches[..., start : start + side, start : start + side].float() / 255
    noise = (0.5 + 8 * (shown - shown.mean((-2, -1), keepdim=True))).clamp(0, 1)
    return _sheet(torch.cat([shown, noise], -1))


def write_sheet(path: Path, sheet: Tensor) -> None:
    """Write (3, H, W) in [0, 1] as an image of 8 bits.

    Raises:
        ImageError: the file cannot be written.
    """
    write_rgb(path, sheet)


def _chosen(count: int, most: int) -> Tensor:
    return torch.linspace(0, count - 1, min(count, most)).round().long()


def _sheet(cells: Tensor) -> Tensor:
    """Arrange cells (N, 3, h, w) in rows, for a roughly square sheet."""
    count, _, height, width = cells.shape
    columns = min(count, max(1, round((count * height / width) ** 0.5)))
    rows = -(-count // columns)
    sheet = cells.new_full((3, rows * (height + _GAP) + _GAP, columns * (width + _GAP) + _GAP), _PAPER)
    for index, cell in enumerate(cells):
        row, column = divmod(index, columns)
        top, left = _GAP + row * (height + _GAP), _GAP + column * (width + _GAP)
        sheet[:, top : top + height, left : left + width] = cell
    return sheet

"""Subpixel shifts."""

import torch
from torch import Tensor

from wildsr.ops.borders import inside


def shift_linear(images: Tensor, shift: float) -> Tensor:
    """Sample (..., H, W) bilinearly ``shift`` pixels further down and right, or up and left if negative.

    Positions outside the image are moved to its edge. BSRGAN's shift_pixel for a scale s takes (s - 1) / 2.
    """
    for dim in (-2, -1):
        size = images.shape[dim]
        wanted = (torch.arange(size, dtype=torch.float64) + shift).clamp(0, size - 1)
        lower = wanted.floor().clamp(max=max(size - 2, 0))
        part = (wanted - lower).to(images)
        if dim == -2:
            part = part.unsqueeze(-1)
        below = lower.long().to(images.device)
        above = (below + 1).clamp(max=size - 1)
        images = images.index_select(dim, below) * (1 - part) + images.index_select(dim, above) * part
    return images


def shift_cubic(images: Tensor, down: float, right: float) -> Tensor:
    """Shift (..., H, W) by fractions of a pixel with cubic spline interpolation and zero padding.

    Equal to scipy.ndimage.shift with its defaults: the spline is mirrored at the borders, and positions outside the
    original pixel centres are zero. Meant for kernels: the cost grows with the cube of the side.
    """
    rows = _spline_shift(images.shape[-2], down).to(images.device)
    columns = _spline_shift(images.shape[-1], right).to(images.device)
    return (rows @ images.double() @ columns.mT).to(images)


def _spline_shift(size: int, shift: float) -> Tensor:
    """The matrix (size, size) float64 that shifts a column of samples."""
    if size == 1:
        return torch.full((1, 1), float(shift == 0), dtype=torch.float64)
    index = torch.arange(size)
    wanted = index.double() - shift
    at_samples = _spline_basis(index.double(), size)
    at_wanted = _spline_basis(wanted, size)
    at_wanted[(wanted < 0) | (wanted > size - 1)] = 0
    inverse: Tensor = torch.linalg.inv(at_samples)
    return at_wanted @ inverse


def _spline_basis(positions: Tensor, size: int) -> Tensor:
    """Values at ``positions`` of the cubic B-splines around each of ``size`` pixels, mirrored at the borders."""
    result = torch.zeros(len(positions), size, dtype=torch.float64)
    base = positions.floor()
    for tap in range(-1, 3):
        knot = base + tap
        distance = (positions - knot).abs()
        near = 2 / 3 - distance**2 + distance**3 / 2
        value = torch.where(distance < 1, near, (2 - distance).clamp(min=0) ** 3 / 6)
        result.scatter_add_(1, inside(knot.long(), size, "reflect")[:, None], value[:, None])
    return result

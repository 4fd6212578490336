"""Blur kernels. All are computed in float64, sum to one, and are returned in ``dtype``.

``sigma_x`` and ``sigma_y`` are standard deviations in pixels along the principal axes, the first one rotated by
``theta`` radians from the columns towards the rows. KAIR and BSRGAN use eigenvalues, which are their squares.
"""

import math

import torch
from torch import Tensor


def gaussian_kernel(
    size: int,
    sigma_x: float,
    sigma_y: float,
    theta: float = 0.0,
    *,
    centre: tuple[float, float] | None = None,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Anisotropic Gaussian kernel, (size, size).

    ``centre`` is its (row, column) in pixels from the first one, by default the middle of the kernel; a centre
    (scale - 1) / 2 pixels before the middle keeps images aligned when they are subsampled from their first pixel
    (Zhang et al., 2020, as KAIR's gen_kernel).
    """
    return _normalised(torch.exp(-0.5 * _squared_distance(size, sigma_x, sigma_y, theta, centre)), dtype)


def gaussian_profile(size: int, sigma: float) -> Tensor:
    """A Gaussian in one dimension, (size,) float64, summing to one; ``sigma`` in pixels."""
    offsets = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    profile = torch.exp(-0.5 * (offsets / sigma).square())
    return profile / profile.sum()


def generalized_gaussian_kernel(
    size: int,
    sigma_x: float,
    sigma_y: float,
    theta: float,
    beta: float,
    *,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Kernel (size, size) of the shape exp(-d^(2 beta) / 2), Gaussian for ``beta`` = 1, flatter above.

    Real-ESRGAN (Wang et al., 2021, section 3.1), after Liu et al., 2020.
    """
    distance = _squared_distance(size, sigma_x, sigma_y, theta)
    return _normalised(torch.exp(-0.5 * distance.pow(beta)), dtype)


def plateau_kernel(
    size: int,
    sigma_x: float,
    sigma_y: float,
    theta: float,
    beta: float,
    *,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Kernel (size, size) of the shape 1 / (1 + d^(2 beta)); Real-ESRGAN (Wang et al., 2021, section 3.1)."""
    return _normalised(1 / (1 + _squared_distance(size, sigma_x, sigma_y, theta).pow(beta)), dtype)


def sinc_kernel(size: int, cutoff: float, *, pad_to: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    """Circular low-pass filter, which causes ringing; Real-ESRGAN (Wang et al., 2021, section 3.3).

    ``cutoff`` is in radians per pixel, pi at most. The kernel is (size, size), with zeros around it up to
    (pad_to, pad_to) where that is larger.
    """
    axis = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    radius = (axis[:, None].square() + axis.square()).sqrt()
    middle = cutoff**2 / (4 * math.pi)
    away = cutoff * _bessel_j1(cutoff * radius) / (2 * math.pi * radius)
    kernel = _normalised(torch.where(radius == 0, middle, away), dtype)
    return pad_kernel(kernel, pad_to) if pad_to > size else kernel


def pad_kernel(kernel: Tensor, size: int) -> Tensor:
    """Pad a kernel (..., k, k) with zeros to (..., size, size), so that kernels of several sizes fit in one batch.

    Raises:
        ValueError: for a size that is smaller than the kernel, or odd where the kernel is even, or the reverse.
    """
    missing = size - kernel.shape[-1]
    if missing < 0 or missing % 2:
        raise ValueError(f"a kernel of {kernel.shape[-1]} pixels cannot be padded evenly to {size}")
    return torch.nn.functional.pad(kernel, [missing // 2] * 4)


def _squared_distance(
    size: int, sigma_x: float, sigma_y: float, theta: float, centre: tuple[float, float] | None = None
) -> Tensor:
    """Squared distance from the centre in standard deviations, (size, size) float64."""
    row, column = centre if centre is not None else ((size - 1) / 2, (size - 1) / 2)
    index = torch.arange(size, dtype=torch.float64)
    y, x = torch.meshgrid(index - row, index - column, indexing="ij")
    along = (x * math.cos(theta) + y * math.sin(theta)) / sigma_x
    across = (y * math.cos(theta) - x * math.sin(theta)) / sigma_y
    return along.square() + across.square()


def _bessel_j1(x: Tensor) -> Tensor:
    """The Bessel function of the first kind and order one, by its integral over one period.

    PyTorch's own is exact to 1e-8 only. The trapezoidal rule integrates a periodic function to full precision with
    somewhat more points than the largest ``x``.
    """
    points = math.ceil(float(x.max())) + 48
    angles = torch.arange(points, dtype=x.dtype) * (2 * math.pi / points)
    return torch.cos(angles - x.unsqueeze(-1) * angles.sin()).mean(-1)


def _normalised(kernel: Tensor, dtype: torch.dtype) -> Tensor:
    return (kernel / kernel.sum()).to(dtype)

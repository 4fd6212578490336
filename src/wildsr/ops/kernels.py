"""Blur kernels."""

import math

import torch
from torch import Tensor


def gaussian_kernel(size: int, sigma_x: float, sigma_y: float, theta: float = 0.0) -> Tensor:
    """Anisotropic Gaussian kernel, (size, size) float32, summing to one.

    ``sigma_x`` and ``sigma_y`` are in pixels along the principal axes, the first one turned by ``theta`` radians.
    """
    axis = torch.arange(size, dtype=torch.float64) - (size - 1) / 2
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    along = (x * math.cos(theta) + y * math.sin(theta)) / sigma_x
    across = (y * math.cos(theta) - x * math.sin(theta)) / sigma_y
    kernel = torch.exp(-0.5 * (along.square() + across.square()))
    return (kernel / kernel.sum()).float()

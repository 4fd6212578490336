"""KernelGAN recovers the orientation of a blur: blurs along the two diagonals give kernels along them."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from wildsr.estimation.kernelgan import CropSource, KernelGANSettings, estimate_kernels, finished
from wildsr.image import quantize
from wildsr.ops.filtering import filter_per_sample
from wildsr.ops.kernels import gaussian_kernel


def leaves(side: int, count: int) -> Tensor:
    """Discs and rectangles of all sizes and colours over one another, (1, 3, side, side): sharp at every scale."""
    rng = np.random.default_rng(0)
    image = np.full((2 * side, 2 * side, 3), 0.5, np.float32)
    drawn = rng.random(count)
    radii = 1 / np.sqrt(drawn / 3**2 + (1 - drawn) / (side / 2.5) ** 2)
    rows, columns = np.mgrid[: 2 * side, : 2 * side]
    for index, radius in enumerate(radii):
        row, column = rng.random(2) * 2 * side
        top, left = (max(0, int(middle - 1.5 * radius)) for middle in (row, column))
        box = np.s_[top : int(row + 1.5 * radius) + 1, left : int(column + 1.5 * radius) + 1]
        down, right, angle = rows[box] - row, columns[box] - column, rng.uniform(0, math.pi)
        along = math.cos(angle) * right + math.sin(angle) * down
        across = math.cos(angle) * down - math.sin(angle) * right
        rectangle = np.maximum(abs(along), 1.3 * abs(across)) < 0.9 * radius
        inside = rectangle if index % 2 else np.hypot(along, across) < radius
        image[box][inside] = 0.3 * rng.random(3) + 0.7 * rng.random()
    return F.avg_pool2d(torch.from_numpy(image).permute(2, 0, 1)[None], 2)


def slant(kernel: Tensor) -> float:
    """Correlation of rows and columns: 1 along one diagonal, -1 along the other."""
    weights = kernel.double().clamp(min=0)
    weights = weights / weights.sum()
    index = torch.arange(kernel.shape[-1], dtype=torch.float64)
    down, right = (index - weights.sum(dim) @ index for dim in (1, 0))
    spread = (weights.sum(1) @ down.square()) * (weights.sum(0) @ right.square())
    return float((weights * down[:, None] * right).sum() / spread.sqrt())


def test_diagonals_are_told_apart() -> None:
    """For four seeds the two slants differed by at least 0.45; the true difference is 1.8."""
    settings = KernelGANSettings(iterations=400)
    hr = leaves(400, 4000)
    sources = []
    for sign in (1, -1):
        kernel = gaussian_kernel(21, 3.0, 0.7, sign * math.pi / 4, centre=(10.5, 10.5))
        assert sign * slant(kernel) > 0.8
        lr = filter_per_sample(hr, kernel[None], "symmetric")[0, :, ::2, ::2]
        sources.append(CropSource(quantize(lr), settings))
    falling, rising = (finished(kernel, 2) for kernel in estimate_kernels(sources, settings))
    assert slant(falling) > slant(rising) + 0.2

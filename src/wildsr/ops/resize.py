"""Resizing of images in memory."""

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from wildsr.ops.borders import inside
from wildsr.ops.filtering import filter_per_sample

Method = Literal["nearest", "bilinear", "bicubic", "area", "coverage"]
Outside = Literal["mirrored", "kernelgan"]


def resize(
    images: Tensor, size: tuple[int, int], method: Method = "bicubic", antialias: bool = True
) -> Tensor:
    """Resize (B, C, H, W) to ``size`` = (height, width), pixel centres aligned at the half (align_corners=False).

    With ``antialias``, bilinear and bicubic kernels widen when downscaling. This equals :func:`imresize` except at the
    borders, where kernels are cut off at the edge; without ``antialias`` both are OpenCV's. ``area`` takes means
    over whole pixels, ``coverage`` weights them by the part that is covered, as OpenCV's area does. Not clamped.
    """
    if method == "coverage":
        return _resize_by_coverage(images, size)
    if method in ("nearest", "area"):
        return F.interpolate(images, size=size, mode=method)
    return F.interpolate(images, size=size, mode=method, antialias=antialias, align_corners=False)


def imresize(images: Tensor, scale: float, antialias: bool = True, outside: Outside = "mirrored") -> Tensor:
    """Resize (..., H, W) as MATLAB's imresize with a cubic kernel (a = -0.5) does, to ceil(H * scale) and so on.

    With ``antialias`` the kernel is 1 / scale times as wide when downscaling. ``outside`` is the padding: ``mirrored``
    with the edge repeated, as in MATLAB, RealSR, KAIR and BasicSR; or as in the code of ``kernelgan``, mirrored at the
    right and bottom and cut off at the left and top. The result is not
    clamped; RWSR-EDL and DSGAN clamp theirs to [0, 1].

    Raises:
        ValueError: for a scale that is not positive.
    """
    if not scale > 0:
        raise ValueError(f"a scale must be positive, not {scale}")
    height, width = images.shape[-2:]
    down = _contributions(height, scale, antialias, outside)
    return _weighted(images, down, _contributions(width, scale, antialias, outside))


def imresize_to(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize (..., H, W) to ``size`` (height, width) as MATLAB's imresize does: each side by a scale of its own."""
    contributions = []
    for old, new in zip(images.shape[-2:], size, strict=True):
        pixels, weights = _contributions(old, new / old, True, "mirrored")
        contributions.append((pixels[:, :new], weights[:, :new]))  # rounding may give one more
    return _weighted(images, *contributions)


def downscale_with_kernel(images: Tensor, kernels: Tensor, scale: float) -> Tensor:
    """Blur (B, C, H, W) with kernels (1 or B, k, k) and take every 1 / scale-th pixel, as KernelGAN's imresize does.

    The kernel is correlated, with the edge repeated at the borders; the pixels are those nearest to evenly spaced
    positions from 0 to H - 1 / scale. The original keeps the sample type of the blurred image, so on 8-bit
    images it truncates: give levels as float64, and take ``.trunc()`` of the result.
    """
    kept = [kernelgan_positions(size, scale) for size in images.shape[-2:]]
    step = max(1, round(1 / scale))
    if all(torch.equal(one, torch.arange(len(one)) * step) for one in kept):
        # Where the factor divides both sides, only the pixels that are kept are computed.
        blurred = filter_per_sample(images, kernels, "symmetric", stride=step)
        return blurred[..., : len(kept[0]), : len(kept[1])]
    blurred = filter_per_sample(images, kernels, "symmetric")
    for dim, one in zip((-2, -1), kept, strict=True):
        blurred = blurred.index_select(dim, one.to(images.device))
    return blurred


def kernelgan_positions(size: int, scale: float) -> Tensor:
    """The pixels of ``size`` that :func:`downscale_with_kernel` keeps, (ceil(size * scale),) int64."""
    steps = math.ceil(size * scale)
    # Not torch.linspace, which rounds otherwise: positions halfway between two pixels are common here.
    spacing = (size - 1 / scale) / max(steps - 1, 1)
    return (torch.arange(steps, dtype=torch.float64) * spacing).round().long()


Contributions = tuple[Tensor, Tensor]
"""For each tap and output pixel: an input pixel, and its weight (float64); both (taps, out)."""


def _weighted(images: Tensor, down: Contributions, across: Contributions) -> Tensor:
    # Whole rows are gathered quickly, columns are not.
    shorter = _weighted_rows(images, *down)
    return _weighted_rows(shorter.mT.contiguous(), *across).mT.contiguous()


def _weighted_rows(images: Tensor, pixels: Tensor, weights: Tensor) -> Tensor:
    pixels, weights = pixels.to(images.device), weights.to(images).unsqueeze(-1)
    total = images.index_select(-2, pixels[0]) * weights[0]
    for pixel, weight in zip(pixels[1:], weights[1:], strict=True):
        total = torch.addcmul(total, images.index_select(-2, pixel), weight)
    return total


def _contributions(size: int, scale: float, antialias: bool, outside: Outside) -> Contributions:
    stretch = min(scale, 1.0) if antialias else 1.0
    width = 4 / stretch
    centres = (torch.arange(math.ceil(size * scale), dtype=torch.float64) + 0.5) / scale - 0.5
    first = (centres - width / 2).floor()
    positions = first + torch.arange(math.ceil(width) + 2, dtype=torch.float64)[:, None]
    weights = _cubic(stretch * (centres - positions))
    if outside == "kernelgan":
        weights = torch.where(positions < 0, 0.0, weights)
    weights = weights / weights.sum(0)
    used = weights.abs().amax(1) > 0
    return inside(positions.long(), size, "symmetric")[used], weights[used]


def _cubic(distance: Tensor) -> Tensor:
    """Keys' cubic convolution kernel with a = -0.5."""
    x = distance.abs()
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return torch.where(x <= 1, near, torch.where(x <= 2, far, 0.0))


def _resize_by_coverage(images: Tensor, size: tuple[int, int]) -> Tensor:
    old = images.shape[-2:]
    shrinks = size[0] <= old[0] and size[1] <= old[1]
    contributions = _coverage if shrinks else _enlarged_coverage
    return _weighted(images, contributions(old[0], size[0]), contributions(old[1], size[1]))


def _coverage(old: int, new: int) -> Contributions:
    factor = old / new
    start = torch.arange(new, dtype=torch.float64) * factor
    stop = (start + factor).clamp(max=old)
    pixels = start.floor() + torch.arange(math.ceil(factor) + 1, dtype=torch.float64)[:, None]
    covered = (torch.minimum(pixels + 1, stop) - torch.maximum(pixels, start)).clamp(min=0)
    covered = torch.where(covered > 1e-3, covered, 0.0)  # OpenCV leaves out slivers
    return pixels.long().clamp(max=old - 1), covered / covered.sum(0)


def _enlarged_coverage(old: int, new: int) -> Contributions:
    """OpenCV's area for upscaling: flat, with a linear slope where an output pixel overlaps two input pixels."""
    index = torch.arange(new, dtype=torch.float64)
    first = (
        index * (1 / (new / old))
    ).floor()  # in OpenCV's order, which decides where it falls on a whole pixel
    part = (index + 1) - (first + 1) * (new / old)
    part = torch.where(part <= 0, 0.0, part - part.floor())
    pixels = torch.stack([first, first + 1]).long().clamp(max=old - 1)
    return pixels, torch.stack([1 - part, part])

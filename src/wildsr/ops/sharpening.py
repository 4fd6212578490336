"""Unsharp masking, as in Real-ESRGAN (Wang et al., 2021, section 3.3) and BSRGAN's extended model; edge steepening."""

import torch
import torch.nn.functional as F
from torch import Tensor

from wildsr.ops.filtering import filter_separably
from wildsr.ops.kernels import gaussian_profile


def blur_sigma(size: int) -> float:
    """OpenCV's default standard deviation, in pixels, of a Gaussian of ``size`` pixels."""
    return 0.3 * ((size - 1) * 0.5 - 1) + 0.8


def unsharp_mask(images: Tensor, weight: float = 0.5, radius: int = 50, threshold: float = 10) -> Tensor:
    """Sharpen (B, C, H, W) in [0, 1] where it differs from its blur by more than ``threshold`` levels of 8 bits.

    ``radius`` is the size of the Gaussian in pixels, made odd by adding one. The sharpened image is clamped to
    [0, 1] and blended in by the blurred mask. The defaults are those of both originals.
    """
    size = radius + 1 - radius % 2
    profile = gaussian_profile(size, blur_sigma(size))
    residual = images - filter_separably(images, profile)
    mask = (residual.abs() * 255 > threshold).to(images)
    soft = filter_separably(mask, profile)
    sharp = (images + weight * residual).clamp(0, 1)
    return soft * sharp + (1 - soft) * images


def local_range(images: Tensor, reach: int) -> tuple[Tensor, Tensor]:
    """The minimum and maximum of (B, C, H, W) within ``reach`` pixels of each pixel, channel by channel."""
    return -_local_maximum(-images, reach), _local_maximum(images, reach)


def _local_maximum(images: Tensor, reach: int) -> Tensor:
    """Row by row and column by column, each by doubling the window; on CPUs ten times as fast as ``max_pool2d``."""
    size = 2 * reach + 1
    found = F.pad(images.contiguous(), (reach,) * 4, value=float("-inf"))
    for dim in (-2, -1):
        length, window = found.shape[dim], 1
        while window < size:
            shift = min(window, size - window)
            length -= shift
            found = torch.maximum(found.narrow(dim, 0, length), found.narrow(dim, shift, length))
            window += shift
    return found


def steepen_edges(
    images: Tensor,
    weight: float = 1.0,
    sigma: float = 1.5,
    reach: int = 2,
    contrast: tuple[float, float] = (12, 36),
) -> Tensor:
    """Make the edges of (B, C, H, W) in [0, 1] steeper without halos.

    An unsharp mask with a Gaussian of ``sigma`` pixels, clamped to the range of the original values within ``reach``
    pixels. Its share grows with that range, from 0 at the first value of ``contrast`` to 1 at the second, in levels of
    8 bits, so that weak texture and noise stay as they are.
    """
    residual = images - filter_separably(images, gaussian_profile(2 * round(3 * sigma) + 1, sigma))
    low, high = local_range(images, reach)
    start, end = contrast
    share = (((high - low) * 255 - start) / (end - start)).clamp(0, 1)
    return (images + weight * share * residual).clamp(low, high)

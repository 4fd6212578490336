"""Unsharp masking, as in Real-ESRGAN (Wang et al., 2021, section 3.3) and BSRGAN's extended model."""

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

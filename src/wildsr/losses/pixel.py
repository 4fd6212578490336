"""Pixel losses: distances of two batches of images (or of features) of the same shape."""

import torch.nn.functional as F
from torch import Tensor


def l1(sr: Tensor, hr: Tensor) -> Tensor:
    """Mean absolute difference of two batches of the same shape."""
    return F.l1_loss(sr, hr)


def l2(sr: Tensor, hr: Tensor) -> Tensor:
    """Mean squared difference of two batches of the same shape."""
    return F.mse_loss(sr, hr)


def charbonnier_sum(sr: Tensor, hr: Tensor, epsilon: float = 1e-6) -> Tensor:
    """Sum of sqrt(difference² + epsilon) over all values, as in the code of ESRGAN, RealSR and SRResCGAN."""
    return _charbonnier(sr, hr, epsilon).sum()


def charbonnier_mean(sr: Tensor, hr: Tensor, epsilon: float = 1e-9) -> Tensor:
    """Mean of sqrt(difference² + epsilon) over all values, as in BSRGAN's code (KAIR)."""
    return _charbonnier(sr, hr, epsilon).mean()


def psnr_loss(sr: Tensor, hr: Tensor, epsilon: float = 1e-5) -> Tensor:
    """Negative PSNR divided by 10, the mean over the images (B, C, H, W) in [0, 1].

    ``epsilon`` is added to the mean squared difference, so that nearly perfect images do not dominate: with 1e-5, gains
    beyond 50 dB count for nothing.
    """
    return ((sr - hr).square().mean((1, 2, 3)) + epsilon).log10().mean()


def _charbonnier(sr: Tensor, hr: Tensor, epsilon: float) -> Tensor:
    return ((sr - hr).square() + epsilon).sqrt()

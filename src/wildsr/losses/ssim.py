"""Structural similarity as a loss (Wang et al., 2004)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from wildsr.ops.kernels import gaussian_profile

_SIZE, _SIGMA = 11, 1.5
_C1, _C2 = 0.01**2, 0.03**2


def ssim_index(sr: Tensor, hr: Tensor) -> Tensor:
    """SSIM (B,) of each pair in (B, C, H, W), values in [0, 1]; 1 for equal images.

    Gaussian windows of 11 pixels, with zeros outside the image, as in BSRGAN's code (KAIR). The metric of the same
    name in ``evaluation`` excludes the borders.
    """
    # Variances are small differences of large numbers, for which half precision is too coarse.
    with torch.autocast(sr.device.type, enabled=False):
        dtype = torch.promote_types(sr.dtype, torch.float32)
        sr, hr = sr.to(dtype), hr.to(dtype)
        mean_sr, mean_hr = _windows(sr), _windows(hr)
        variance_sr = _windows(sr * sr) - mean_sr.square()
        variance_hr = _windows(hr * hr) - mean_hr.square()
        covariance = _windows(sr * hr) - mean_sr * mean_hr
        luminance = (2 * mean_sr * mean_hr + _C1) / (mean_sr.square() + mean_hr.square() + _C1)
        structure = (2 * covariance + _C2) / (variance_sr + variance_hr + _C2)
        return (luminance * structure).mean((1, 2, 3))


def ssim_loss(sr: Tensor, hr: Tensor) -> Tensor:
    """1 - SSIM, the mean over (B, C, H, W) in [0, 1].

    BSRGAN's code minimises SSIM itself for this loss, which is a bug.
    """
    return 1 - ssim_index(sr, hr).mean()


def _windows(x: Tensor) -> Tensor:
    """The weighted mean around each pixel."""
    channels = x.shape[1]
    weight = gaussian_profile(_SIZE, _SIGMA).to(x).view(1, 1, -1, 1).expand(channels, 1, _SIZE, 1)
    x = F.conv2d(x, weight, padding=(_SIZE // 2, 0), groups=channels)
    return F.conv2d(x, weight.transpose(2, 3), padding=(0, _SIZE // 2), groups=channels)

"""PSNR and SSIM.

RealSR and BasicSR agree except for the precision of Y: 8-bit images, cropped borders, no rounding of Y. Their
conventions are the defaults here, with ``channels="y"`` for those on Y. KAIR and MATLAB round Y
too: ``rounding="rgb+y"``. BasicSR's variant on tensors adds 1e-8 to the mean squared error: ``floor=1e-8``.
"""

import torch
from torch import Tensor

from wildsr.evaluation.planes import (
    Channels,
    Rounding,
    check_pair,
    filtered,
    planes,
    strips,
)
from wildsr.ops.kernels import gaussian_profile

_WINDOW, _SIGMA = 11, 1.5
_STEADY_MEAN, _STEADY_VARIANCE = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def psnr(
    result: Tensor,
    truth: Tensor,
    border: int = 0,
    *,
    channels: Channels = "rgb",
    rounding: Rounding = "rgb",
    floor: float = 0.0,
) -> Tensor:
    """PSNR in dB (B,), float64, of images (B, 3, H, W) in [0, 1]; equal images give infinity.

    Args:
        result: the images to be measured.
        truth: their references.
        border: pixels left out on every side.
        channels: all of RGB together, or Y of BT.601.
        rounding: what is rounded to 8 bits first, see :func:`wildsr.evaluation.planes.planes`.
        floor: added to the mean squared error, of values in [0, 1].

    Raises:
        ValueError: different shapes, not RGB images, or nothing left within the border.
    """
    result, truth = check_pair(result, truth, border)
    total = torch.zeros(len(result), dtype=torch.float64, device=result.device)
    for rows in strips(result.shape[2], 3 * len(result) * result.shape[3]):
        difference = planes(result[:, :, rows], channels, rounding)
        difference -= planes(truth[:, :, rows], channels, rounding)
        total += difference.square().sum((1, 2, 3))
    values = result.shape[2] * result.shape[3] * (3 if channels == "rgb" else 1)
    return -10 * torch.log10(total / (values * 255**2) + floor)


def psnr_of_means(result: Tensor, truth: Tensor, border: int = 0) -> Tensor:
    """PSNR in dB (B,), float64, between the mean colours of two images (B, 3, H, W) in [0, 1].

    The squared error is the mean over R, G and B; it measures colour shifts only. The images are
    rounded to 8 bits, their means are not. Equal means give infinity. Raises ``ValueError`` like :func:`psnr`.
    """
    result, truth = check_pair(result, truth, border)
    total = torch.zeros(len(result), 3, dtype=torch.float64, device=result.device)
    for rows in strips(result.shape[2], 3 * len(result) * result.shape[3]):
        total += (planes(result[:, :, rows]) - planes(truth[:, :, rows])).sum((2, 3))
    shift = total / (result.shape[2] * result.shape[3] * 255)
    return -10 * torch.log10(shift.square().mean(1))


def ssim(
    result: Tensor,
    truth: Tensor,
    border: int = 0,
    *,
    channels: Channels = "rgb",
    rounding: Rounding = "rgb",
) -> Tensor:
    """SSIM (B,) in [-1, 1], float64, of images (B, 3, H, W) in [0, 1]; equal images give 1.

    Wang, Bovik, Sheikh, Simoncelli 2004: Gaussian window 11x11 of sigma 1.5, where it lies within the image;
    C1 = (0.01·255)², C2 = (0.03·255)²; the mean over positions, then over channels. The arguments are those of
    :func:`psnr`.

    Raises:
        ValueError: different shapes, not RGB images, or below 11x11 pixels within the border.
    """
    result, truth = check_pair(result, truth, border, least=_WINDOW)
    taps = gaussian_profile(_WINDOW, _SIGMA)
    height, width = (side - _WINDOW + 1 for side in result.shape[2:])
    total = torch.zeros(len(result), dtype=torch.float64, device=result.device)
    for rows in strips(height, 4 * len(result) * result.shape[3], pixels=1 << 18):
        window = slice(rows.start, rows.stop + _WINDOW - 1)
        x = planes(result[:, :, window], channels, rounding)
        y = planes(truth[:, :, window], channels, rounding)
        for channel in range(x.shape[1]):  # one channel at a time fits into the cache
            total += _similarity(x[:, channel], y[:, channel], taps).sum((1, 2))
    return total / (height * width * (3 if channels == "rgb" else 1))


def _similarity(x: Tensor, y: Tensor, taps: Tensor) -> Tensor:
    """SSIM (B, H-10, W-10) at every position of two planes (B, H, W) of levels."""
    # From the difference: 2 cov(x, y) = var x + var y - var(x - y), and 2 μν = μ² + ν² - (μ - ν)². So four
    # filtered maps are enough, and each factor is 1 minus a quotient. In place, because memory traffic dominates.
    maps = x.new_empty((4, *x.shape))
    maps[0] = x
    torch.sub(x, y, out=maps[1])
    torch.mul(x, x, out=maps[2]).addcmul_(y, y)
    torch.mul(maps[1], maps[1], out=maps[3])
    mean_x, shift, squares, structure = filtered(maps, taps)
    mean_y = mean_x - shift
    luminance: Tensor = shift.square()
    structure -= luminance
    mean_squares = mean_x.square_().addcmul_(mean_y, mean_y)
    squares -= mean_squares
    structure.div_(squares.add_(_STEADY_VARIANCE)).neg_().add_(1)
    luminance.div_(mean_squares.add_(_STEADY_MEAN)).neg_().add_(1)
    return luminance.mul_(structure)

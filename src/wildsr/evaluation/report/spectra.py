"""Radially averaged power spectra."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from wildsr.evaluation.planes import planes

BINS = 48
LARGEST = 1024
SMALLEST = 2 * BINS

HOW = (
    f"Power of luminance (Y, 8-bit levels) less its mean, under a Hann window, in the middle square of at most "
    f"{LARGEST} pixels; averaged over directions in {BINS} rings up to half a cycle per pixel, in dB, then over "
    "images. Large structures are on the left, fine detail on the right; the dashed line is the limit of the input. "
    "Below the ground truth, results are too smooth; above it, they have noise or invented detail."
)


def radial_power(levels: Tensor) -> npt.NDArray[np.float64] | None:
    """Mean power (BINS,) in dB of levels (1, 3, H, W) uint8, see :data:`HOW`; None for sides below ``SMALLEST``."""
    side = min(*levels.shape[2:], LARGEST)
    if side < SMALLEST:
        return None
    top, left = ((length - side) // 2 for length in levels.shape[2:])
    luma = planes(levels[:, :, top : top + side, left : left + side], "y")[0, 0]
    window = torch.hann_window(side, dtype=torch.float64)
    window = window[:, None] * window
    power = torch.fft.fft2((luma - luma.mean()) * window).abs().square() / window.square().sum()
    frequency = torch.fft.fftfreq(side, dtype=torch.float64)
    radius = torch.hypot(frequency[:, None], frequency)
    ring = (radius * 2 * BINS).long().flatten()
    inside = ring < BINS
    total = torch.bincount(ring[inside], power.flatten()[inside], BINS)
    mean = total / torch.bincount(ring[inside], minlength=BINS)
    decibels: npt.NDArray[np.float64] = (10 * torch.log10(mean + 1e-3)).numpy()
    return decibels

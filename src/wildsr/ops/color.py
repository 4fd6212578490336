"""Conversions between RGB and YCbCr, of images (..., 3, H, W) in [0, 1].

Two conventions are in use. *Studio range* is ITU-R BT.601 as in MATLAB's rgb2ycbcr: Y between 16/255 and 235/255;
metrics of super-resolution use it. *Full range* is that of JPEG files. Cb and Cr are centred at 128/255 in both.
"""

import torch
from torch import Tensor

# Rows give Y, Cb and Cr; levels of 8 bits from RGB in [0, 1] (ITU-R BT.601, as in MATLAB).
_STUDIO = ((65.481, 128.553, 24.966), (-37.797, -74.203, 112.0), (112.0, -93.786, -18.214))
_STUDIO_OFFSET = (16.0, 128.0, 128.0)
# Rows give R, G and B in levels, from levels / 255; with the digits of RealSR's and BasicSR's code.
_STUDIO_BACK = (
    (0.00456621, 0.0, 0.00625893),
    (0.00456621, -0.00153632, -0.00318811),
    (0.00456621, 0.00791071, 0.0),
)
_STUDIO_BACK_OFFSET = (-222.921, 135.576, -276.836)
# JFIF 1.02.
_FULL = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))
_FULL_BACK = ((1.0, 0.0, 1.402), (1.0, -0.344136, -0.714136), (1.0, 1.772, 0.0))
GREY = _FULL[0]
"""Weights of R, G and B in the grey value of BSRGAN and KernelGAN."""

Matrix = tuple[tuple[float, float, float], ...]


def rgb_to_ycbcr(rgb: Tensor) -> Tensor:
    """RGB to YCbCr in studio range. The originals round 8-bit images afterwards, ties to even."""
    return (_mix(rgb, _STUDIO) + _column(_STUDIO_OFFSET, rgb)) / 255


def ycbcr_to_rgb(ycbcr: Tensor) -> Tensor:
    """YCbCr in studio range to RGB; colours outside RGB leave [0, 1]. Accurate to about 0.005 levels of 8 bits."""
    scaled = tuple((a * 65025, b * 65025, c * 65025) for a, b, c in _STUDIO_BACK)
    return (_mix(ycbcr, scaled) + _column(_STUDIO_BACK_OFFSET, ycbcr)) / 255


def luma(rgb: Tensor) -> Tensor:
    """The Y of :func:`rgb_to_ycbcr` alone, (..., 1, H, W)."""
    return (_mix(rgb, _STUDIO[:1]) + _STUDIO_OFFSET[0]) / 255


def grey(rgb: Tensor) -> Tensor:
    """The weighted mean of the channels, (..., 1, H, W): the Y of full range."""
    return _mix(rgb, (GREY,))


def rgb_to_ycbcr_full(rgb: Tensor) -> Tensor:
    """RGB to YCbCr in full range, as in JPEG files."""
    return _mix(rgb, _FULL) + _column((0.0, 128 / 255, 128 / 255), rgb)


def ycbcr_full_to_rgb(ycbcr: Tensor) -> Tensor:
    """YCbCr in full range to RGB; colours outside RGB leave [0, 1]."""
    return _mix(ycbcr - _column((0.0, 128 / 255, 128 / 255), ycbcr), _FULL_BACK)


def _mix(images: Tensor, matrix: Matrix) -> Tensor:
    weights = torch.tensor(matrix, dtype=torch.float64).to(images)
    return torch.einsum("oc,...chw->...ohw", weights, images)


def _column(values: tuple[float, ...], like: Tensor) -> Tensor:
    return torch.tensor(values, dtype=torch.float64).to(like)[:, None, None]

"""JPEG compression in tensor operations: batched, on any device, with gradients; nothing is encoded.

As in Real-ESRGAN's training (Wang et al., 2021). It differs from the codec of :mod:`wildsr.ops.jpeg`: chroma is
upsampled by nearest neighbours, images are padded with black, tables are not rounded, and they are transposed, since
the published models were trained that way.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from wildsr.ops.color import rgb_to_ycbcr_full, ycbcr_full_to_rgb
from wildsr.ops.jpeg_tables import CHROMA, LUMA

_BLOCK = 8


def differentiable_jpeg(images: Tensor, quality: float | Tensor, smooth: bool = True) -> Tensor:
    """Compress RGB (B, 3, H, W) in [0, 1] at ``quality`` 1 to 100, one for all or one for each (B,).

    ``smooth`` rounds coefficients differentiably, round(x) + (x - round(x))^3; without it they are
    rounded, and the gradient is zero. The result is in [0, 1].
    """
    height, width = images.shape[-2:]
    padded = F.pad(images, [0, -width % (2 * _BLOCK), 0, -height % (2 * _BLOCK)])
    factor = table_factor(torch.as_tensor(quality).to(images)).clamp(min=1e-3).reshape(-1, 1, 1, 1, 1, 1)
    ycbcr = rgb_to_ycbcr_full(padded) * 255
    rounding = smooth_round if smooth else torch.round
    y = _through_dct(ycbcr[:, :1], _table(LUMA).to(images) * factor, rounding)
    chroma = _through_dct(F.avg_pool2d(ycbcr[:, 1:], 2), _table(CHROMA).to(images) * factor, rounding)
    full = torch.cat([y, F.interpolate(chroma, scale_factor=2, mode="nearest")], 1)
    return (ycbcr_full_to_rgb(full / 255)[..., :height, :width]).clamp(0, 1)


def table_factor(quality: Tensor) -> Tensor:
    """The factor of the standard tables at libjpeg's ``quality``, 1 to 100; 0 at 100."""
    return torch.where(quality < 50, 5000 / quality, 200 - 2 * quality) / 100


def smooth_round(x: Tensor) -> Tensor:
    """Rounding with the gradient of the cubed remainder (Shin and Song, 2017)."""
    rounded = torch.round(x)
    return rounded + (x - rounded) ** 3


def _through_dct(planes: Tensor, tables: Tensor, rounding: Callable[[Tensor], Tensor]) -> Tensor:
    """Quantise the 8 x 8 blocks of planes (B, C, H, W) in levels, with tables (1 or B, 1, 1, 1, 8, 8)."""
    batch, channels, height, width = planes.shape
    blocks = planes.reshape(batch, channels, height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK).transpose(
        3, 4
    )
    dct = _dct_matrix().to(planes)
    coefficients = dct @ (blocks - 128) @ dct.mT
    kept = rounding(coefficients / tables) * tables
    restored = dct.mT @ kept @ dct + 128
    return restored.transpose(3, 4).reshape(batch, channels, height, width)


def _dct_matrix() -> Tensor:
    """The orthonormal DCT-II of 8 samples, (frequency, sample) float64."""
    index = torch.arange(_BLOCK, dtype=torch.float64)
    matrix = torch.cos((2 * index + 1) * index[:, None] * math.pi / (2 * _BLOCK)) / 2
    matrix[0] /= math.sqrt(2)
    return matrix


def _table(steps: tuple[int, ...]) -> Tensor:
    """A quantisation table, transposed, (8, 8) float64."""
    return torch.tensor(steps, dtype=torch.float64).reshape(_BLOCK, _BLOCK).mT

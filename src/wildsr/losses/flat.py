"""A loss against noise in flat areas."""

import torch.nn.functional as F
from torch import Tensor

from wildsr.ops.color import grey


def flat_loss(sr: Tensor, hr: Tensor, size: int = 9, level: float = 2.0) -> Tensor:
    """Mean absolute deviation of ``sr`` from its local mean where ``hr`` is flat, 0 elsewhere.

    The images are (B, 3, H, W) in [0, 1]. Local means are over ``size`` x ``size`` pixels, ``size`` odd. ``hr`` is
    flat where the local standard deviation of its luma is below ``level`` levels of 8 bits. The mean is over all
    pixels, so a batch without flat areas has a loss of 0.
    """
    return (flat_mask(hr, level, size).to(sr) * (sr - local_mean(sr, size)).abs()).mean()


def flat_mask(images: Tensor, level: float, size: int = 9) -> Tensor:
    """1 where (B, 3, H, W) in [0, 1] is flat, 0 elsewhere, as (B, 1, H, W).

    Flat is where the standard deviation of the luma over ``size`` x ``size`` pixels is below ``level`` levels of
    8 bits.
    """
    luma = grey(images)
    variance = local_mean(luma.square(), size) - local_mean(luma, size).square()
    return (variance < (level / 255) ** 2).to(images)


def local_mean(images: Tensor, size: int) -> Tensor:
    """Means of (B, C, H, W) over ``size`` x ``size`` pixels, ``size`` odd, at the borders over the pixels there are."""
    rows = F.avg_pool2d(images.contiguous(), (size, 1), 1, (size // 2, 0), count_include_pad=False)
    return F.avg_pool2d(rows, (1, size), 1, (0, size // 2), count_include_pad=False)

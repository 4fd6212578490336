"""Resizing of pictures in memory."""

from typing import Literal

import torch.nn.functional as F
from torch import Tensor

Method = Literal["nearest", "bilinear", "bicubic", "area"]


def resize(
    images: Tensor, size: tuple[int, int], method: Method = "bicubic", antialias: bool = True
) -> Tensor:
    """Resize (B, C, H, W) to ``size`` = (height, width), pixel centres aligned at the half (align_corners=False).

    With ``antialias``, bilinear and bicubic kernels widen when shrinking, as MATLAB's imresize does. Not clamped.
    """
    if method in ("nearest", "area"):
        return F.interpolate(images, size=size, mode=method)
    return F.interpolate(images, size=size, mode=method, antialias=antialias, align_corners=False)

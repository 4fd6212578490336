"""Clean-up of sources: smaller images, with less of the noise and the artefacts that the source has.

What real-world methods take for HR when there are only images of the source. ImageSet are (B, 3, H, W) in [0, 1].
"""

import torch
from torch import Tensor

from wildsr.ops.cropping import crop_to_multiple
from wildsr.ops.resize import imresize

# Halfway between two pixels, OpenCV's cubic kernel (a = -0.75).
_HALFWAY = (-0.09375, 0.59375, 0.59375, -0.09375)


def clean_up(images: Tensor, scale: int = 4) -> Tensor:
    """RealSR's and RWSR-EDL's: half the size by MATLAB's bicubic, clamped, cropped to a multiple of ``scale``."""
    return crop_to_multiple(imresize(images, 0.5).clamp(0, 1), scale)


def clean_up_ddnsr(images: Tensor) -> Tensor:
    """DDNSR's: half the size as OpenCV's cubic has it, not antialiased; not clamped.

    Sides that are odd are rounded to the even number of pixels, while each pixel still stands for two.
    """
    for dim in (-2, -1):
        size = images.shape[dim]
        first = 2 * torch.arange(round(size / 2), device=images.device) - 1
        taps = [(first + tap).clamp(0, size - 1) for tap in range(4)]
        parts = [images.index_select(dim, tap) * weight for tap, weight in zip(taps, _HALFWAY, strict=True)]
        images = torch.stack(parts).sum(0)
    return images

"""Clean-up of noisy images by downscaling, which reduces noise and artefacts.

Real-world methods use the results as HR images when only images of the source domain are available. Images are
(B, 3, H, W) in [0, 1].
"""

import torch
from torch import Tensor

from wildsr.ops.cropping import crop_to_multiple
from wildsr.ops.resize import imresize

# Weights of OpenCV's cubic kernel (a = -0.75) halfway between two pixels.
_HALFWAY = (-0.09375, 0.59375, 0.59375, -0.09375)


def clean_up(images: Tensor, scale: int = 4) -> Tensor:
    """RealSR's and RWSR-EDL's clean-up: half the size by MATLAB's bicubic, clamped, cropped to a multiple."""
    return crop_to_multiple(imresize(images, 0.5).clamp(0, 1), scale)


def clean_up_ddnsr(images: Tensor) -> Tensor:
    """Clean-up of DDNSR: half the size by OpenCV's cubic, not antialiased, not clamped.

    Half of an odd side is rounded to an even number of pixels; the step stays exactly two pixels.
    """
    for dim in (-2, -1):
        size = images.shape[dim]
        first = 2 * torch.arange(round(size / 2), device=images.device) - 1
        taps = [(first + tap).clamp(0, size - 1) for tap in range(4)]
        parts = [images.index_select(dim, tap) * weight for tap, weight in zip(taps, _HALFWAY, strict=True)]
        images = torch.stack(parts).sum(0)
    return images

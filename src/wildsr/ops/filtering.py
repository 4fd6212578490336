"""Filtering of batches, each picture with a kernel of its own."""

import torch.nn.functional as F
from torch import Tensor


def filter_per_sample(images: Tensor, kernels: Tensor) -> Tensor:
    """Correlate (B, C, H, W) with kernels (B, k, k), k odd, reflecting at the borders."""
    batch, channels, height, width = images.shape
    size = kernels.shape[-1]
    padded = F.pad(images, [size // 2] * 4, mode="reflect")
    weight = kernels.to(images).repeat_interleave(channels, dim=0).unsqueeze(1)
    flat = padded.reshape(1, batch * channels, height + size - 1, width + size - 1)
    return F.conv2d(flat, weight, groups=batch * channels).reshape(images.shape)

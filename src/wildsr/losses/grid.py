"""A loss against repeating patterns, which strided layers can produce and perceptual losses may reward."""

import torch
from torch import Tensor

from wildsr.losses.flat import flat_mask


def grid_loss(sr: Tensor, hr: Tensor, period: int, level: float | None = None) -> Tensor:
    """Mean square of the error that repeats in all blocks of ``period`` x ``period`` pixels.

    The images are (B, C, H, W) in [0, 1]. Each is divided into blocks; the mean of ``sr - hr`` over the blocks, minus
    its mean colour, is the pattern. Errors that differ from block to block average out. Rows and columns beyond the
    last whole block are ignored. With ``level``, the mean is only over pixels where ``hr`` is flat, its local standard
    deviation below that many levels of 8 bits: there the pattern is most visible, and other errors are small. An image
    counts by its share of flat pixels.

    Raises:
        ValueError: an image has less than two blocks on a side.
    """
    batch, channels, height, width = sr.shape
    down, across = height // period, width // period
    if down < 2 or across < 2:
        raise ValueError(f"a pattern of {period} pixels does not fit into {width}x{height} pixels")
    area = (..., slice(down * period), slice(across * period))
    error = (sr - hr)[area].reshape(batch, channels, down, period, across, period)
    if level is None:
        pattern = error.mean((2, 4))
        return (pattern - pattern.mean((2, 3), keepdim=True)).square().mean()
    flat = flat_mask(hr, level)[area].reshape(batch, 1, down, period, across, period)
    share = flat.mean((2, 4))
    pattern = (flat * error).mean((2, 4)) / share.clamp(min=1e-3)
    deviation = pattern - pattern.mean((2, 3), keepdim=True)
    return torch.mean(share * deviation.square())

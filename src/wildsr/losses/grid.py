"""A loss against repeating patterns, which strided layers can produce and perceptual losses may reward."""

from torch import Tensor


def grid_loss(sr: Tensor, hr: Tensor, period: int) -> Tensor:
    """Mean square of the error that repeats in all blocks of ``period`` x ``period`` pixels.

    The images are (B, C, H, W) in [0, 1]. Each is divided into blocks; the mean of ``sr - hr`` over the blocks, minus
    its mean colour, is the pattern. Errors that differ from block to block average out. Rows and columns beyond the
    last whole block are ignored.

    Raises:
        ValueError: an image has less than two blocks on a side.
    """
    batch, channels, height, width = sr.shape
    down, across = height // period, width // period
    if down < 2 or across < 2:
        raise ValueError(f"a pattern of {period} pixels cannot be seen in {width}x{height} pixels")
    error = (sr - hr)[..., : down * period, : across * period]
    pattern = error.reshape(batch, channels, down, period, across, period).mean((2, 4))
    return (pattern - pattern.mean((2, 3), keepdim=True)).square().mean()

"""A loss against patterns that repeat: networks that halve can draw one, and perceptual losses may like it."""

from torch import Tensor


def grid_loss(sr: Tensor, hr: Tensor, period: int) -> Tensor:
    """Mean square of what of the error is the same in all blocks of ``period`` pixels a side.

    The images are (B, C, H, W) in [0, 1]. Each is cut into blocks; the mean of ``sr - hr`` over them is the
    pattern, of which a shift of colour does not count. Errors that differ from block to block average out. Rows and
    columns beyond the last whole block are left out.

    Raises:
        ValueError: when an image has less than two blocks on a side.
    """
    batch, channels, height, width = sr.shape
    down, across = height // period, width // period
    if down < 2 or across < 2:
        raise ValueError(f"a pattern of {period} pixels cannot be seen in {width}x{height} pixels")
    error = (sr - hr)[..., : down * period, : across * period]
    pattern = error.reshape(batch, channels, down, period, across, period).mean((2, 4))
    return (pattern - pattern.mean((2, 3), keepdim=True)).square().mean()

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


def serration_loss(sr: Tensor, hr: Tensor, period: int, length: int = 12, tolerance: float = 1.0) -> Tensor:
    """How far errors along rows and columns repeat with ``period``: serrated straight lines, rows of dots beside them.

    The images are (B, C, H, W) in [0, 1]. The error e of a pixel, in levels of 8 bits, counts as e / (1 + abs(e) / 8),
    so that edges in a wrong place do not decide. Rows and columns are divided into pieces of ``length`` periods; the
    mean over the periods of a piece, minus its own mean, is the pattern. The loss is the mean of what its absolute
    values exceed ``tolerance`` levels by, in [0, 1]. A pattern over whole blocks, which :func:`grid_loss` sees, counts
    too. Pixels beyond the last whole piece are ignored.

    Raises:
        ValueError: a side of the images is shorter than a piece.
    """
    if min(sr.shape[-2:]) < period * length:
        raise ValueError(
            f"{length} periods of {period} pixels do not fit into {sr.shape[-1]}x{sr.shape[-2]} pixels"
        )
    error = sr - hr
    error = error / (1 + error.abs() * (255 / 8))
    patterns = (_pattern_along_rows(one, period, length) for one in (error, error.mT))
    means = [(one.abs() - tolerance / 255).clamp(min=0).mean() for one in patterns]
    loss: Tensor = torch.stack(means).mean()
    return loss


def _pattern_along_rows(error: Tensor, period: int, length: int) -> Tensor:
    """(B, C, H, pieces, period)."""
    pieces = error.shape[-1] // (period * length)
    whole = error[..., : pieces * period * length]
    periods = whole.reshape(*error.shape[:-1], pieces, length, period)
    pattern = periods.mean(-2)
    return pattern - pattern.mean(-1, keepdim=True)

"""Pixel losses."""

from torch import Tensor


def l1(sr: Tensor, hr: Tensor) -> Tensor:
    """Mean absolute difference of two batches of the same shape."""
    return (sr - hr).abs().mean()

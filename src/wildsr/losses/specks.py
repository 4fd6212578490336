"""Losses against artefacts of pixel shuffles that averages hide: single specks, and phases of unequal sharpness."""

import torch
import torch.nn.functional as F
from torch import Tensor


def speck_loss(sr: Tensor, hr: Tensor, deviations: float = 2.5, tolerance: float = 1.0) -> Tensor:
    """Penalty on pixels of ``sr`` (B, C, H, W) in [0, 1] that stand out from the 24 around them.

    The penalty of a pixel is the amount by which its difference from their mean exceeds ``deviations`` times their
    standard deviation plus ``tolerance`` levels of 8 bits. Lines, edges and even texture cost next to nothing,
    single specks in smooth areas do. ``hr`` is not used.
    """
    del hr
    x = sr.contiguous()
    with torch.no_grad():
        mean, square = (
            (_sum_of_25(F.pad(one, (2, 2, 2, 2), mode="replicate")) - one) / 24 for one in (x, x.square())
        )
        allowed = deviations * (square - mean.square()).clamp(min=0).sqrt() + tolerance / 255
    return ((x - mean).abs() - allowed).clamp(min=0).mean()


def phase_loss(sr: Tensor, hr: Tensor, period: int) -> Tensor:
    """Inequality of fine detail between the ``period`` x ``period`` phases of ``sr``, (B, C, H, W) in [0, 1].

    In natural images every phase has the same amount of detail; serrated edges and dots have more in some. The amount
    is the mean, over the blocks of an image, of e / (1 + e) where e is the squared difference from the mean of four
    neighbours in units of 4 levels of 8 bits, so that a few strong edges do not dominate. The loss is the mean squared
    deviation of the amounts from their mean, relative to it. ``hr`` is not used.

    Raises:
        ValueError: an image has less than two blocks on a side.
    """
    del hr
    batch, channels, height, width = sr.shape
    down, across = height // period, width // period
    if down < 2 or across < 2:
        raise ValueError(f"phases of {period} pixels cannot be compared in {width}x{height} pixels")
    x = F.pad(sr, (1, 1, 1, 1), mode="replicate")
    around = (x[..., 2:, 1:-1] + x[..., :-2, 1:-1] + x[..., 1:-1, 2:] + x[..., 1:-1, :-2]) / 4
    energy = ((sr - around) * (255 / 4)).square()
    energy = (energy / (1 + energy))[..., : down * period, : across * period]
    amounts = energy.reshape(batch, channels, down, period, across, period).mean((2, 4))
    mean = amounts.mean((2, 3), keepdim=True)
    return ((amounts - mean) / (mean + 0.02)).square().mean()


def _sum_of_25(padded: Tensor) -> Tensor:
    rows = (
        sum(padded[..., k : padded.shape[-2] - 4 + k, :] for k in range(1, 5))
        + padded[..., : padded.shape[-2] - 4, :]
    )
    return sum(rows[..., k : rows.shape[-1] - 4 + k] for k in range(1, 5)) + rows[..., : rows.shape[-1] - 4]

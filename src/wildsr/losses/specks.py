"""Losses against artefacts of pixel shuffles that averages hide: specks, dots, and phases of unequal sharpness."""

import torch
import torch.nn.functional as F
from torch import Tensor

from wildsr.losses.flat import flat_mask, local_mean
from wildsr.ops.color import grey


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


def dots_loss(sr: Tensor, hr: Tensor, size: int = 3, level: float = 3.5, tolerance: float = 0.75) -> Tensor:
    """Mean of how far dots of ``size`` pixels stand out in ``sr`` where the reference is smooth.

    Images are (B, 3, H, W) in [0, 1], ``size`` odd. A dot's height is the root mean square, over ``size`` x ``size``
    pixels, of the deviations from the mean over a square three times as wide, so that a dot half dark and half bright
    counts too. ``hr`` is smooth where the standard deviation of its luma over that square is below ``level`` levels of
    8 bits. A dot costs what exceeds the greatest height in ``hr`` within the square and ``tolerance`` levels:
    e / (1 + e / 4) for an excess of e levels, so that a few misplaced edges do not decide, and divided by the luma of
    ``hr`` plus 0.2, since dots are seen most in dark areas.
    """
    wide = 3 * size
    with torch.no_grad():
        rows = F.max_pool2d(_heights(hr, size), (wide, 1), 1, (wide // 2, 0))
        allowed = F.max_pool2d(rows, (1, wide), 1, (0, wide // 2)) + tolerance / 255
        weight = flat_mask(hr, level, wide) / (local_mean(grey(hr), wide) + 0.2)
    excess = (_heights(sr, size) - allowed).clamp(min=0)
    return (excess / (1 + excess * (255 / 4)) * weight).mean()


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


def _heights(images: Tensor, size: int) -> Tensor:
    deviations = images - local_mean(images, 3 * size)
    # The constant, a tenth of a level, keeps the gradient finite.
    return (local_mean(deviations.square(), size) + (0.1 / 255) ** 2).sqrt()


def _sum_of_25(padded: Tensor) -> Tensor:
    rows = (
        sum(padded[..., k : padded.shape[-2] - 4 + k, :] for k in range(1, 5))
        + padded[..., : padded.shape[-2] - 4, :]
    )
    return sum(rows[..., k : rows.shape[-1] - 4 + k] for k in range(1, 5)) + rows[..., : rows.shape[-1] - 4]

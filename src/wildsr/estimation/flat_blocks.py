"""Noise in the flat blocks of photos: its level by brightness, and how channels correlate.

Blocks are chosen by the means of 4 x 4 pixels, which noise hardly changes. They are measured by differences of
neighbours, which contain little of what a blurred scene shows, and by the frequencies of JPEG's blocks.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from wildsr.degradations.profile import Matrix
from wildsr.ops.color import grey

BLOCK = 16
_COARSE = 4
_FLATTEST = 0.12
_FLATTEST_OF_ALL = 0.4
_LEAST, _LEAST_OF_ALL = 6, 60
_BRIGHTNESSES = 6
_NEGLIGIBLE = 0.05  # variance
_LOWEST, _HIGHEST = 4, 251  # levels; noise beyond is clipped


@dataclass(frozen=True)
class FlatBlocks:
    """Measurements of n flat blocks, in levels of 8 bits.

    Attributes:
        mean: (n, 3) of each channel.
        fine: (n, 3, 3) covariance of the channels' differences of 2 x 2 pixels, scaled to that of white noise.
        middle: (n, 3, 3) the same of the means of 2 x 2 pixels.
        coarse: (n,) variance of the means of 4 x 4 pixels around a plane.
        spectrum: (n, 64) energy of the luma in each frequency of JPEG's 8 x 8 blocks, row by row.
    """

    mean: Tensor
    fine: Tensor
    middle: Tensor
    coarse: Tensor
    spectrum: Tensor

    def __len__(self) -> int:
        return len(self.mean)

    def chosen(self, which: Tensor) -> "FlatBlocks":
        """Some of the blocks, by a mask or by indices."""
        return FlatBlocks(*(one[which] for one in self.parts()))

    def parts(self) -> tuple[Tensor, ...]:
        """All measurements, with n first."""
        return self.mean, self.fine, self.middle, self.coarse, self.spectrum


def all_blocks(levels: Tensor) -> FlatBlocks:
    """Measure all blocks of ``levels`` (3, H, W), uint8 or float in levels, that are not clipped."""
    height, width = (side - side % BLOCK for side in levels.shape[-2:])
    blocks = F.unfold(levels[:, :height, :width].float().unsqueeze(1), BLOCK, stride=BLOCK)
    blocks = blocks.permute(2, 0, 1).reshape(-1, 3, BLOCK, BLOCK)
    inside = (blocks.amin((1, 2, 3)) >= _LOWEST) & (blocks.amax((1, 2, 3)) <= _HIGHEST)
    blocks = blocks[inside]
    coarse = _without_plane(F.avg_pool2d(blocks, _COARSE)).square().mean((1, 2, 3))
    # The mean of 4 pixels of white noise has a quarter of the variance.
    middle = 4 * _differences(F.avg_pool2d(blocks, 2))
    return FlatBlocks(blocks.mean((-2, -1)), _differences(blocks), middle, coarse, _spectrum(blocks))


def flattest_blocks(blocks: FlatBlocks) -> FlatBlocks:
    """The flattest 40 % of the blocks of all photos, since some photos have no flat part."""
    return _flattest(blocks, _FLATTEST_OF_ALL, _LEAST_OF_ALL)


def flat_blocks(levels: Tensor) -> FlatBlocks:
    """The flattest eighth of the blocks of a photo, (3, H, W) uint8."""
    return _flattest(all_blocks(levels), _FLATTEST, _LEAST)


def joined(parts: Sequence[FlatBlocks]) -> FlatBlocks:
    """The blocks of several photos."""
    return FlatBlocks(*map(torch.cat, zip(*(one.parts() for one in parts), strict=True)))


@dataclass(frozen=True)
class LevelFunction:
    """Noise as it is seen in flat blocks.

    Attributes:
        constant, slope: the variance of a value in [0, 1] is ``constant + slope * value``, in levels of 8 bits.
        coarseness: logarithm of the ratio of the variances of 2 x 2 means and pixels; 0 for white noise.
        channels: (3, 3) correlations of R, G and B.
        curve: (value, level, number of blocks) by brightness.
        error: relative standard error of the level.
    """

    constant: float
    slope: float
    coarseness: float
    channels: Tensor
    curve: tuple[tuple[float, float, float], ...]
    error: float

    def level(self, value: float = 0.5) -> float:
        """Standard deviation where the image is ``value`` in [0, 1]."""
        return math.sqrt(max(self.constant + self.slope * value, 0.0))


def level_function(blocks: FlatBlocks, *, compressed: bool = False) -> LevelFunction:
    """The noise that blocks show: means by brightness, and the line through their variances.

    In ``compressed`` photos, whose finest differences are lost, the means of 2 x 2 pixels are measured.
    """
    covariances = blocks.middle if compressed else blocks.fine
    value = (blocks.mean / 255).flatten().double().numpy()
    variance = covariances.diagonal(dim1=-2, dim2=-1).flatten().double().numpy()
    edges = np.unique(np.quantile(value, np.linspace(0, 1, _BRIGHTNESSES + 1)))
    points = []
    for low, high in itertools.pairwise(edges):
        inside = (value >= low) & (value <= high)
        if inside.sum() >= 3:
            points.append(
                (float(value[inside].mean()), float(np.mean(variance[inside])), float(inside.sum()))
            )
    if not points:
        points = [(float(value.mean()), float(np.mean(variance)), float(len(value)))]
    constant, slope = _line(np.array(points))
    fine, middle = (one.diagonal(dim1=-2, dim2=-1).mean() for one in (blocks.fine, blocks.middle))
    coarseness = float(((middle + _NEGLIGIBLE) / (fine + _NEGLIGIBLE)).log())
    covariance = covariances.mean(0)
    sd = covariance.diagonal().clamp(min=1e-6).sqrt()
    typical = covariances.diagonal(dim1=-2, dim2=-1).mean(1)
    scatter = float(typical.std() / typical.mean().clamp(min=1e-6)) if len(typical) > 1 else 1.0
    curve = tuple((one, math.sqrt(two), three) for one, two, three in points)
    error = 0.5 * scatter / len(blocks) ** 0.5
    return LevelFunction(
        constant, slope, coarseness, (covariance / sd[:, None] / sd[None]).clamp(-1, 1), curve, error
    )


def _spectrum(blocks: Tensor) -> Tensor:
    """Mean energy (n, 64) of the luma of blocks (n, 3, 16, 16) in each frequency of the four 8 x 8 blocks."""
    place = torch.arange(8, dtype=torch.float32)
    waves = torch.cos(math.pi / 8 * place[:, None] * (place + 0.5)) / 2
    waves[0] /= math.sqrt(2)
    luma = grey(blocks)[:, 0]
    small = luma.reshape(-1, 2, 8, 2, 8).permute(0, 1, 3, 2, 4)
    return (waves @ small @ waves.T).square().mean((1, 2)).flatten(1)


def _differences(blocks: Tensor) -> Tensor:
    """Covariance (n, 3, 3) of the channels' differences of 2 x 2 pixels in blocks (n, 3, s, s), 1 for white noise."""
    rows = blocks[..., 1:, :] - blocks[..., :-1, :]
    both = ((rows[..., 1:] - rows[..., :-1]) / 2).flatten(2)
    return torch.einsum("bcn,bdn->bcd", both, both) / both.shape[-1]


def _flattest(blocks: FlatBlocks, share: float, least: int) -> FlatBlocks:
    """The share of blocks with the least structure."""
    if not len(blocks):
        return blocks
    count = min(max(int(share * len(blocks)), least), len(blocks))
    return blocks.chosen(blocks.coarse.sort().indices[:count])


def _line(points: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> tuple[float, float]:
    """Constant and slope of variances by value; both ends of [0, 1] stay at 0 or more."""
    value, variance, weight = points.T
    spread = float(np.ptp(value))
    # Relative errors count, and photos with few brightnesses do not show a slope.
    weight = np.sqrt(weight) / np.maximum(variance, 0.2)
    prior = 0.05 / max(spread, 0.05) * weight.sum() / len(weight)
    rows = np.stack([weight, weight * value], 1)
    rows = np.concatenate([rows, [[0.0, prior]]])
    answer = np.concatenate([weight * variance, [0.0]])
    constant, slope = (float(one) for one in np.linalg.lstsq(rows, answer, rcond=None)[0])
    if constant < 0:
        constant, slope = 0.0, float((weight**2 * value * variance).sum() / (weight**2 * value**2).sum())
    elif constant + slope < 0:
        level = float((weight**2 * variance).sum() / (weight**2).sum())
        constant, slope = level, -level * 0.999 if slope < -level else slope
    return constant, slope


def channel_correlations(channels: Tensor | float) -> Matrix:
    """The nearest correlation matrix without negative eigenvalues, of (3, 3) or of one value for all pairs."""
    if isinstance(channels, float):
        channels = channels + (1 - channels) * torch.eye(3)
    values, vectors = torch.linalg.eigh((channels + channels.mT).double() / 2)
    fixed = vectors @ torch.diag(values.clamp(min=1e-3)) @ vectors.mT
    sd = fixed.diagonal().sqrt()
    correlations = (fixed / sd[:, None] / sd[None]).clamp(-1, 1)
    red, green, blue = ((float(one[0]), float(one[1]), float(one[2])) for one in correlations)
    return red, green, blue


def _without_plane(blocks: Tensor) -> Tensor:
    """Blocks (n, 3, s, s) minus the plane that fits each best."""
    axis = torch.linspace(-1, 1, blocks.shape[-1])
    down = axis[:, None].expand(blocks.shape[-2:]) / axis.square().mean()
    across = axis.expand(blocks.shape[-2:]) / axis.square().mean()
    centred = blocks - blocks.mean((-2, -1), keepdim=True)
    tilt = [
        (centred * one).mean((-2, -1), keepdim=True) * one * axis.square().mean() for one in (down, across)
    ]
    return centred - tilt[0] - tilt[1]

"""Noise in the flat blocks of photos: its level by brightness, and how pixels and channels correlate.

Blocks are chosen by the means of 4 x 4 pixels, which noise hardly changes, and measured by what varies around a plane.
Compression removes a part of the noise: :func:`fitted_noise` finds the noise that, compressed with the photos' tables,
gives what was measured.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from wildsr.degradations.profile import IDENTITY, JpegSetting, Matrix, Noise
from wildsr.degradations.program import run_steps

BLOCK = 16
_COARSE = 4
_FLATTEST = 0.12
_LEAST = 6
_BRIGHTNESSES = 8
_LOWEST, _HIGHEST = 4, 251  # levels; noise beyond is clipped
_ROUNDING = 1 / 12  # variance of rounding to whole levels
_DARK, _BRIGHT = 0.2, 0.8
_NEGLIGIBLE = 0.02  # variance
_DAMPING = 0.7  # compression is far from linear
_UNCORRELATED = 0.01
_STEPS = 7
_SIMULATED = 48
_SIDE = 64


@dataclass(frozen=True)
class FlatBlocks:
    """Measurements of n flat blocks, in levels of 8 bits.

    Attributes:
        mean: (n, 3) of each channel.
        covariance: (n, 3, 3) of what varies around a plane in each channel.
        neighbours: (n,) covariance of horizontal and vertical neighbours, mean of the channels.
        coarse: (n,) variance of the means of 4 x 4 pixels around a plane.
    """

    mean: Tensor
    covariance: Tensor
    neighbours: Tensor
    coarse: Tensor

    def __len__(self) -> int:
        return len(self.mean)

    def chosen(self, which: Tensor) -> "FlatBlocks":
        """Some of the blocks, by a mask or by indices."""
        return FlatBlocks(
            self.mean[which], self.covariance[which], self.neighbours[which], self.coarse[which]
        )


def all_blocks(levels: Tensor) -> FlatBlocks:
    """Measure all blocks of ``levels`` (3, H, W), uint8 or float in levels, that are not clipped."""
    height, width = (side - side % BLOCK for side in levels.shape[-2:])
    blocks = F.unfold(levels[:, :height, :width].float().unsqueeze(1), BLOCK, stride=BLOCK)
    blocks = blocks.permute(2, 0, 1).reshape(-1, 3, BLOCK, BLOCK)
    inside = (blocks.amin((1, 2, 3)) >= _LOWEST) & (blocks.amax((1, 2, 3)) <= _HIGHEST)
    blocks = blocks[inside]
    residual = _without_plane(blocks)
    count = BLOCK**2 - 3
    flat = residual.flatten(2)
    across = (residual[..., :, 1:] * residual[..., :, :-1]).mean((1, 2, 3))
    down = (residual[..., 1:, :] * residual[..., :-1, :]).mean((1, 2, 3))
    means = F.avg_pool2d(residual, _COARSE)
    return FlatBlocks(
        blocks.mean((-2, -1)),
        torch.einsum("bcn,bdn->bcd", flat, flat) / count,
        (across + down) / 2,
        means.square().mean((1, 2, 3)),
    )


def flat_blocks(levels: Tensor) -> FlatBlocks:
    """The flattest blocks of a photo, (3, H, W) uint8: of each brightness the eighth with the least structure."""
    blocks = all_blocks(levels)
    if len(blocks) < _LEAST:
        return blocks.chosen(torch.zeros(0, dtype=torch.int64))
    most = blocks.coarse.sort().values[max(int(len(blocks) * _FLATTEST), _LEAST) - 1]
    return blocks.chosen(blocks.coarse <= most)


def joined(parts: Sequence[FlatBlocks]) -> FlatBlocks:
    """The blocks of several photos."""
    return FlatBlocks(
        torch.cat([one.mean for one in parts]),
        torch.cat([one.covariance for one in parts]),
        torch.cat([one.neighbours for one in parts]),
        torch.cat([one.coarse for one in parts]),
    )


@dataclass(frozen=True)
class LevelFunction:
    """Noise as it is seen in flat blocks.

    Attributes:
        constant, slope: the variance of a value in [0, 1] is ``constant + slope * value``, in levels of 8 bits.
        correlation: of horizontal and vertical neighbours.
        channels: (3, 3) correlations of R, G and B.
        curve: (value, level, number of blocks) by brightness.
        error: relative standard error of the level.
    """

    constant: float
    slope: float
    correlation: float
    channels: Tensor
    curve: tuple[tuple[float, float, float], ...]
    error: float

    def level(self, value: float = 0.5) -> float:
        """Standard deviation where the image is ``value`` in [0, 1]."""
        return math.sqrt(max(self.constant + self.slope * value, 0.0))


def level_function(blocks: FlatBlocks) -> LevelFunction:
    """The noise that blocks show: medians by brightness, and the line through their variances."""
    value = (blocks.mean / 255).flatten().double().numpy()
    variance = blocks.covariance.diagonal(dim1=-2, dim2=-1).flatten().double().numpy()
    edges = np.unique(np.quantile(value, np.linspace(0, 1, _BRIGHTNESSES + 1)))
    points = []
    for low, high in itertools.pairwise(edges):
        inside = (value >= low) & (value <= high)
        if inside.sum() >= 3:
            points.append(
                (float(value[inside].mean()), float(np.median(variance[inside])), float(inside.sum()))
            )
    if not points:
        points = [(float(value.mean()), float(np.median(variance)), float(len(value)))]
    constant, slope = _line(np.array(points))
    typical = blocks.covariance.diagonal(dim1=-2, dim2=-1).mean(1).clamp(min=1e-6)
    covariance = (blocks.covariance / typical[:, None, None]).median(0).values
    sd = covariance.diagonal().clamp(min=1e-6).sqrt()
    correlation = float((blocks.neighbours / typical).median())
    channels = (covariance / sd[:, None] / sd[None]).clamp(-1, 1)
    scatter = float(
        np.median(np.abs(np.log(np.maximum(typical.numpy(), 1e-6)) - np.log(float(typical.median()))))
    )
    error = 0.5 * 1.4826 * scatter / max(len(blocks), 1) ** 0.5
    curve = tuple((one, max(two - _ROUNDING, 0.0) ** 0.5, three) for one, two, three in points)
    return LevelFunction(constant, slope, correlation, channels, curve, error)


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


def fitted_noise(blocks: FlatBlocks, settings: Sequence[JpegSetting], *, seed: int = 0) -> Noise:
    """The noise before compression with which flat blocks measure as these do.

    Flat images of the blocks' colours get the noise that is assumed so far, are compressed with the photos'
    ``settings`` (none: only rounded) and measured; the noise is corrected by the ratio, until both agree.
    """
    seen = level_function(blocks)
    rng = np.random.default_rng(seed)
    picked = torch.from_numpy(rng.integers(len(blocks), size=_SIMULATED))
    colours = blocks.mean[picked] / 255
    constant, slope, correlation = seen.constant, seen.slope, 0.0
    channels = torch.eye(3, dtype=torch.float64)
    for _ in range(_STEPS):
        noise = _as_noise(constant, slope, correlation, channels)
        made = level_function(_simulated(noise, colours, settings, rng))
        constant, slope = _corrected(seen, made, constant, slope)
        correlation = _corrected_correlation(seen.correlation, made.correlation, correlation)
        channels = _positive(channels + 0.7 * (seen.channels - made.channels).double())
    noise = _as_noise(constant, slope, correlation, channels)
    return Noise(
        noise.constant, noise.slope, noise.correlation, noise.channels, min(seen.error, 9.0), 0.0, seen.curve
    )


def _simulated(
    noise: Noise, colours: Tensor, settings: Sequence[JpegSetting], rng: np.random.Generator
) -> FlatBlocks:
    """Blocks of flat images (n, 3) in [0, 1] with this noise, compressed with all settings in turn."""
    found = []
    channels = [list(row) for row in noise.channels]
    for index, colour in enumerate(colours):
        step = {"step": "level_noise", "constant": noise.constant, "slope": noise.slope, "channels": channels}
        steps = [step | {"seed": int(rng.integers(2**31)), "correlation": noise.correlation}]
        steps.append(settings[index % len(settings)].step() if settings else {"step": "round"})
        image = colour.float().reshape(1, 3, 1, 1).expand(1, 3, _SIDE, _SIDE)
        found.append(all_blocks(run_steps(image, [{"steps": steps}])[0] * 255))
    return joined(found)


def _as_noise(constant: float, slope: float, correlation: float, channels: Tensor) -> Noise:
    rows = [tuple(float(one) for one in row) for row in channels]
    matrix: Matrix = (rows[0], rows[1], rows[2]) if len(rows) == 3 else IDENTITY  # type: ignore[assignment]
    return Noise(constant, slope, correlation, matrix)


def _corrected(
    seen: LevelFunction, made: LevelFunction, constant: float, slope: float
) -> tuple[float, float]:
    """Constant and slope, corrected by the ratio of what was seen to what was made at a dark and a bright value."""
    low, high = _DARK, _BRIGHT
    variances = []
    for value in (low, high):
        ratio = (seen.level(value) ** 2 + _NEGLIGIBLE) / (made.level(value) ** 2 + _NEGLIGIBLE)
        assumed = max(constant + slope * value, 1e-3)
        variances.append(assumed * min(max(ratio, 0.25), 4.0) ** _DAMPING)
    slope = (variances[1] - variances[0]) / (high - low)
    constant = variances[0] - slope * low
    if constant < 0:
        return 0.0, variances[1] / high
    return constant, max(slope, -0.999 * constant)


def _corrected_correlation(seen: float, made: float, sigma: float) -> float:
    """Sigma of the Gaussian, corrected by the difference of the correlations of neighbours.

    White noise filtered with a Gaussian correlates by exp(-1 / (4 sigma^2)).
    """
    assumed = float(np.exp(-0.25 / sigma**2)) if sigma > 0 else 0.0
    wanted = min(assumed + 0.7 * (seen - made), 0.97)
    return float((-0.25 / np.log(wanted)) ** 0.5) if wanted > _UNCORRELATED else 0.0


def _positive(channels: Tensor) -> Tensor:
    """The nearest correlation matrix without negative eigenvalues."""
    values, vectors = torch.linalg.eigh((channels + channels.mT) / 2)
    fixed = vectors @ torch.diag(values.clamp(min=1e-3)) @ vectors.mT
    sd = fixed.diagonal().sqrt()
    correlations: Tensor = fixed / sd[:, None] / sd[None]
    return correlations.clamp(-1, 1)


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

"""Noise. Parameters hold a seed instead of the noise, which is sampled again from it on the device of the image."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Generator, Tensor

from wildsr.degradations.fields import require
from wildsr.ops import noise
from wildsr.ops.color import grey

NoiseChannels = Literal["colour", "grey", "correlated"]
"""Noise sampled for every value, or once per pixel, or for every value with a covariance between channels."""
UNCORRELATED = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
Covariance = tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]


@dataclass(frozen=True)
class GaussianNoise:
    """Add noise of standard deviation ``level``, in levels of 8 bits, and clamp.

    With channels ``correlated``, ``covariance`` is that of R, G and B at level 1; otherwise it is not used.
    """

    level: float
    seed: int
    channels: NoiseChannels = "colour"
    covariance: Covariance = UNCORRELATED

    def __post_init__(self) -> None:
        require(self.level >= 0, "a level is not negative", self.level)
        require(0 <= self.seed < 2**63, "a seed is from 0 to 2^63 - 1", self.seed)


@dataclass(frozen=True)
class SpeckleNoise(GaussianNoise):
    """As :class:`GaussianNoise`, but the noise is multiplied by the image before it is added."""


def gaussian_noise(images: Tensor, steps: Sequence[GaussianNoise]) -> Tensor:
    """Add noise to each image of (n, 3, H, W)."""
    added = [
        noise.gaussian_noise(one, _normal(one, step), step.level / 255) for one, step in _pairs(images, steps)
    ]
    return _joined(added).clamp(0, 1)


def speckle_noise(images: Tensor, steps: Sequence[SpeckleNoise]) -> Tensor:
    """Add noise to each image of (n, 3, H, W)."""
    added = [
        noise.speckle_noise(one, _normal(one, step), step.level / 255) for one, step in _pairs(images, steps)
    ]
    return _joined(added).clamp(0, 1)


@dataclass(frozen=True)
class PoissonNoise:
    """Photon (shot) noise, with ``photons`` at white, and clamp; ``grey``: the same noise for all channels."""

    photons: float
    seed: int
    grey: bool = False

    def __post_init__(self) -> None:
        require(self.photons > 0, "photons are positive", self.photons)
        require(0 <= self.seed < 2**63, "a seed is from 0 to 2^63 - 1", self.seed)


def poisson_noise(images: Tensor, steps: Sequence[PoissonNoise]) -> Tensor:
    """Replace each image of (n, 3, H, W) by sampled photon counts."""
    counted = []
    for one, step in _pairs(images, steps):
        rates = noise.photon_rates(one, step.photons, step.grey)
        counts = noise.sample_poisson(rates, _generator(step.seed, one))
        counted.append(noise.poisson_noise(one, counts, step.photons))
    return _joined(counted).clamp(0, 1)


@dataclass(frozen=True)
class ScaledPoissonNoise:
    """Real-ESRGAN's Poisson noise, times ``strength``, with as many photons at white as the image has 8-bit levels.

    Their number is rounded up to a power of two. With ``grey``, levels are counted and noise is sampled for each
    pixel's grey value.
    """

    strength: float
    seed: int
    grey: bool = False

    def __post_init__(self) -> None:
        require(self.strength >= 0, "a strength is not negative", self.strength)
        require(self.seed >= 0, "a seed is not negative", self.seed)


def scaled_poisson_noise(images: Tensor, steps: Sequence[ScaledPoissonNoise]) -> Tensor:
    """Add noise to each image of (n, 3, H, W) and clamp to [0, 1]."""
    noisy = []
    for image, step in zip(images, steps, strict=True):
        exact = grey(image) if step.grey else image
        levels = (exact * 255).round().clamp(0, 255)
        present = torch.zeros(256, dtype=torch.bool, device=image.device)
        present[levels.long()] = True
        photons = 2 ** (int(present.sum()) - 1).bit_length()
        rounded = levels / 255
        counts = noise.sample_poisson(rounded * photons, _generator(step.seed, image))
        noisy.append(image + step.strength * (counts / photons - rounded))
    return torch.stack(noisy).clamp(0, 1)


@dataclass(frozen=True)
class LevelNoise:
    """Add noise with a level function, and clamp: its variance is ``constant + slope * value``, in 8-bit levels^2.

    ``correlation`` is the standard deviation in pixels of the Gaussian that white noise is filtered with, at the same
    variance; ``channels`` are the correlations of R, G and B.
    """

    constant: float
    slope: float
    seed: int
    correlation: float = 0.0
    channels: Covariance = UNCORRELATED

    def __post_init__(self) -> None:
        require(0 <= self.correlation <= 5, "a correlation is from 0 to 5 pixels", self.correlation)
        require(0 <= self.seed < 2**63, "a seed is from 0 to 2^63 - 1", self.seed)


def level_noise(images: Tensor, steps: Sequence[LevelNoise]) -> Tensor:
    """Add noise to each image of (n, 3, H, W)."""
    noisy = []
    for one, step in _pairs(images, steps):
        sampled = noise.sample_normal(one, _generator(step.seed, one))
        if step.channels != UNCORRELATED:
            sampled = noise.correlate_channels(sampled, torch.tensor(step.channels, dtype=torch.float64))
        sampled = noise.correlate_pixels(sampled, step.correlation)
        noisy.append(noise.level_noise(one, sampled, step.constant, step.slope))
    return _joined(noisy).clamp(0, 1)


def _pairs(images: Tensor, steps: Sequence[Any]) -> "zip[tuple[Tensor, Any]]":
    return zip(torch.split(images, 1), steps, strict=True)


def _joined(images: list[Tensor]) -> Tensor:
    return images[0] if len(images) == 1 else torch.cat(images)


def _generator(seed: int, image: Tensor) -> Generator:
    return Generator(device=image.device).manual_seed(seed)


def _normal(image: Tensor, step: GaussianNoise) -> Tensor:
    sampled = noise.sample_normal(image, _generator(step.seed, image), one_channel=step.channels == "grey")
    if step.channels != "correlated":
        return sampled
    covariance = torch.tensor(step.covariance, dtype=torch.float64)
    return noise.correlate_channels(sampled, covariance)

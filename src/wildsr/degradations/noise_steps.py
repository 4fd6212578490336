"""Steps that add noise. It is not kept: each holds a seed, from which it is drawn again on the image's device."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Generator, Tensor

from wildsr.degradations.fields import require
from wildsr.ops import noise

Channels = Literal["colour", "grey", "correlated"]
"""Noise drawn for every value, or once for a pixel, or for every value with a covariance between the channels."""
UNCORRELATED = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
Covariance = tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]


@dataclass(frozen=True)
class GaussianNoise:
    """Add noise of standard deviation ``level``, in levels of 8 bits, and clamp.

    With channels ``correlated``, ``covariance`` is that of R, G and B at level 1; otherwise it is not used.
    """

    level: float
    seed: int
    channels: Channels = "colour"
    covariance: Covariance = UNCORRELATED

    def __post_init__(self) -> None:
        require(self.level >= 0, "a level is not negative", self.level)
        require(0 <= self.seed < 2**63, "a seed is from 0 to 2^63 - 1", self.seed)


@dataclass(frozen=True)
class SpeckleNoise(GaussianNoise):
    """As :class:`GaussianNoise`, but the noise is multiplied by the image before it is added."""


def gaussian_noise(images: Tensor, steps: Sequence[GaussianNoise]) -> Tensor:
    """Each image with noise of its own."""
    added = [
        noise.gaussian_noise(one, _drawn(one, step), step.level / 255) for one, step in _pairs(images, steps)
    ]
    return _joined(added).clamp(0, 1)


def speckle_noise(images: Tensor, steps: Sequence[SpeckleNoise]) -> Tensor:
    """Each image with noise of its own."""
    added = [
        noise.speckle_noise(one, _drawn(one, step), step.level / 255) for one, step in _pairs(images, steps)
    ]
    return _joined(added).clamp(0, 1)


@dataclass(frozen=True)
class PoissonNoise:
    """The image as counted photons, ``photons`` of them at white, and clamp; ``grey``: counted once for a pixel."""

    photons: float
    seed: int
    grey: bool = False

    def __post_init__(self) -> None:
        require(self.photons > 0, "photons are positive", self.photons)
        require(0 <= self.seed < 2**63, "a seed is from 0 to 2^63 - 1", self.seed)


def poisson_noise(images: Tensor, steps: Sequence[PoissonNoise]) -> Tensor:
    """Each image with photons of its own."""
    counted = []
    for one, step in _pairs(images, steps):
        rates = noise.photon_rates(one, step.photons, step.grey)
        counts = noise.draw_poisson(rates, _generator(step.seed, one))
        counted.append(noise.poisson_noise(one, counts, step.photons))
    return _joined(counted).clamp(0, 1)


def _pairs(images: Tensor, steps: Sequence[Any]) -> "zip[tuple[Tensor, Any]]":
    return zip(torch.split(images, 1), steps, strict=True)


def _joined(images: list[Tensor]) -> Tensor:
    return images[0] if len(images) == 1 else torch.cat(images)


def _generator(seed: int, image: Tensor) -> Generator:
    return Generator(device=image.device).manual_seed(seed)


def _drawn(image: Tensor, step: GaussianNoise) -> Tensor:
    drawn = noise.draw_normal(image, _generator(step.seed, image), one_channel=step.channels == "grey")
    if step.channels != "correlated":
        return drawn
    covariance = torch.tensor(step.covariance, dtype=torch.float64)
    return noise.correlate_channels(drawn, covariance)

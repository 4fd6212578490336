"""The blur, sharpening and noise of a camera from the features of its photos.

A small network maps the features of all photos together to these numbers, with its uncertainty; it was trained on
simulated cameras (``benchmarks/train_camera_profile.py``).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import torch
from safetensors.torch import load
from torch import Tensor

from wildsr.estimation.camera_features import DIRECTIONAL, GENERAL, PhotoFeatures
from wildsr.estimation.edges import DIRECTIONS
from wildsr.networks.camera import CameraNetwork

LARGEST = 6.0
"""Largest sigma that is told apart, in pixels."""
OFFSET = 0.15
"""Added to variances before their logarithm is taken, in squared pixels: the blur of sampling itself."""
NOISE_AT = (0.2, 0.5, 0.8)
"""Values in [0, 1] at which the level of the noise is estimated."""
NOISE_OFFSET = 0.3
"""Added to levels before their logarithm is taken: the rounding to 8 bits."""
_LEAST_EDGES = 12
_WEIGHTS = "camera.safetensors"
_LEAST_ERROR, _MOST_ERROR = math.exp(-4), math.e
_MOST_TURN = math.pi / math.sqrt(12)  # standard deviation of an angle of which nothing is known
_LEAST_SIGMA = 0.2


@dataclass(frozen=True)
class Ellipse:
    """An anisotropic Gaussian: sigmas in pixels, and the angle of the wide axis in radians, 0 to pi."""

    wide: float
    narrow: float
    angle: float


@dataclass(frozen=True)
class CameraEstimate:
    """Estimates of a camera's numbers; standard errors include those that all photos share.

    Attributes:
        typical, errors: the Gaussian blur, and the standard errors of its sigmas and angle.
        spread: standard deviation of the logarithm of the sigmas between photos.
        strength, strength_error, radius: of unsharp masking.
        noise: levels at ``NOISE_AT``, before compression, in levels of 8 bits.
        noise_error: relative standard error of the middle one.
        correlation: sigma in pixels of the Gaussian that white noise was filtered with.
        channels: correlation of the noise between channels.
    """

    typical: Ellipse
    errors: Ellipse
    spread: float
    strength: float
    strength_error: float
    radius: float
    noise: tuple[float, float, float]
    noise_error: float
    correlation: float
    channels: float


def estimated_camera(photos: Sequence[PhotoFeatures]) -> CameraEstimate:
    """The camera that took these photos.

    Raises:
        ValueError: none of the photos has enough edges.
    """
    used = [one for one in photos if float(one.counts.sum()) >= _LEAST_EDGES]
    if not used:
        raise ValueError("no photo has an edge")
    network = _network()
    with torch.no_grad():
        embedded, weights = network.embed(
            torch.stack([one.directional for one in used]),
            torch.stack([one.general for one in used]),
            torch.stack([one.counts for one in used]),
        )
        directions, numbers = network(embedded, weights)
        each, _ = network(embedded.unsqueeze(-3), weights.unsqueeze(-2))
    level, error = directions[:, 0], _error(directions[:, 1])
    typical = fitted_ellipse(level, error)
    values = numbers[:, 0].tolist()
    sds = _error(numbers[:, 1]).tolist()
    dark, middle, bright = (min(max(math.exp(one) - NOISE_OFFSET, 0.0), 60.0) for one in values[2:5])
    return CameraEstimate(
        typical,
        _errors(typical, float(error.mean())),
        _spread(each[..., 0], _error(each[..., 1]), typical),
        min(max(values[0], 0.0), 5.0),
        sds[0],
        math.exp(min(max(values[1], -0.7), 1.2)),
        (dark, middle, bright),
        sds[3] * (middle + NOISE_OFFSET) / max(middle, NOISE_OFFSET),
        min(max(values[5], 0.0), 1.5),
        min(max(values[6], 0.0), 0.95),
    )


def fitted_ellipse(level: Tensor, error: Tensor) -> Ellipse:
    """The Gaussian of which the variances in 8 directions fit best.

    Args:
        level: (8,) logarithms of the variances plus ``OFFSET``.
        error: (8,) standard errors of these.
    """
    variance = level.clamp(max=math.log(LARGEST**2 + OFFSET)).exp().double() - OFFSET
    # A relative error of the level is one of the variance plus OFFSET.
    weight = (1 / (error.double() * (variance + OFFSET))).numpy()
    angles = np.arange(DIRECTIONS) * math.pi / DIRECTIONS
    rows = np.stack([np.cos(angles) ** 2, np.sin(angles) ** 2, np.sin(2 * angles)], 1)
    answer = variance.clamp(min=0).numpy() * weight
    across, down, mixed = np.linalg.lstsq(rows * weight[:, None], answer, rcond=None)[0]
    values, vectors = np.linalg.eigh(np.array([[across, mixed], [mixed, down]]))
    narrow, wide = (math.sqrt(min(max(float(value), 0.0), LARGEST**2)) for value in values)
    return Ellipse(wide, narrow, math.atan2(float(vectors[1, 1]), float(vectors[0, 1])) % math.pi)


def _error(logarithm: Tensor) -> Tensor:
    """Standard deviation of Laplace's distribution with this logarithm of its scale."""
    return math.sqrt(2) * logarithm.exp().clamp(_LEAST_ERROR, _MOST_ERROR)


def _errors(typical: Ellipse, error: float) -> Ellipse:
    """Standard errors, from that of the logarithms of variances plus ``OFFSET``."""
    wide, narrow = (
        (sigma**2 + OFFSET) * error / (2 * max(sigma, _LEAST_SIGMA))
        for sigma in (typical.wide, typical.narrow)
    )
    middle = (typical.wide**2 + typical.narrow**2) / 2 + OFFSET
    difference = max(typical.wide**2 - typical.narrow**2, 1e-6)
    return Ellipse(wide, narrow, min(middle * error / difference, _MOST_TURN))


def _spread(levels: Tensor, errors: Tensor, typical: Ellipse) -> float:
    """Standard deviation of the logarithm of sigma between photos, beyond what the estimate's errors explain."""
    if len(levels) < 4:
        return 0.0
    own = levels.mean(1)
    squared = typical.wide * typical.narrow
    extra = math.sqrt(max(float(own.var()) - float(errors.mean(1).square().mean()), 0.0))
    return min(extra * (squared + OFFSET) / max(2 * squared, OFFSET), 1.0)


@cache
def _network() -> CameraNetwork:
    weights = load((files("wildsr.estimation") / _WEIGHTS).read_bytes())
    network = CameraNetwork(DIRECTIONAL, GENERAL, weights["photo.0.weight"].shape[0])
    network.load_state_dict({name: value.float() for name, value in weights.items()})
    return network.eval()

"""The Gaussian blur and the sharpening of photos from their edges.

A small network maps the features of a photo's edges in each direction to the blur across them, with its uncertainty; it
was trained on simulated cameras (``benchmarks/camera_profile.py --train``). A camera's blur is the mean of its photos.
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

from wildsr.estimation.edges import DIRECTIONS, edge_features
from wildsr.networks.edge_blur import EdgeBlurNetwork

LARGEST = 6.0
"""Largest sigma that can be distinguished, in pixels."""
OFFSET = 0.15
"""Added to variances before their logarithm is taken, in squared pixels: the blur of sampling itself."""
LEAST_EDGES = 12
_WEIGHTS = "edge_blur.safetensors"
_LEAST_ERROR, _MOST_ERROR = 0.05, 3.0
_RESAMPLED = 50
_LEAST_SIGMA = 0.05
_ANISOTROPY = 1.5
"""Directions overlap and the network is cautious: in simulated cameras, wide / narrow is found too small."""

Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


@dataclass(frozen=True)
class DirectionalBlur:
    """Blur of a photo across edges of each of 8 directions.

    Attributes:
        level: (8,) logarithm of the variance of the Gaussian plus ``OFFSET``.
        weight: (8,) inverse squared standard errors of the former; 0 where there are no edges.
        strength, strength_weight: (8,) of unsharp masking, and the inverse squared standard errors.
        radius: (8,) logarithm of its radius in pixels.
        edges: number of edge pixels.
    """

    level: Tensor
    weight: Tensor
    strength: Tensor
    strength_weight: Tensor
    radius: Tensor
    edges: int


@dataclass(frozen=True)
class Ellipse:
    """An anisotropic Gaussian: sigmas in pixels, and the angle of the wide axis in radians, 0 to pi."""

    wide: float
    narrow: float
    angle: float


@dataclass(frozen=True)
class BlurDistribution:
    """The blur of a camera: the typical one, its standard errors, and how much photos differ.

    Attributes:
        typical, errors: the Gaussian, and the standard errors of its sigmas and angle.
        spread: standard deviation of the logarithm of the sigmas between photos.
        strength, strength_error, radius: of unsharp masking.
    """

    typical: Ellipse
    errors: Ellipse
    spread: float
    strength: float
    strength_error: float
    radius: float


def photo_features(windows: list[Tensor], noise: float = 0.0) -> tuple[Tensor, Tensor]:
    """Inputs of the network for a photo: features by direction, (8, n), and numbers of edge pixels, (8,).

    Args:
        windows: parts of the photo, (3, H, W) uint8.
        noise: level of its noise, after compression.
    """
    found = edge_features(windows, noise)
    level = torch.full((DIRECTIONS, 1), math.log(noise + 0.3))
    return torch.cat([found.features, level], 1), found.counts


def photo_blur(windows: list[Tensor], noise: float = 0.0) -> DirectionalBlur:
    """The blur of a photo from its windows (3, H, W) uint8, and the level of its noise after compression."""
    features, counts = photo_features(windows, noise)
    with torch.no_grad():
        level, error, strength, strength_error, radius = _network()(features).T
    seen = (counts >= LEAST_EDGES).float()
    weights = [one.exp().clamp(_LEAST_ERROR, _MOST_ERROR) ** -2 * seen for one in (error, strength_error)]
    highest = math.log(LARGEST**2 + OFFSET)
    return DirectionalBlur(
        level.clamp(math.log(OFFSET), highest),
        weights[0],
        strength,
        weights[1],
        radius.clamp(-0.7, 1.2),
        int(counts.sum()),
    )


def blur_distribution(photos: Sequence[DirectionalBlur], *, seed: int = 0) -> BlurDistribution:
    """The blur of the camera that took these photos; standard errors are found by resampling photos.

    Raises:
        ValueError: none of the photos has an edge.
    """
    used = [one for one in photos if float(one.weight.sum()) > 0]
    if not used:
        raise ValueError("no photo has an edge")
    levels, weights = torch.stack([one.level for one in used]), torch.stack([one.weight for one in used])
    typical = fitted_ellipse(levels, weights)
    rng = np.random.default_rng(seed)
    again = []
    for _ in range(_RESAMPLED):
        which = torch.from_numpy(rng.integers(len(used), size=len(used)))
        again.append(fitted_ellipse(levels[which], weights[which]))
    turns = [((one.angle - typical.angle + math.pi / 2) % math.pi) - math.pi / 2 for one in again]
    errors = Ellipse(
        float(np.std([one.wide for one in again])),
        float(np.std([one.narrow for one in again])),
        float(np.std(turns)),
    )
    strengths = torch.stack([one.strength for one in used]).flatten()
    certain = torch.stack([one.strength_weight for one in used]).flatten()
    radii = torch.stack([one.radius for one in used]).flatten()
    strength = float((strengths * certain).sum() / certain.sum())
    # The directions of a photo err together.
    error = float((DIRECTIONS / certain.sum()).sqrt())
    radius = math.exp(float((radii * certain).sum() / certain.sum()))
    return BlurDistribution(
        typical, errors, _spread(levels, weights, typical), max(strength, 0.0), error, radius
    )


def fitted_ellipse(levels: Tensor, weights: Tensor) -> Ellipse:
    """The Gaussian that fits measured levels (n, 8) or (8,) with these weights best."""
    level, weight = levels.reshape(-1, DIRECTIONS).double(), weights.reshape(-1, DIRECTIONS).double()
    total = weight.sum(0)
    mean = (level * weight).sum(0) / total.clamp(min=1e-9)
    variance = (mean.exp() - OFFSET).clamp(min=0).numpy()
    # A relative error of the level is one of the variance plus OFFSET.
    root = (total.sqrt() / mean.exp()).numpy()
    angles = np.arange(DIRECTIONS) * math.pi / DIRECTIONS
    rows = np.stack([np.cos(angles) ** 2, np.sin(angles) ** 2, np.sin(2 * angles)], 1) * root[:, None]
    # With edges in few directions, the blur is taken as round.
    prior = 1e-2 * max(float(root.max()), 1e-6) * np.array([[1.0, -1.0, 0.0], [0.0, 0.0, 2.0]])
    answer = np.concatenate([variance * root, np.zeros(2)])
    across, down, mixed = np.linalg.lstsq(np.concatenate([rows, prior]), answer, rcond=None)[0]
    values, vectors = np.linalg.eigh(np.array([[across, mixed], [mixed, down]]))
    narrow, wide = (math.sqrt(min(max(float(value), 0.0), LARGEST**2)) for value in values)
    if narrow > _LEAST_SIGMA:
        stretch = (wide / narrow) ** ((_ANISOTROPY - 1) / 2)
        narrow, wide = narrow / stretch, min(wide * stretch, LARGEST)
    return Ellipse(wide, narrow, math.atan2(float(vectors[1, 1]), float(vectors[0, 1])) % math.pi)


def _spread(levels: Tensor, weights: Tensor, typical: Ellipse) -> float:
    """Standard deviation of the logarithm of sigma between photos, beyond what the network's errors explain."""
    if len(levels) < 4:
        return 0.0
    mean = (levels * weights).sum(0) / weights.sum(0).clamp(min=1e-9)
    own = ((levels - mean) * weights).sum(1) / weights.sum(1)
    expected = float((DIRECTIONS / weights.sum(1)).mean())
    squared = typical.wide * typical.narrow
    extra = math.sqrt(max(float(own.var()) - expected, 0.0))
    return min(extra * (squared + OFFSET) / max(2 * squared, OFFSET), 1.0)


@cache
def _network() -> EdgeBlurNetwork:
    weights = load((files("wildsr.estimation") / _WEIGHTS).read_bytes())
    network = EdgeBlurNetwork(weights["mean"].shape[0], weights["layers.0.weight"].shape[0])
    network.load_state_dict(weights)
    return network.eval()

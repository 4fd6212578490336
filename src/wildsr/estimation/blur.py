"""The Gaussian blur of photos from their edges."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from wildsr.estimation.edges import DIRECTIONS, edge_features

LARGEST = 6.0
"""Largest sigma that is told apart, in pixels."""


@dataclass(frozen=True)
class DirectionalBlur:
    """Blur of a photo across edges of each direction.

    Attributes:
        variance: (8,) of the Gaussian across edges whose normals have these directions.
        weight: (8,) inverse variances of the former; 0 where there are no edges.
        sharpening: strength of unsharp masking.
        radius: of it, in pixels.
        sharpening_weight: inverse variance of the strength.
        edges: number of edge pixels.
    """

    variance: Tensor
    weight: Tensor
    sharpening: float
    radius: float
    sharpening_weight: float
    edges: int


@dataclass(frozen=True)
class Ellipse:
    """An anisotropic Gaussian: sigmas in pixels, and the angle of the wide axis in radians, 0 to pi."""

    wide: float
    narrow: float
    angle: float


def photo_blur(windows: list[Tensor], noise: float = 0.0) -> DirectionalBlur:
    """The blur of a photo from its windows (3, H, W) uint8.

    Args:
        windows: parts of the photo.
        noise: level of its noise, after compression.
    """
    found = edge_features(windows, noise)
    seen = found.counts >= 12
    # Gradients at 0.7 and 2.0 pixels of the sharpest quarter of the edges.
    ratio = (found.features[:, 3] - found.features[:, 4]).exp().clamp(min=1.02)
    variance = ((2.0**2 - ratio.square() * 0.7**2) / (ratio.square() - 1) - 0.45).clamp(0, LARGEST**2)
    weight = torch.where(seen, found.counts.sqrt() / (0.3 + variance).square(), 0.0)
    return DirectionalBlur(variance, weight, 0.0, 1.0, 0.0, int(found.counts.sum()))


def fitted_ellipse(variance: Tensor, weight: Tensor) -> Ellipse:
    """The Gaussian whose variances across edges fit (..., 8) measured ones best, with their weights."""
    matrix, _ = _covariance(variance.reshape(-1, DIRECTIONS), weight.reshape(-1, DIRECTIONS))
    return as_ellipse(matrix)


def as_ellipse(matrix: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> Ellipse:
    """Sigmas and angle of a covariance (2, 2) of columns and rows; negative variances count as 0."""
    values, vectors = np.linalg.eigh(matrix)
    narrow, wide = (math.sqrt(min(max(float(value), 0.0), LARGEST**2)) for value in values)
    return Ellipse(wide, narrow, math.atan2(float(vectors[1, 1]), float(vectors[0, 1])) % math.pi)


def _covariance(
    variance: Tensor, weight: Tensor
) -> tuple["np.ndarray[tuple[int, ...], np.dtype[np.float64]]", float]:
    """Covariance (2, 2) from variances by direction, (n, 8) with weights, and the total weight."""
    angles = np.arange(DIRECTIONS) * math.pi / DIRECTIONS
    design = np.stack([np.cos(angles) ** 2, np.sin(angles) ** 2, np.sin(2 * angles)], 1)
    rows = np.tile(design, (len(variance), 1))
    root = np.sqrt(weight.double().numpy().reshape(-1))
    answer = variance.double().numpy().reshape(-1) * root
    # With edges in few directions the blur is taken as round.
    prior = 1e-3 * max(float(root.max(initial=0.0)), 1e-6) * np.array([[1.0, -1.0, 0.0], [0.0, 0.0, 2.0]])
    rows = np.concatenate([rows * root[:, None], prior])
    answer = np.concatenate([answer, np.zeros(2)])
    across, down, mixed = np.linalg.lstsq(rows, answer, rcond=None)[0]
    return np.array([[across, mixed], [mixed, down]]), float((root**2).sum())


def distribution(photos: Sequence[DirectionalBlur], *, seed: int = 0) -> tuple[Ellipse, Ellipse, float]:
    """The typical blur of photos, its standard errors (by resampling photos), and the spread of log sigma between them.

    Raises:
        ValueError: none of the photos has an edge.
    """
    used = [one for one in photos if float(one.weight.sum()) > 0]
    if not used:
        raise ValueError("no photo has an edge")
    variance, weight = torch.stack([one.variance for one in used]), torch.stack([one.weight for one in used])
    typical = fitted_ellipse(variance, weight)
    rng = np.random.default_rng(seed)
    again = []
    for _ in range(50):
        which = torch.from_numpy(rng.integers(len(used), size=len(used)))
        again.append(fitted_ellipse(variance[which], weight[which]))
    turn = [((one.angle - typical.angle + math.pi / 2) % math.pi) - math.pi / 2 for one in again]
    errors = Ellipse(
        float(np.std([one.wide for one in again])),
        float(np.std([one.narrow for one in again])),
        float(np.std(turn)),
    )
    return typical, errors, 0.0


def sharpening(photos: Sequence[DirectionalBlur]) -> tuple[float, float, float]:
    """Strength of unsharp masking, its radius in pixels, and the standard error of the strength."""
    weights = np.array([one.sharpening_weight for one in photos])
    if weights.sum() <= 0:
        return 0.0, 1.0, 0.0
    strength = float(np.average([one.sharpening for one in photos], weights=weights))
    radius = float(np.average([one.radius for one in photos], weights=weights))
    return max(strength, 0.0), radius, float(weights.sum() ** -0.5)

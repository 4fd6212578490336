"""Edge sharpness of a photo in each direction, as features from which blur and sharpening are estimated.

At an edge between two even areas, the ratios of Gaussian derivatives of several scales only depend on the blur across
the edge (after Zhuo and Sim, 2011), and the derivatives beside the edge show the halos of sharpening. Edges that are
soft in the scene matter little, since the sharpest ones are used.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

DIRECTIONS = 8
"""Directions of edge normals, evenly spaced over half a turn from 0, along the columns."""
_SCALES = (0.7, 1.2, 2.0, 3.4)
_MAIN = 1
_OFFSETS = (1.0, 2.0, 3.0, 4.5)  # pixels beside the edge
_QUANTILES = (0.5, 0.75, 0.9)
_STRONG = 0.67  # quantile of the strengths of edges above which they are strong
_HALF_WIDTH = 0.75  # of a direction, in directions: they overlap
_LEAST_EDGES = 12
_LEAST_STRENGTH = 1.5
"""Least gradient of an edge at the main scale, in levels per pixel."""
_MARGIN = 8
_BORDER = 16
_MOST_PIXELS = 10_000
FEATURES = (len(_QUANTILES) + 2) * (len(_SCALES) - 1) + 2 * len(_OFFSETS) + 2


class EdgeFeatures(NamedTuple):
    """Features of the edges in each direction, (8, FEATURES), and the number of edge pixels, (8,)."""

    features: Tensor
    counts: Tensor


class _Edges(NamedTuple):
    """Edge pixels: log ratios (n, 3) of gradients to that of the main scale, relative gradients beside them (n, 4),
    angles of normals, strengths."""

    ratios: Tensor
    beside: Tensor
    angles: Tensor
    strengths: Tensor


def edge_features(planes: list[Tensor], noise: float = 0.0) -> EdgeFeatures:
    """Features of the edges in luma planes (H, W) of one photo, in levels; of directions with few edges they are 0.

    ``noise`` is the level of the photo's noise in levels of 8 bits; weaker edges are left out.
    """
    found = [_edges(plane, noise) for plane in planes]
    ratios, beside, angles, strengths = (torch.cat(parts) for parts in zip(*found, strict=True))
    pixels = sum(plane.numel() for plane in planes)
    place = angles / math.pi * DIRECTIONS
    features, counts = torch.zeros(DIRECTIONS, FEATURES), torch.zeros(DIRECTIONS)
    for direction in range(DIRECTIONS):
        distance = (place - direction + DIRECTIONS / 2) % DIRECTIONS - DIRECTIONS / 2
        inside = (distance.abs() <= _HALF_WIDTH).nonzero()[:, 0]
        counts[direction] = len(inside)
        if len(inside) < _LEAST_EDGES:
            continue
        share = math.log(len(inside) / pixels)
        inside = inside[:: max(1, len(inside) // _MOST_PIXELS)]
        strength = strengths[inside]
        strong = inside[strength >= torch.quantile(strength, _STRONG)]
        parts = [
            torch.quantile(ratios[inside], torch.tensor(_QUANTILES), dim=0).flatten(),
            torch.quantile(ratios[strong], torch.tensor(_QUANTILES[:2]), dim=0).flatten(),
            beside[inside].median(0).values,
            beside[strong].median(0).values,
            torch.tensor([share, float(strength.median().log())]),
        ]
        features[direction] = torch.cat(parts)
    return EdgeFeatures(features, counts)


def _edges(plane: Tensor, noise: float) -> _Edges:
    """The edge pixels of a plane (H, W) in levels: maxima of the gradient across the edge."""
    gradients = _gradients(plane)
    down, across = gradients[_MAIN]
    size = torch.hypot(down, across)
    # Noise of standard deviation 1 gives gradients of 1 / (sqrt(8 pi) scale^2).
    floor = max(_LEAST_STRENGTH, 5 * noise / (math.sqrt(8 * math.pi) * _SCALES[_MAIN] ** 2))
    mask = (size > floor) & _is_ridge(size, down, across)
    mask[:_MARGIN], mask[-_MARGIN:], mask[:, :_MARGIN], mask[:, -_MARGIN:] = False, False, False, False
    rows, columns = mask.nonzero(as_tuple=True)
    strength = size[rows, columns]
    unit_down, unit_across = down[rows, columns] / strength, across[rows, columns] / strength
    ratios = []
    for index, (one_down, one_across) in enumerate(gradients):
        if index != _MAIN:
            along = one_down[rows, columns] * unit_down + one_across[rows, columns] * unit_across
            ratios.append((along.clamp(min=1e-3) / strength).log().clamp(-3, 3))
    fine_down, fine_across = gradients[0]
    beside = []
    for offset in _OFFSETS:
        both = torch.zeros_like(strength)
        for sign in (-1, 1):
            row = (rows + sign * offset * unit_down).round().long()
            column = (columns + sign * offset * unit_across).round().long()
            both += fine_down[row, column] * unit_down + fine_across[row, column] * unit_across
        beside.append((both / (2 * strength)).clamp(-2, 2))
    angles = torch.atan2(unit_down, unit_across) % math.pi
    return _Edges(torch.stack(ratios, 1), torch.stack(beside, 1), angles, strength)


def _gradients(plane: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Derivatives down and across, (H, W) each, of a plane (H, W) smoothed by the Gaussian of each scale."""
    height, width = plane.shape
    padded = F.pad(plane[None, None], [_BORDER] * 4, mode="replicate")[0, 0]
    spectrum = torch.fft.rfft2(padded)
    down = 2 * math.pi * torch.fft.fftfreq(padded.shape[0])[:, None]
    across = 2 * math.pi * torch.fft.rfftfreq(padded.shape[1])[None]
    squared = down.square() + across.square()
    inner = slice(_BORDER, _BORDER + height), slice(_BORDER, _BORDER + width)
    found = []
    for scale in _SCALES:
        smooth = spectrum * torch.exp(-0.5 * scale**2 * squared)
        both = [torch.fft.irfft2(1j * axis * smooth, s=padded.shape)[inner] for axis in (down, across)]
        found.append((both[0], both[1]))
    return found


def _is_ridge(size: Tensor, down: Tensor, across: Tensor) -> Tensor:
    """Whether a pixel's gradient is at least as large as those of both neighbours across the edge."""
    sector = ((torch.atan2(down, across) % math.pi) / math.pi * 4).round().long() % 4
    result = torch.zeros_like(size, dtype=torch.bool)
    for index, (step_down, step_across) in enumerate(((0, 1), (1, 1), (1, 0), (1, -1))):
        before = torch.roll(size, (step_down, step_across), (0, 1))
        after = torch.roll(size, (-step_down, -step_across), (0, 1))
        result |= (sector == index) & (size >= before) & (size > after)
    return result

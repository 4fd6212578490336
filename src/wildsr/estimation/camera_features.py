"""Features of a photo from which :mod:`wildsr.estimation.camera` estimates the camera: edges, spectra, noise, JPEG."""

import itertools
import math
from dataclasses import dataclass
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from wildsr.estimation.edges import DIRECTIONS, edge_features
from wildsr.estimation.edges import FEATURES as EDGE_FEATURES
from wildsr.estimation.flat_blocks import FlatBlocks, level_function
from wildsr.image.jpeg_facts import JpegFacts
from wildsr.ops.color import grey

_TILE = 32
_RADII = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5)  # limits of bands, in cycles per pixel
_BANDS = len(_RADII) - 1
_TILE_QUANTILES = (0.1, 0.3, 0.6)
_SMALLEST = 0.05  # variance, in squared levels
_LEAST_BLOCKS = 6
_ZIGZAG_LIMITS = (1, 3, 5, 7, 9, 12, 15)  # row + column of JPEG's frequencies
_HALF = 9 + len(_ZIGZAG_LIMITS) - 1
DIRECTIONAL = EDGE_FEATURES + _BANDS + 2
GENERAL = 2 * _HALF + 1 + len(_TILE_QUANTILES) * _BANDS + 9


@dataclass(frozen=True)
class PhotoFeatures:
    """Features of a photo.

    Attributes:
        directional: (8, DIRECTIONAL), of each direction.
        general: (GENERAL,).
        counts: (8,) numbers of edge pixels.
    """

    directional: Tensor
    general: Tensor
    counts: Tensor


def photo_features(windows: list[Tensor], blocks: FlatBlocks, jpeg: JpegFacts | None) -> PhotoFeatures:
    """The features of a photo.

    Args:
        windows: parts of it, (3, H, W) uint8.
        blocks: its flat blocks.
        jpeg: how it was compressed; None: it is no JPEG file.
    """
    planes = [grey(window.unsqueeze(0).float())[0, 0] for window in windows]
    noise = level_function(blocks, compressed=jpeg is not None).level() if len(blocks) else 0.0
    edges = edge_features(planes, noise)
    directions, tiles = _spectra(planes)
    turn = 2 * math.pi * torch.arange(DIRECTIONS) / DIRECTIONS
    place = torch.stack([turn.cos(), (2 * turn).cos()], 1)
    directional = torch.cat([edges.features, directions, place], 1)
    return PhotoFeatures(directional, torch.cat([_noise(blocks), tiles, _jpeg(jpeg)]), edges.counts)


def _spectra(planes: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Logarithms of the power of planes (H, W) in each direction and band, (8, bands), relative to the lowest band;
    and quantiles over tiles of that in each band, (quantiles * bands,), in squared levels."""
    window = torch.hann_window(_TILE, periodic=False)
    window = window[:, None] * window
    window = window / window.square().mean().sqrt()
    powers = []
    for plane in planes:
        stride = 24 if plane.numel() < 300_000 else _TILE
        height, width = plane.shape
        padded = F.pad(
            plane[None, None], [0, max(0, _TILE - width), 0, max(0, _TILE - height)], mode="replicate"
        )
        tiles = F.unfold(padded, _TILE, stride=stride)[0].T.reshape(-1, _TILE, _TILE)
        tiles = (tiles - tiles.mean((1, 2), keepdim=True)) * window
        powers.append(torch.fft.rfft2(tiles, norm="ortho").abs().square())
    power = torch.cat(powers).flatten(1)
    sectors, bands = _weights()
    directions = (power.mean(0) @ sectors + _SMALLEST).log().reshape(DIRECTIONS, _BANDS)
    each = (power @ bands + _SMALLEST).log()
    quantiles = torch.quantile(each, torch.tensor(_TILE_QUANTILES), dim=0)
    return directions - directions[:, :1].mean(), quantiles.flatten()


@cache
def _weights() -> tuple[Tensor, Tensor]:
    """Weights of the frequencies of a tile: (n, 8 * bands) of directions and bands, and (n, bands) of bands."""
    down = torch.fft.fftfreq(_TILE)[:, None].expand(_TILE, _TILE // 2 + 1).flatten()
    across = torch.fft.rfftfreq(_TILE)[None].expand(_TILE, _TILE // 2 + 1).flatten()
    radius = torch.hypot(down, across)
    inside = torch.stack(
        [(radius >= low) & (radius < high) for low, high in itertools.pairwise(_RADII)], 1
    ).double()
    place = (torch.atan2(down, across) % math.pi) / math.pi * DIRECTIONS
    distance = (place[:, None] - torch.arange(DIRECTIONS) + DIRECTIONS / 2) % DIRECTIONS - DIRECTIONS / 2
    # The lowest bands have few frequencies, so that sectors overlap.
    sector = torch.exp(-0.5 * (distance / 0.6).square()).double()
    both = (sector[:, :, None] * inside[:, None]).flatten(1)
    return (both / both.sum(0)).float(), (inside / inside.sum(0)).float()


def _noise(blocks: FlatBlocks) -> Tensor:
    """Features of the flat blocks, of the darker and the brighter half."""
    result = torch.zeros(2, _HALF)
    if len(blocks) >= _LEAST_BLOCKS:
        order = blocks.mean.mean(1).sort().indices
        middle = (len(blocks) + 1) // 2
        for index, which in enumerate((order[:middle], order[middle:])):
            result[index] = _half(blocks.chosen(which))
    return torch.cat([result.flatten(), torch.tensor([math.log(1 + len(blocks))])])


def _half(blocks: FlatBlocks) -> Tensor:
    parts = [blocks.mean.mean() / 255]
    for covariances in (blocks.fine, blocks.middle):
        variance = covariances.diagonal(dim1=-2, dim2=-1).mean(1)
        colour = (
            covariances[:, 0, 0] + covariances[:, 2, 2] - 2 * covariances[:, 0, 2]
        ) / 2  # of R - B, without luma
        parts += [_log(variance.median()), _log(variance.mean()), _log(colour.median())]
    parts += [_log(blocks.coarse.median()), _log(torch.quantile(blocks.fine[:, 1, 1], 0.1))]
    sums = torch.arange(8)[:, None] + torch.arange(8)
    for low, high in itertools.pairwise(_ZIGZAG_LIMITS):
        parts.append(_log(blocks.spectrum[:, ((sums >= low) & (sums < high)).flatten()].mean(1).median()))
    return torch.stack(parts)


def _log(variance: Tensor) -> Tensor:
    return (variance.clamp(min=0) + _SMALLEST).log()


def _jpeg(jpeg: JpegFacts | None) -> Tensor:
    """Logarithms of the mean steps of both tables in four bands each, and whether chroma has half the size."""
    if jpeg is None:
        return torch.tensor([*[-1.0] * 8, 0.0])
    sums = (torch.arange(8)[:, None] + torch.arange(8)).flatten()
    found = []
    for table in (jpeg.luma, jpeg.chroma):
        steps = torch.tensor(table, dtype=torch.float32)
        for low, high in ((1, 3), (3, 6), (6, 9), (9, 15)):
            found.append(float(steps[(sums >= low) & (sums < high)].mean().log()))
    return torch.tensor([*found, float(jpeg.subsampling != "4:4:4")])

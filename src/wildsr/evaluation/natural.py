"""Statistics of natural scenes: normalised luminance and the generalised Gaussians fitted to its blocks.

Mittal, Soundararajan, Bovik 2013, "Making a completely blind image quality analyzer", section II.
"""

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from wildsr.evaluation.planes import filtered

# Right, below, below right, below left.
_NEIGHBOURS = ((0, 1), (1, 0), (1, 1), (1, -1))
_SMALLEST, _STEP, _SHAPES = 0.2, 0.001, 9801


def normalised(luma: Tensor, taps: Tensor) -> Tensor:
    """Luminance (B, H, W) in levels less its local mean, over its local deviation + 1; the border is repeated.

    Means are sums in float64 rounded to float32, and the rest is float32: a mean of equal levels is then that level,
    and a flat area exactly zero, neither above nor below.
    """
    side = len(taps) // 2
    padded = F.pad(torch.stack((luma, luma.square())), (side, side, side, side), mode="replicate")
    mean, square = filtered(padded.double(), taps).float()
    deviation = (square - mean.square()).abs_().sqrt_()
    result: Tensor = (luma - mean) / (deviation + 1)
    return result


def block_features(blocks: Tensor) -> Tensor:
    """The 18 features (..., 18), float64, of blocks (..., H, W) of normalised luminance.

    Shape and mean scale of the block's values; then, for the products with each of four neighbours (the block
    taken as periodic), shape, mean, left and right scale. A block without values on either side of zero gives NaN, and
    the smallest shape, 0.2.
    """
    blocks = blocks.double()
    shape, left, right = asymmetric_gaussian(blocks)
    features = [shape, (left + right) / 2]
    for shift in _NEIGHBOURS:
        shape, left, right = asymmetric_gaussian(blocks * blocks.roll(shift, dims=(-2, -1)))
        mean = (right - left) * torch.exp(torch.lgamma(2 / shape) - torch.lgamma(1 / shape))
        features += [shape, mean, left, right]
    return torch.stack(features, dim=-1)


def asymmetric_gaussian(values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Shape, left scale and right scale (...,) of a generalised Gaussian fitted to values (..., H, W), float64.

    Moment matching of Lasmar, Stitou, Berthoumieu 2009, the shape on a grid of 0.001 from 0.2 to 10.
    """
    below = values.clamp(max=0)
    squares_below = torch.linalg.vector_norm(below, dim=(-2, -1)).square()
    squares = torch.linalg.vector_norm(values, dim=(-2, -1)).square()
    left = (squares_below / (values < 0).sum((-2, -1))).sqrt()
    right = ((squares - squares_below) / (values > 0).sum((-2, -1))).sqrt()
    magnitude = values.sum((-2, -1)) - 2 * below.sum((-2, -1))
    count = values.shape[-2] * values.shape[-1]
    balance = left / right
    ratio = magnitude.square() / (count * squares)
    ratio = ratio * (balance**3 + 1) * (balance + 1) / (balance.square() + 1).square()
    shape = _shape_of(ratio)
    scale = torch.exp((torch.lgamma(1 / shape) - torch.lgamma(3 / shape)) / 2)
    return shape, left * scale, right * scale


def _shape_of(ratio: Tensor) -> Tensor:
    """The shape on the grid whose ratio of moments is the nearest; of two, and for NaN, the smaller."""
    ratios = _ratios().to(ratio.device)
    above = torch.searchsorted(ratios, ratio.contiguous()).clamp(1, _SHAPES - 1)
    nearer_below = (ratio - ratios[above - 1]).square() <= (ratios[above] - ratio).square()
    index = torch.where(ratio.isnan(), 0, above - nearer_below.long())
    return _SMALLEST + _STEP * index.double()


@lru_cache(maxsize=1)
def _ratios() -> Tensor:
    """(mean |x|)² / mean x² of a generalised Gaussian, for every shape on the grid; it grows with the shape."""
    shape = _SMALLEST + _STEP * torch.arange(_SHAPES, dtype=torch.float64)
    return torch.exp(2 * torch.lgamma(2 / shape) - torch.lgamma(1 / shape) - torch.lgamma(3 / shape))

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
    """Mean-subtracted, contrast-normalised luminance (B, H, W) of levels, with replicated borders.

    Means are sums in float64 rounded to float32, and the rest is float32: a mean of equal levels is then exactly that
    level, and a flat area exactly zero.
    """
    side = len(taps) // 2
    padded = F.pad(torch.stack((luma, luma.square())), (side, side, side, side), mode="replicate")
    mean, square = filtered(padded.double(), taps).float()
    deviation = (square - mean.square()).abs_().sqrt_()
    result: Tensor = (luma - mean) / (deviation + 1)
    return result


def block_features(blocks: Tensor) -> Tensor:
    """The 18 features (..., 18), float64, of blocks (..., H, W) of normalised luminance.

    Shape and mean scale of the block's values; then, for the products with each of four neighbours (with periodic
    borders), shape, mean, left and right scale. A block without values on one side of zero gives NaN, and
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
    shape, left, right = fitted(moments(values))
    scale = torch.exp((torch.lgamma(1 / shape) - torch.lgamma(3 / shape)) / 2)
    return shape, left * scale, right * scale


def moments(values: Tensor) -> Tensor:
    """Moments (..., 6), float64, of values (..., H, W); those of parts add up to those of the whole.

    Number of values, number below and above zero, sum of squares below zero, of all squares, and of magnitudes.
    """
    below = values.clamp(max=0)
    count = values.shape[-2] * values.shape[-1]
    numbers = ((values < 0).sum((-2, -1)), (values > 0).sum((-2, -1)))
    squares = [torch.linalg.vector_norm(part, dim=(-2, -1)).square() for part in (below, values)]
    magnitude = values.sum((-2, -1)) - 2 * below.sum((-2, -1))
    return torch.stack((torch.full_like(magnitude, count), *numbers, *squares, magnitude), dim=-1)


def fitted(found: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Shape, left and right deviation (...,) of the asymmetric generalised Gaussian with :func:`moments` (..., 6)."""
    count, below, above, squares_below, squares, magnitude = found.unbind(-1)
    left = (squares_below / below).sqrt()
    right = ((squares - squares_below) / above).sqrt()
    balance = left / right
    ratio = magnitude.square() / (count * squares)
    ratio = ratio * (balance**3 + 1) * (balance + 1) / (balance.square() + 1).square()
    return _shape_of(ratio), left, right


def symmetric(found: Tensor) -> tuple[Tensor, Tensor]:
    """Shape and variance (...,) of the generalised Gaussian about zero with :func:`moments` (..., 6).

    The shape is the one on the grid whose mean x² / (mean |x|)² is the nearest, as in BRISQUE.
    """
    count, _, _, _, squares, magnitude = found.unbind(-1)
    return _shape_of(magnitude.square() / (count * squares), inverse=True), squares / count


def _shape_of(ratio: Tensor, inverse: bool = False) -> Tensor:
    """The shape on the grid with the nearest ratio of moments, or inverse; ties and NaN give the smaller."""
    ratios = _ratios().to(ratio.device)
    above = torch.searchsorted(ratios, ratio.contiguous()).clamp(1, _SHAPES - 1)
    lower, upper = ratios[above - 1], ratios[above]
    if inverse:
        nearer_below = (1 / lower - 1 / ratio).square() <= (1 / ratio - 1 / upper).square()
    else:
        nearer_below = (ratio - lower).square() <= (upper - ratio).square()
    index = torch.where(ratio.isnan(), 0, above - nearer_below.long())
    return _SMALLEST + _STEP * index.double()


@lru_cache(maxsize=1)
def _ratios() -> Tensor:
    """(mean |x|)² / mean x² of a generalised Gaussian, for every shape on the grid; it grows with the shape."""
    shape = _SMALLEST + _STEP * torch.arange(_SHAPES, dtype=torch.float64)
    return torch.exp(2 * torch.lgamma(2 / shape) - torch.lgamma(1 / shape) - torch.lgamma(3 / shape))

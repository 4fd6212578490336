"""Noise level of an image, and the L2 ball that bounds the residual in SRResCGAN (Umer et al., 2020)."""

import math

import torch
from torch import Tensor

# High-pass filter of the Daubechies wavelet with seven vanishing moments, ordered for a correlation.
_DB7 = (
    -0.07785205408506236,
    0.39653931948230575,
    -0.7291320908465551,
    0.4697822874053586,
    0.14390600392910627,
    -0.22403618499416572,
    -0.07130921926705004,
    0.0806126091510659,
    0.03802993693503463,
    -0.01657454163101562,
    -0.012550998556013784,
    0.00042957797300470274,
    0.0018016407039998328,
    0.0003537138000010399,
)
_PAD = 7
_STRIP_VALUES = 1 << 18


@torch.no_grad()
def noise_level(images: Tensor, scale: int = 1, strip_values: int = _STRIP_VALUES) -> Tensor:
    """Noise deviation (B,) of (B, C, H, W) images after bilinear upsampling by ``scale`` (1, 2 or 4).

    The median of the absolute diagonal wavelet coefficients, divided by 0.6745 (Donoho and Johnstone, 1994),
    mean over the channels. Images in [0, 255], recognised by a value above 1, are each divided by 255 first; the
    result is always for [0, 1].

    The upsampled image is computed in strips of about ``strip_values`` values. For a smooth image the result
    consists of float32 rounding errors, so every rounding is explicit: it depends neither on the strips nor the
    number of threads, and agrees with the original implementation. Images in float64 are computed in float64, all
    others in float32. Needs a device with float64.
    """
    if images.dtype != torch.float64:
        images = images.float()
    return torch.stack([_noise_level_of_one(image, scale, strip_values) for image in images])


def _noise_level_of_one(image: Tensor, scale: int, strip_values: int) -> Tensor:
    divisor = 255.0 if bool(image.max() > 1) else 1.0
    medians = [_diagonal_details(plane, scale, divisor, strip_values).median() for plane in image]
    return (torch.stack(medians) / 0.6745).mean()


def _diagonal_details(plane: Tensor, scale: int, divisor: float, strip_values: int) -> Tensor:
    """|HH| of one level, for an (H, W) plane upsampled by ``scale``; reflected at the borders."""
    height, width = plane.shape[0] * scale, plane.shape[1] * scale
    details = plane.new_empty(height // 2 + 1, width // 2 + 1)
    columns = _reflected(torch.arange(-_PAD, width + _PAD, device=plane.device), width)
    step = max(1, strip_values // (2 * len(columns)))
    for first in range(0, details.shape[0], step):
        last = min(first + step, details.shape[0])
        rows = torch.arange(2 * first - _PAD, 2 * last - 2 + len(_DB7) - _PAD, device=plane.device)
        strip = _bilinear(plane, _reflected(rows, height), columns, scale) / divisor
        vertical = _high_pass(strip, last - first)
        details[first:last] = _high_pass(vertical.t(), details.shape[1]).t().abs()
    return details


def _reflected(index: Tensor, size: int) -> Tensor:
    """Indices outside 0 ... size-1 reflected inwards, repeatedly for tiny images."""
    if size == 1:
        return torch.zeros_like(index)
    folded = index.remainder(2 * size - 2)
    return torch.minimum(folded, 2 * size - 2 - folded)


def _bilinear(plane: Tensor, rows: Tensor, columns: Tensor, scale: int) -> Tensor:
    """The given rows and columns of the upsampled plane (align_corners=False)."""
    top, bottom, down = _neighbours(rows, plane.shape[0], scale)
    left, right, across = _neighbours(columns, plane.shape[1], scale)
    # Columns are gathered before rows, since this copies fewer elements one by one.
    start, end = int(top.min()), int(bottom.max()) + 1
    nearest = plane[start:end].double()
    lefts, rights = nearest.index_select(1, left), nearest.index_select(1, right)
    top, bottom, down = top - start, bottom - start, down[:, None]
    terms = (
        (rights.index_select(0, top), (1 - down) * across),
        (lefts.index_select(0, top), (1 - down) * (1 - across)),
        (lefts.index_select(0, bottom), down * (1 - across)),
        (rights.index_select(0, bottom), down * across),
    )
    total = terms[0][0] * terms[0][1]
    for values, weights in terms[1:]:
        total = total.to(plane.dtype).double().addcmul_(values, weights)
    return total.to(plane.dtype)


def _neighbours(index: Tensor, size: int, scale: int) -> tuple[Tensor, Tensor, Tensor]:
    position = ((index.double() + 0.5) / scale - 0.5).clamp(min=0)
    before = position.long()
    return before, (before + 1).clamp(max=size - 1), position - before


def _high_pass(x: Tensor, count: int) -> Tensor:
    """Correlate (N, M) with the wavelet along N, every second position: (count, M)."""
    first, *taps = torch.tensor(_DB7, dtype=x.dtype).tolist()
    values = x.double()
    total: Tensor = values[0 : 2 * count - 1 : 2] * first
    for tap, weight in enumerate(taps, 1):
        # A product of two float32 is exact in float64: rounding each sum to float32 is a fused multiply-add.
        total = total.to(x.dtype).double().add_(values[tap : tap + 2 * count - 1 : 2], alpha=weight)
    return total.to(x.dtype)


def ball_radius(alpha: Tensor, sigma: Tensor, values: int) -> Tensor:
    """Radius exp(alpha) * sigma * sqrt(values - 1), (B,), for images of ``values`` elements."""
    return alpha.exp() * sigma * math.sqrt(values - 1)


def shrinkage(norm: Tensor, bound: Tensor) -> Tensor:
    """The factor, at most 1, that brings a residual of L2 norm ``norm`` into the ball of radius ``bound``."""
    largest = torch.maximum(norm, bound)
    return bound / largest.clamp(min=torch.finfo(largest.dtype).tiny)


def norm_of_each(residual: Tensor) -> Tensor:
    """L2 norm (B,) of each image of (B, C, H, W)."""
    norms: Tensor = torch.linalg.vector_norm(residual, dim=(1, 2, 3))
    return norms

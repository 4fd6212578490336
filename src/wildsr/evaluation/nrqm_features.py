"""The three kinds of features of NRQM (Ma et al. 2017, section 4), as in the authors' MATLAB code.

Where the code differs from the paper, the code is followed; the regression was trained on its features.
"""

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from wildsr.evaluation.planes import filtered, strips
from wildsr.ops.kernels import gaussian_profile
from wildsr.ops.resize import imresize, imresize_to
from wildsr.ops.steerable_pyramid import Pyramid, steerable_pyramid

SMALLEST = 48
"""Side of the smallest image: without their borders, its bands are as large as SSIM's window."""
_SCALES = 3
_STEP, _REACH = 3, 2  # the DCT is of blocks of 3x3 pixels with 2 more on each side
_BLOCK = 7
_PIECE = 5  # singular values are of pieces of 5x5 pixels
_LEVELS, _ORIENTATIONS = 2, 6
_GUARD = 16
_CONSTANT = (0.03 * 255) ** 2  # SSIM's second


def local_frequency(levels: Tensor) -> Tensor:
    """The 18 features (18,) of the DCT of blocks, at three scales, of luminance (H, W) in levels of 8 bits."""
    return torch.cat([_of_blocks(scaled) for scaled in _scales(levels)])


def global_frequency(levels: Tensor) -> Tensor:
    """The 45 features (45,) of the bands of a steerable pyramid, of luminance (H, W) in levels of 8 bits.

    The shape of a generalised Gaussian fitted to each of 12 normalised bands, and to those of an orientation at both
    scales together; and the structural similarity of the bands with the highest frequencies, and between orientations.
    """
    pyramid = steerable_pyramid(levels.double(), _LEVELS, _ORIENTATIONS)
    bands = [
        _normalised_band(pyramid, level, index) for level in range(_LEVELS) for index in range(_ORIENTATIONS)
    ]
    fine, coarse = bands[:_ORIENTATIONS], bands[_ORIENTATIONS:]
    both = [torch.cat((one.flatten(), other.flatten())) for one, other in zip(fine, coarse, strict=True)]
    shapes = [gaussian_shape(band.flatten()) for band in (*bands, *both)]
    size = (pyramid.high.shape[0], pyramid.high.shape[1])
    similar = [_structure(imresize_to(band, size), pyramid.high) for level in pyramid.bands for band in level]
    similar += [
        _structure(fine[i], fine[j]) for i in range(_ORIENTATIONS) for j in range(i + 1, _ORIENTATIONS)
    ]
    return torch.stack([*shapes, *similar])


def spatial_discontinuity(levels: Tensor) -> Tensor:
    """The 75 features (75,): singular values of all 5x5 patches, at three scales, of luminance (H, W) in levels.

    Raises:
        ValueError: for an image with fewer than 25 pieces at a quarter of its size, such as one below 84x84.
    """
    found = []
    for scaled in _scales(levels):
        padded = F.pad(scaled, (0, -scaled.shape[1] % _PIECE, 0, -scaled.shape[0] % _PIECE))
        pieces = padded.unfold(0, _PIECE, _PIECE).unfold(1, _PIECE, _PIECE).reshape(-1, _PIECE**2)
        if len(pieces) < _PIECE**2:
            size = f"{levels.shape[1]}x{levels.shape[0]}"
            raise ValueError(f"the image of {size} pixels is too small for NRQM, which needs about 84x84")
        found.append(torch.linalg.svdvals(pieces))
    return torch.cat(found)


def gaussian_shape(values: Tensor) -> Tensor:
    """The shape (...) of a generalised Gaussian with the moments of (..., N), from 0.03 to 10 in steps of 0.001."""
    centred = values - values.mean(-1, keepdim=True)
    ratio = values.var(-1) / (centred.abs().mean(-1).square() + 1e-7)
    shapes, ratios = _shape_table()
    shapes, ratios = shapes.to(values.device), ratios.to(values.device)
    # Ratios fall with the shape; of the two around, the nearer one, or the first.
    above = (len(ratios) - torch.searchsorted(ratios.flip(0), ratio)).clamp(1, len(ratios) - 1) - 1
    nearer = (ratios[above] - ratio).abs() <= (ratios[above + 1] - ratio).abs()
    return shapes[torch.where(nearer, above, above + 1)]


@lru_cache(maxsize=1)
def _shape_table() -> tuple[Tensor, Tensor]:
    """Shapes, and the ratio of variance to the square of the mean absolute value for each."""
    shapes = 0.03 + 0.001 * torch.arange(9971, dtype=torch.float64)
    one, two, three = (torch.lgamma(number / shapes) for number in (1.0, 2.0, 3.0))
    return shapes, (one + three - 2 * two).exp()


def _scales(levels: Tensor) -> list[Tensor]:
    """The image in [0, 1], and twice blurred by a 3x3 Gaussian of 0.5 and halved."""
    scaled = [levels.double() / 255]
    taps = gaussian_profile(3, 0.5).to(levels.device)
    while len(scaled) < _SCALES:
        blurred = filtered(F.pad(scaled[-1], (1, 1, 1, 1)), taps)
        scaled.append(blurred[1::2, 1::2])
    return scaled


def _of_blocks(image: Tensor) -> Tensor:
    """The six features of one scale: means over the lowest or highest tenth, and over all blocks."""
    height, width = image.shape
    bottom, right = -height % _STEP, -width % _STEP
    padded = F.pad(image, (_REACH, _REACH + right, _REACH, _REACH + bottom))
    rows = [
        _block_values(padded[_STEP * part.start : _STEP * part.stop + 2 * _REACH])
        for part in strips((height + bottom) // _STEP, _BLOCK**2 * (width + right) // _STEP)
    ]
    shape, variation, orientation = (torch.cat(values).sort().values for values in zip(*rows, strict=True))
    count = len(shape)
    lowest, highest = slice(0, math.ceil(0.1 * count)), slice(max(int(0.9 * count) - 1, 0), None)
    return torch.stack(
        [
            shape[lowest].mean(),
            shape.mean(),
            variation[highest].mean(),
            variation.mean(),
            orientation[highest].mean(),
            orientation.mean(),
        ]
    )


def _block_values(rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """For each 7x7 block: shape and variation of its DCT, and the variance of the variation in three orientations."""
    basis = _dct_basis(_BLOCK).to(rows.device)
    blocks = rows.unfold(0, _BLOCK, _STEP).unfold(1, _BLOCK, _STEP).reshape(-1, _BLOCK, _BLOCK)
    found = basis @ blocks @ basis.mT
    changing = found.flatten(1)[:, 1:]
    oriented = [_variation(found[:, mask], 1e-8) for mask in _orientations(rows.device)]
    return gaussian_shape(changing), _variation(changing, 1e-7), torch.stack(oriented, -1).var(-1)


def _variation(values: Tensor, least: float) -> Tensor:
    sizes = values.abs()
    ratios: Tensor = sizes.std(-1) / (sizes.mean(-1) + least)
    return ratios


@lru_cache(maxsize=1)
def _dct_basis(side: int) -> Tensor:
    place = torch.arange(side, dtype=torch.float64)
    basis: Tensor = torch.cos(torch.pi * (2 * place + 1) * place[:, None] / (2 * side)) * (2 / side) ** 0.5
    basis[0] /= 2**0.5
    return basis


def _orientations(device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """The frequencies of each orientation, as masks of a 7x7 DCT."""
    flat, diagonal = (torch.zeros(_BLOCK, _BLOCK, dtype=torch.bool, device=device) for _ in range(2))
    for row, first in enumerate((1, 2, 4, 5)):
        flat[row, first:] = True
    for row, (first, end) in enumerate(((1, 2), (2, 4), (2, 5), (3, 7), (4, 7), (4, 7)), 1):
        diagonal[row, first:end] = True
    return flat, diagonal, flat.mT


def _normalised_band(pyramid: Pyramid, level: int, index: int) -> Tensor:
    """A band, divided by the deviation that its neighbourhood predicts, without its borders, minus the mean.

    A neighbourhood has the 3x3 coefficients around, those of the other orientations, and that of the next coarser
    level. The authors' code has no coarser one for the last orientation.
    """
    band = pyramid.bands[level][index]
    planes = [other for place, other in enumerate(pyramid.bands[level]) if place != index]
    parent = level + 1 < _LEVELS and index + 1 < _ORIENTATIONS
    if parent:
        planes.append(imresize(pyramid.bands[level + 1][index], 2)[: band.shape[0], : band.shape[1]])
    height, width = band.shape[0] - 2, band.shape[1] - 2
    parts = list(strips(height, (len(planes) + 9) * width))
    products = sum(_neighbours(band, planes, rows) @ _neighbours(band, planes, rows).mT for rows in parts)
    assert isinstance(products, Tensor)
    inverse = torch.linalg.pinv(products / (height * width), hermitian=True, rtol=len(products) * 2.0**-52)
    inner = band[1:-1, 1:-1] - band[1:-1, 1:-1].mean()
    squared = [
        torch.einsum("in,ij,jn->n", values, inverse, values).reshape(-1, width)
        for values in (_neighbours(band, planes, rows) for rows in parts)
    ]
    deviation = (torch.cat(squared) / (9 + parent)).sqrt()
    guard = _GUARD >> level
    normalised = (inner / deviation)[guard:-guard, guard:-guard]
    return normalised - normalised.mean()


def _neighbours(band: Tensor, planes: list[Tensor], rows: slice) -> Tensor:
    """The neighbourhoods (K, N) of the inner coefficients in ``rows``."""
    height, width = rows.stop - rows.start, band.shape[1] - 2
    around = [band[rows.start + i : rows.stop + i, j : j + width] for i in range(3) for j in range(3)]
    others = [plane[rows.start + 1 : rows.stop + 1, 1:-1] for plane in planes]
    return torch.stack([*around, *others]).reshape(-1, height * width)


def _structure(one: Tensor, other: Tensor) -> Tensor:
    """The mean of SSIM's contrast and structure, with a Gaussian window of 11x11 at valid positions."""
    taps = gaussian_profile(11, 1.5).to(one.device)
    maps = filtered(torch.stack((one, other, one * one, other * other, one * other)), taps)
    covariance = maps[4] - maps[0] * maps[1]
    variances = maps[2] - maps[0].square() + maps[3] - maps[1].square()
    return ((2 * covariance + _CONSTANT) / (variances + _CONSTANT)).mean()

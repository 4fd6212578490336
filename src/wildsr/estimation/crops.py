"""Crops for KernelGAN (Bell-Kligler et al., 2019, supplementary), sampled by the amount of structure in them.

Images are (3, H, W) float64 in [0, 1]; maps (H, W) float64.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from wildsr.estimation.errors import EstimationError
from wildsr.ops.color import grey
from wildsr.ops.resize import imresize

_WINDOW = 5
_PERCENTILE = 0.97


def gradient_map(image: Tensor) -> Tensor:
    """Strength of edges around each pixel, relative to the mean of the image.

    Of horizontal and vertical gradients, the part above the 97th percentile counts, clipped at the next larger value;
    the gradient magnitude counts in full. Pixels at the border are 0.
    """
    plane = grey(image)[0]
    down, across = torch.gradient(plane)
    parts = []
    for part, clipped in ((across.abs(), True), (down.abs(), True), (torch.hypot(across, down), False)):
        inner = F.pad(part[_WINDOW:-_WINDOW, _WINDOW:-_WINDOW], [_WINDOW] * 4)
        part = _top_values(inner) if clipped else inner
        total = part.sum()
        parts.append(part / total if total > 0 else part)
    smooth = _box(torch.stack(parts).sum(0), _WINDOW)
    mean = smooth.mean()
    return smooth / mean if mean > 0 else smooth


def probability_map(gradients: Tensor, crop: int) -> Tensor:
    """Probability of each pixel to be the centre of a ``crop`` x ``crop`` crop, (H, W), summing to one.

    Raises:
        EstimationError: no crop of that size has any structure, or none fits.
    """
    half = crop // 2
    inner = _box(gradients, half)[half:-half, half:-half]
    total = inner.sum()
    if not inner.numel() or not total > 0:
        raise EstimationError(
            f"no crop of {crop}x{crop} pixels with any structure fits into it; use a larger or sharper image"
        )
    return F.pad(inner, [half] * 4) / total


def crop_maps(image: Tensor, crop_g: int, crop_d: int, stride: int = 2) -> tuple[Tensor, Tensor]:
    """Probabilities of crops for the generator and for the discriminator.

    Those of the generator follow the structure that is left after downscaling.
    """
    small = imresize(image, 1 / stride, outside="kernelgan")
    # The original code repeats pixels in 32-bit floats.
    coarse = gradient_map(small).float().double()
    repeated = coarse.repeat_interleave(stride, 0).repeat_interleave(stride, 1)
    return probability_map(repeated, crop_g), probability_map(gradient_map(image), crop_d)


Indices = np.ndarray[tuple[int, ...], np.dtype[np.int64]]


def sample_centres(
    probabilities: Tensor, count: int, rng: np.random.Generator | np.random.RandomState
) -> Indices:
    """Sample indices into the flattened map, (count,). With a ``RandomState`` they equal those of the original code."""
    weights = probabilities.flatten().numpy()
    return np.asarray(rng.choice(len(weights), size=count, p=weights), dtype=np.int64)


def top_left(centres: Indices, size: tuple[int, int], crop: int) -> Indices:
    """First row and column, (n, 2), of crops around ``centres`` in an image of ``size``; both are even,
    so that crops for the generator lie on the grid of its map.
    """
    rows, columns = np.divmod(centres, size[1])
    corners = [
        np.clip(middle - crop // 2, 0, side - crop)
        for middle, side in zip((rows, columns), size, strict=True)
    ]
    result: Indices = np.stack(corners, 1)
    result -= result % 2
    return result


def trimmed(levels: Tensor, border: int, stride: int = 2) -> Tensor:
    """Remove the ``border`` of (3, H, W), and crop to a size that ``stride`` divides."""
    height, width = levels.shape[-2:]
    inner = levels[:, border : height - border, border : width - border]
    height, width = inner.shape[-2:]
    return inner[:, : height - height % stride, : width - width % stride]


def _top_values(values: Tensor) -> Tensor:
    """Values minus the 97th percentile, clipped to 0 and to the next larger value."""
    ordered = values.flatten().sort().values
    place = int(_PERCENTILE * len(ordered))
    low, high = float(ordered[place]), float(ordered[min(place + 1, len(ordered) - 1)])
    return values.clamp(low, high if high > low else low + 1e-5) - low


def _box(plane: Tensor, size: int) -> Tensor:
    """Means over size x size pixels with zeros outside; for an even size, the centre is the later pixel."""
    before, after = size // 2, (size - 1) // 2
    padded = F.pad(plane, (before, after, before, after))[None]
    rows = F.avg_pool2d(padded, (size, 1), stride=1)
    return F.avg_pool2d(rows, (1, size), stride=1)[0]

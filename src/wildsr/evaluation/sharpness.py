"""Edge sharpness, noise in flat areas, periodic patterns and dots, with the help of the ground truth.

PSNR and LPIPS barely respond to soft edges, remaining noise, a faint grid or dots, which people notice at once. These
metrics work on the grey value 0.299 R + 0.587 G + 0.114 B of 8-bit levels of whole images.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from wildsr.evaluation.planes import check_pair, planes
from wildsr.losses.flat import local_mean
from wildsr.ops.color import grey

STRONGEST = 0.02
"""Share of the positions, those with the largest gradients of the truth, that count as edges."""
BLOCK = 8
"""Side of the blocks in which flat areas are searched, in pixels."""
FLAT_BELOW = 1.5
"""Standard deviation of the truth, in levels, below which a block is flat."""
FEWEST_BLOCKS = 20
"""An image with this many flat blocks or fewer has no value."""
PERIOD = 4
"""Side of the pattern that :func:`grid_pattern` looks for, in pixels; a divisor of :data:`BLOCK`."""
DOT, AROUND = 3, 9
"""Sides of a dot and of its surroundings in pixels."""
SMOOTH_BELOW = 8.0
"""Standard deviation of the truth's surroundings, in levels, below which a dot is visible."""


def edge_sharpness(result: Tensor, truth: Tensor) -> Tensor:
    """Mean gradient at the edges of the truth, relative to the truth's own; (B,), float64.

    The gradient is the hypotenuse of the forward differences, over (H-1, W-1) positions. Edges are the positions at
    which the truth's gradient reaches its 0.98 quantile. 1 means as sharp as the truth, less means softer. NaN where
    the truth has no gradient at all.

    Args:
        result: images (B, 3, H, W), floating point in [0, 1] or levels as uint8.
        truth: their references, in the same form.

    Raises:
        ValueError: different shapes, not RGB images, or a side below 2 pixels.
    """
    check_pair(result, truth, least=2)
    ratios = []
    for image, reference in zip(result, truth, strict=True):
        wanted = _gradient(_grey_levels(reference))
        edges = wanted >= _quantile(wanted, 1 - STRONGEST)
        ratios.append(_gradient(_grey_levels(image))[edges].mean() / wanted[edges].mean())
    return torch.stack(ratios)


def flat_noise(result: Tensor, truth: Tensor) -> Tensor:
    """Mean standard deviation in flat blocks, relative to the truth's own; (B,), float64.

    Blocks of 8x8 pixels, from the top left corner on without overlap, are flat where the standard deviation of the
    truth is below 1.5 levels. 1 means as noisy as the truth, more means remaining or invented noise. NaN where an
    image has 20 flat blocks or fewer, or where the truth has no deviation at all.

    The arguments and errors are those of :func:`edge_sharpness`; sides are at least 8 pixels.
    """
    check_pair(result, truth, least=BLOCK)
    ratios = []
    for image, reference in zip(result, truth, strict=True):
        found = _flat_blocks(image, reference)
        if found is None:
            ratios.append(_undefined(result))
            continue
        ours, wanted = (blocks.std((1, 2), correction=0).mean() for blocks in found)
        ratios.append(ours / wanted if wanted > 0 else _undefined(result))
    return torch.stack(ratios)


def grid_pattern(result: Tensor, truth: Tensor) -> Tensor:
    """Strength in levels of a pattern that repeats every 4 pixels in flat blocks; (B,), float64.

    Of every flat block (see :func:`flat_noise`) the mean is subtracted; the rest is averaged over all blocks at each of
    the 4x4 positions within the period. The value is the standard deviation over these 16 means. Noise averages
    out, a pattern of the network does not. NaN where an image has 20 flat blocks or fewer.

    The arguments and errors are those of :func:`flat_noise`.
    """
    check_pair(result, truth, least=BLOCK)
    strengths = []
    for image, reference in zip(result, truth, strict=True):
        found = _flat_blocks(image, reference)
        if found is None:
            strengths.append(_undefined(result))
            continue
        blocks = found[0] - found[0].mean((1, 2), keepdim=True)
        phases = blocks.reshape(-1, BLOCK // PERIOD, PERIOD, BLOCK // PERIOD, PERIOD).mean((0, 1, 3))
        strengths.append(phases.std(correction=0))
    return torch.stack(strengths)


def dots(result: Tensor, truth: Tensor) -> Tensor:
    """Dots of a few pixels that the truth does not have, per thousand pixels of smooth areas; (B,), float64.

    The height of a pixel is the root mean square, over the 3x3 pixels around it, of the differences from the mean over
    9x9 pixels, so that a dot half dark and half bright counts too. A pixel counts where its height is more than a
    level above the greatest height of the truth within 9x9 pixels. Areas are smooth where the standard deviation of
    the truth over 9x9 pixels is below 8 levels. NaN where there are none.

    The arguments and errors are those of :func:`edge_sharpness`; sides are at least 9 pixels.
    """
    check_pair(result, truth, least=AROUND)
    shares = []
    for image, reference in zip(result, truth, strict=True):
        wanted = _grey_levels(reference)[None, None]
        variance = local_mean(wanted.square(), AROUND) - local_mean(wanted, AROUND).square()
        rows = F.max_pool2d(_heights(wanted), (AROUND, 1), 1, (AROUND // 2, 0))
        greatest = F.max_pool2d(rows, (1, AROUND), 1, (0, AROUND // 2))
        excess = _heights(_grey_levels(image)[None, None]) - greatest
        shares.append(1000 * (excess[variance < SMOOTH_BELOW**2] > 1).double().mean())
    return torch.stack(shares)


def _heights(grey: Tensor) -> Tensor:
    """How far dots stand out from their surroundings, (1, 1, H, W), in the units of the image."""
    return local_mean((grey - local_mean(grey, AROUND)).square(), DOT).sqrt()


def _grey_levels(image: Tensor) -> Tensor:
    """The grey value (H, W) of an image (3, H, W), in levels of 0 to 255, float64."""
    return grey(planes(image[None]))[0, 0]


def _gradient(plane: Tensor) -> Tensor:
    """Hypotenuse of the forward differences of a plane (H, W): (H-1, W-1)."""
    return torch.hypot(plane.diff(dim=0)[:, :-1], plane.diff(dim=1)[:-1])


def _quantile(values: Tensor, share: float) -> Tensor:
    """The linearly interpolated quantile; ``torch.quantile`` refuses more than 16 million values."""
    ordered = values.flatten().sort().values
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return torch.lerp(ordered[below], ordered[above], place - below)


def _flat_blocks(image: Tensor, truth: Tensor) -> tuple[Tensor, Tensor] | None:
    """The flat blocks of an image and of its truth (n, 8, 8), or None where there are too few."""
    wanted = _blocks(_grey_levels(truth))
    flat = wanted.std((1, 2), correction=0) < FLAT_BELOW
    if int(flat.sum()) <= FEWEST_BLOCKS:
        return None
    return _blocks(_grey_levels(image))[flat], wanted[flat]


def _blocks(plane: Tensor) -> Tensor:
    """The whole blocks (n, 8, 8) of a plane (H, W)."""
    return plane.unfold(0, BLOCK, BLOCK).unfold(1, BLOCK, BLOCK).reshape(-1, BLOCK, BLOCK)


def _undefined(like: Tensor) -> Tensor:
    return torch.full((), torch.nan, dtype=torch.float64, device=like.device)

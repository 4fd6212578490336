"""LPIPS of images of any size, computed in tiles."""

import torch
from torch import Tensor

from wildsr.evaluation.planes import check_pair
from wildsr.networks.lpips import Lpips

SMALLEST = 64
# All levels are aligned to this grid of pixels, and the halo exceeds every receptive field (VGG-16: 98 pixels).
_GRID, _HALO = 16, 112


def lpips(network: Lpips, result: Tensor, truth: Tensor, tile: int = 1024) -> Tensor:
    """LPIPS (B,), float32, of images (B, 3, H, W): 8-bit levels as uint8, or floats in [0, 1].

    Larger images are processed in tiles of ``tile`` pixels a side, a multiple of 16, with enough context that only the
    order of summation differs. Computed on the network's device.

    Raises:
        ValueError: different shapes, not RGB images, or below 64 pixels a side.
    """
    result, truth = check_pair(result, truth, least=SMALLEST)
    if tile < _GRID or tile % _GRID:
        raise ValueError(f"tiles of LPIPS are multiples of {_GRID} pixels, not {tile}")
    device = network.mean.device
    height, width = result.shape[2:]
    totals: list[Tensor] = []
    counts: list[int] = []
    for top, bottom in _cores(height, tile):
        for left, right in _cores(width, tile):
            rows = slice(max(top - _HALO, 0), min(bottom + _HALO, height))
            columns = slice(max(left - _HALO, 0), min(right + _HALO, width))
            with torch.no_grad():
                maps = network.maps(*(_floats(x[..., rows, columns], device) for x in (result, truth)))
            last = (bottom == height, right == width)
            begins, ends = (top - rows.start, left - columns.start), (bottom - top, right - left)
            cores = [_core(m, step, begins, ends, last) for m, step in zip(maps, network.steps, strict=True)]
            sums = [core.double().sum((1, 2)) for core in cores]
            totals = [a + b for a, b in zip(totals, sums, strict=True)] if totals else sums
            sizes = [core.shape[1] * core.shape[2] for core in cores]
            counts = [a + b for a, b in zip(counts, sizes, strict=True)] if counts else sizes
    means = [total / count for total, count in zip(totals, counts, strict=True)]
    return torch.stack(means).sum(0).float()


def _core(
    level: Tensor, step: int, begins: tuple[int, int], sizes: tuple[int, int], last: tuple[bool, bool]
) -> Tensor:
    """The positions of a feature level that belong to a tile's core; at the end of the image, all that remain."""
    down, across = (
        slice(begin // step, None if ends else (begin + size) // step)
        for begin, size, ends in zip(begins, sizes, last, strict=True)
    )
    return level[:, down, across]


def _cores(length: int, tile: int) -> list[tuple[int, int]]:
    """Tile ranges; the last tile is extended by a remainder that is too small for a tile of its own."""
    starts = list(range(0, max(length - tile // 2, 1), tile))
    return list(zip(starts, [*starts[1:], length], strict=True))


def _floats(images: Tensor, device: torch.device) -> Tensor:
    images = images.to(device)
    return images.float() / 255 if images.dtype == torch.uint8 else images.float()

"""Noise patches from photos: patches so flat that their variation is noise (RealSR, Ji et al., 2020).

RWSR-EDL collects them in the same way from an auxiliary dataset.
"""

import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from wildsr.degradations.pools import NoisePool
from wildsr.estimation.errors import EstimationError
from wildsr.estimation.sources import Source
from wildsr.image import ImageError, read_levels

# Weights of Pillow's grey value, in units of 1/65536.
_LUMA = (19595, 38470, 7471)


@dataclass(frozen=True)
class NoiseRule:
    """Which patches are collected.

    Attributes:
        patch: their side in pixels.
        max_variance: variance of the grey levels (0 to 255) below which a patch counts as flat.
        min_mean: least mean of the grey levels, exclusive: noise in dark areas is often clipped at black.
        min_variance: least variance; above 0 it excludes patches without noise, such as overexposed skies.
    """

    patch: int = 256
    max_variance: float = 20.0
    min_mean: float = 0.0
    min_variance: float = 0.0


PRESETS: dict[str, NoiseRule] = {"df2k": NoiseRule(), "dped": NoiseRule(min_mean=50.0)}
"""RealSR's rules for its two tracks: images with processing noise, and photos of a phone."""


class Candidates(NamedTuple):
    """Candidate patches of an image, row by row: top, left (int64), variance and mean (float64), (n,) each."""

    top: Tensor
    left: Tensor
    variance: Tensor
    mean: Tensor


def survey(levels: Tensor, patch: int) -> Candidates:
    """Variance and mean of the grey levels of each candidate patch of ``levels`` (3, H, W) uint8.

    Patches do not overlap. As in the original code, one that ends exactly at the border is skipped.
    """
    rows, columns = (max(0, -(-(side - patch) // patch)) for side in levels.shape[-2:])
    red, green, blue = levels[:, : rows * patch, : columns * patch].int()
    grey = (_LUMA[0] * red + _LUMA[1] * green + _LUMA[2] * blue + 0x8000) >> 16
    candidates = grey.view(rows, patch, columns, patch)
    total = candidates.sum((1, 3), dtype=torch.int64).flatten()
    squares = candidates.square().sum((1, 3), dtype=torch.int64).flatten()
    count = patch**2
    # Exact except for the last division.
    variance = (count * squares - total.square()).double() / count**2
    top, left = torch.meshgrid(torch.arange(rows) * patch, torch.arange(columns) * patch, indexing="ij")
    return Candidates(top.flatten(), left.flatten(), variance, total.double() / count)


def accepted(candidates: Candidates, rule: NoiseRule) -> Tensor:
    """Which patches satisfy the rule, (n,) bool."""
    flat = (candidates.variance < rule.max_variance) & (candidates.variance >= rule.min_variance)
    return flat & (candidates.mean > rule.min_mean)


@dataclass
class NoiseStatistics:
    """Statistics of a collection of noise patches.

    Attributes:
        images: number of images read.
        candidates: number of candidate patches.
        taken: number that satisfy the rule; with a limit, the pool contains fewer.
        giving: number of images that contain such patches.
        failures: names of images that could not be read, and reasons.
        small: names of images that are smaller than a patch.
        flattest: the smallest variance of a patch that is bright enough, and its image.
        brightest: the largest mean of a patch that is flat enough, and its image.
    """

    images: int = 0
    candidates: int = 0
    taken: int = 0
    giving: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)
    small: list[str] = field(default_factory=list)
    flattest: tuple[float, str] | None = None
    brightest: tuple[float, str] | None = None


def collect_noise(
    sources: Sequence[Source],
    rule: NoiseRule,
    *,
    limit: int | None = None,
    seed: int = 0,
    workers: int = 1,
    on_image: Callable[[], None] | None = None,
) -> tuple[NoisePool, NoiseStatistics]:
    """Collect the noise patches of images, in a temporary file.

    Args:
        sources: the images. Transparent areas count as white.
        rule: which patches are collected.
        limit: most patches; of more, a uniform random choice.
        seed: of that choice.
        workers: images that are read in parallel. The result does not depend on it.
        on_image: called after each image.

    Raises:
        EstimationError: there is no patch; the message suggests other settings.
    """
    found = NoiseStatistics()
    rng = np.random.default_rng(seed)
    origins: list[str] = []
    size = 3 * rule.patch**2
    # Unlinked: it disappears with the last reference to the array that maps it.
    with tempfile.TemporaryFile(prefix="wildsr-noise-") as file:
        for source, result in _each(sources, rule, workers):
            if on_image is not None:
                on_image()
            if isinstance(result, ImageError):
                found.failures.append((source.name, str(result)))
                continue
            patches, candidates = result
            take = accepted(candidates, rule)
            _note(found, source.name, candidates, take, rule)
            for patch, index in zip(patches, take.nonzero().flatten().tolist(), strict=True):
                place = found.taken
                found.taken += 1
                if limit is not None and place >= limit:
                    place = int(rng.integers(found.taken))  # reservoir sampling
                    if place >= limit:
                        continue
                file.seek(place * size)
                file.write(patch.numpy().tobytes())
                origins[place : place + 1] = [
                    f"{source.name} {candidates.left[index]},{candidates.top[index]}"
                ]
        if not origins:
            raise EstimationError(_advice(found, rule))
        file.flush()
        shape = (len(origins), 3, rule.patch, rule.patch)
        mapped = np.memmap(file, dtype=np.uint8, mode="c", shape=shape)
    return NoisePool(torch.from_numpy(mapped), tuple(origins)), found


Result = tuple[list[Tensor], Candidates] | ImageError


def _each(sources: Sequence[Source], rule: NoiseRule, workers: int) -> Iterator[tuple[Source, Result]]:
    """The accepted patches of each image, in order, reading at most as many images ahead as there are workers."""
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[tuple[Source, Future[Result]]] = deque()
        for source in sources:
            waiting.append((source, pool.submit(_patches, source.path, rule)))
            if len(waiting) > workers:
                first, result = waiting.popleft()
                yield first, result.result()
        while waiting:
            first, result = waiting.popleft()
            yield first, result.result()


def _patches(path: Path, rule: NoiseRule) -> Result:
    try:
        levels = read_levels(path)[0]
    except ImageError as error:
        return error
    candidates = survey(levels, rule.patch)
    take = accepted(candidates, rule)
    corners = zip(candidates.top[take].tolist(), candidates.left[take].tolist(), strict=True)
    side = rule.patch
    return [levels[:, top : top + side, left : left + side].clone() for top, left in corners], candidates


def _note(found: NoiseStatistics, name: str, candidates: Candidates, take: Tensor, rule: NoiseRule) -> None:
    """Update the statistics, from which advice is derived."""
    found.images += 1
    found.candidates += len(take)
    if not len(take):
        found.small.append(name)
        return
    if bool(take.any()):
        found.giving += 1
        return
    noisy = candidates.variance >= rule.min_variance
    bright = (candidates.mean > rule.min_mean) & noisy
    if bool(bright.any()):
        best = (float(candidates.variance[bright].min()), name)
        found.flattest = min(best, found.flattest or best)
    flat = (candidates.variance < rule.max_variance) & noisy
    if bool(flat.any()):
        best = (float(candidates.mean[flat].max()), name)
        found.brightest = max(best, found.brightest or best)


def _advice(found: NoiseStatistics, rule: NoiseRule) -> str:
    if not found.images:
        return f"none of the {len(found.failures)} images could be read"
    if not found.candidates:
        return (
            f"none of the {found.images} images is larger than {rule.patch}x{rule.patch} pixels; "
            f"take smaller patches with --patch {rule.patch // 2}"
        )
    side = f"{rule.patch}x{rule.patch}"
    message = f"none of the {found.candidates} patches of {side} pixels in {found.images} images fits"
    if found.brightest is not None:
        mean, where = found.brightest
        message += (
            f": the flat ones are too dark, the brightest has a mean of {mean:.1f} ({where}) and more than "
            f"{rule.min_mean:g} is required; lower --min-mean"
        )
    elif found.flattest is not None:
        variance, where = found.flattest
        message += (
            f": the flattest has a variance of {variance:.1f} ({where}) and less than {rule.max_variance:g} is "
            f"required; try --max-variance {np.ceil(variance * 1.2):.0f}, or smaller patches with "
            f"--patch {rule.patch // 2}"
        )
    else:
        message += ": none is bright and noisy enough; lower --min-mean or --min-variance"
    return message

"""Blends the weights of the starting and the fine-tuned model and a faithful sibling; the shares are chosen on training
photos.
"""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from wildsr.adapt.images import CleanUpSettings, clean_tile, detailed_tiles
from wildsr.degradations.degradation import Degradation
from wildsr.degradations.profile import Profile
from wildsr.evaluation.distortion import psnr
from wildsr.evaluation.perceptual import SMALLEST
from wildsr.evaluation.perceptual import lpips as lpips_of
from wildsr.evaluation.sharpness import dots, edge_sharpness
from wildsr.image import ImageError, read_levels, write_rgb
from wildsr.networks.lpips import Lpips
from wildsr.storage.evenly import evenly
from wildsr.storage.seeds import generator
from wildsr.zoo.blend import blend
from wildsr.zoo.features.files import MissingWeights
from wildsr.zoo.features.lpips import load_lpips
from wildsr.zoo.model import Model

SHARES = (0.25, 0.5, 0.75, 1.0)
"""Shares of the fine-tuned model that are tried."""
TOWARD = (0.0, 0.07, 0.15, 0.3)
"""Shares of the faithful sibling that are tried with each."""
_PAIRS, _SIDE, _SCALE = 6, 256, 4
_SEED = 0xC401
_BLUR_FOR_DOTS = 0.8
"""Blur in pixels of HR images, beyond which a sharper result would seem to have dots."""
LEAST_EDGES = 0.97
"""Least edge sharpness relative to the starting model, if one of the blends has it. In blind pairs, blends with 0.96
of a phone and of a compressed camera won 8 and lost 22, those with 0.97 won 8 and lost 5."""
MOST_DOTS, _FEW = 1.5, 0.5
"""Most dots relative to the starting model, if one of the blends has no more. With 1.2 times, a blind judge preferred
the adapted model of a phone in all 10 pairs; with more than twice as many, the starting one of a compressed camera in
11 of 12. On true pairs of three cameras, blends with 1.2 to 1.5 times had 0.5 to 1.1 times the dots."""
_DB_PER_LPIPS = 8.0
"""0.08 dB of PSNR count as much as 0.01 of LPIPS. LPIPS was trained on, but a blend with the sibling gains PSNR and
loses edges."""


def write_pairs(
    photos: Sequence[tuple[str, Path]], clean: CleanUpSettings, camera: Degradation, folder: Path, seed: int
) -> int:
    """Write pairs from photos of the training, evenly chosen, into ``folder``/LR and /HR; returns their number."""
    for part in ("LR", "HR"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    count = 0
    chosen = evenly(photos, _PAIRS)
    others = [one for one in photos if one not in chosen]
    for name, path in (*chosen, *others):  # others for those that cannot be used
        try:
            hr = clean_tile(detailed_tiles(read_levels(path))[0], clean, name)
        except ImageError:
            continue
        height, width = (min(side, _SIDE) // _SCALE * _SCALE for side in hr.shape[-2:])
        if min(height, width) < SMALLEST:
            continue
        top, left = (hr.shape[-2] - height) // 2, (hr.shape[-1] - width) // 2
        hr = hr[..., top : top + height, left : left + width]
        parameters = camera.sample(generator(seed ^ _SEED, name), (height, width))
        write_rgb(folder / "LR" / f"{count}.png", camera.apply(hr, [parameters]).clamp(0, 1))
        write_rgb(folder / "HR" / f"{count}.png", hr)
        count += 1
        if count == _PAIRS:
            break
    return count


def for_dots(profile: Profile) -> CleanUpSettings:
    """How photos become HR images with smooth areas as in photos: not downscaled, unless they are blurred."""
    return CleanUpSettings({}, max(1, round(profile.blur.wide / _BLUR_FOR_DOTS)), profile.noise.level(0.5))


@dataclass(frozen=True)
class Mix:
    """Shares of a blend.

    Attributes:
        tuned: share of the fine-tuned model; the rest is the starting model.
        toward: share of the faithful sibling in the blend with the result.
        psnr: gain over the starting model in dB, on the pairs of the choice.
        lpips: gain in LPIPS; a negative one is better. None: not measured.
        edges: edge sharpness relative to that of the starting model.
        dots: those relative to the starting model's, after adding half a dot per thousand pixels to both, so that the
            first dots of a clean result do not decide.
    """

    tuned: float
    toward: float = 0.0
    psnr: float = 0.0
    lpips: float | None = None
    edges: float = 1.0
    dots: float = 1.0

    @property
    def score(self) -> float:
        """Gain in dB, with that in LPIPS."""
        return self.psnr - _DB_PER_LPIPS * (self.lpips or 0.0)

    def of(self, start: Model, tuned: Model, sibling: Model | None) -> Model:
        """The blended model."""
        model = blend(start, tuned, self.tuned)
        return model if sibling is None or not self.toward else blend(model, sibling, self.toward)


def best_mix(mixes: Sequence[Mix]) -> Mix:
    """The mix with the highest score among those that lose no LPIPS, gain no dots and keep sharp edges.

    If no edges are as sharp, the sharpest mix is taken; if all have dots, or lose LPIPS, that does not count. PSNR and
    LPIPS, which were trained on, do not notice that a result has become soft or dotted, but people do.
    """
    kept = [mix for mix in mixes if (mix.lpips or 0.0) <= 0]
    clean = [mix for mix in kept if mix.dots <= MOST_DOTS] or kept or list(mixes)
    least = min(LEAST_EDGES, max(mix.edges for mix in clean))
    return max((mix for mix in clean if mix.edges >= least), key=lambda mix: mix.score)


def measure_mixes(
    start: Model,
    tuned: Model,
    sibling: Model | None,
    folders: tuple[Path, Path],
    faithful: bool,
    features: Path | None,
) -> list[Mix]:
    """The blends of the starting model, the fine-tuned one and its faithful sibling, with their gains.

    Both ``folders`` have pairs of :func:`write_pairs`: those of downscaled photos, whose detail hides dots, and those
    of larger ones (:func:`for_dots`), on which only dots are counted. For the faithful style only PSNR is measured.
    """
    pairs, larger = _pairs(folders[0]), [] if faithful else _pairs(folders[1])
    network = None if faithful else _lpips_network(features)
    measure = partial(_measure, pairs=pairs, larger=larger, network=network, edges=not faithful)
    before = measure(start)
    mixes = []
    for mix in (Mix(share, toward) for share in SHARES for toward in (TOWARD if sibling else (0.0,))):
        after = measure(mix.of(start, tuned, sibling))
        mixes.append(
            replace(
                mix,
                psnr=after.psnr - before.psnr,
                lpips=None if network is None else after.lpips - before.lpips,
                edges=after.edges / before.edges if before.edges else 1.0,
                dots=(after.dots + _FEW) / (before.dots + _FEW),
            )
        )
    return mixes


class _Values(NamedTuple):
    """Means of a model over the pairs of the choice; 0 for what is not measured."""

    psnr: float
    lpips: float
    edges: float
    dots: float


Pair = tuple[Tensor, Tensor]
"""LR and HR (1, 3, H, W) in [0, 1]."""


def _measure(
    model: Model, *, pairs: Sequence[Pair], larger: Sequence[Pair], network: Lpips | None, edges: bool
) -> _Values:
    results = [(_upscaled(model, lr), hr) for lr, hr in pairs]
    return _Values(
        _mean(psnr(sr, hr, border=_SCALE) for sr, hr in results),
        0.0 if network is None else _mean(lpips_of(network, sr, hr) for sr, hr in results),
        _mean(edge_sharpness(sr, hr) for sr, hr in results) if edges else 0.0,
        _mean(dots(_upscaled(model, lr), hr) for lr, hr in larger),
    )


def _upscaled(model: Model, lr: Tensor) -> Tensor:
    with torch.no_grad():
        return model(lr).clamp(0, 1)


def _mean(values: Iterable[Tensor]) -> float:
    """Mean of the finite values; 0 if there are none."""
    finite = [float(value) for value in values if torch.isfinite(value).all()]
    return statistics.fmean(finite) if finite else 0.0


def _pairs(folder: Path) -> list[Pair]:
    count = len(list((folder / "LR").glob("*.png")))
    lr, hr = (
        [read_levels(folder / part / f"{index}.png").float() / 255 for index in range(count)]
        for part in ("LR", "HR")
    )
    return list(zip(lr, hr, strict=True))


def _lpips_network(features: Path | None) -> Lpips | None:
    try:
        return load_lpips(features)
    except MissingWeights:
        return None

"""The proof: pairs made from set-aside photos, models compared on them, and results checked against the real photos."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from wildsr.adapt.errors import AdaptError
from wildsr.adapt.gain import Gain, paired_gain
from wildsr.adapt.images import CleanUpSettings, clean_tile, detailed_tiles
from wildsr.degradations.degradation import Degradation
from wildsr.evaluation.candidates import Candidate, InferenceSettings
from wildsr.evaluation.datasets import EvaluationImage, EvaluationSet, keep_image
from wildsr.evaluation.evaluate import MeasureOptions, OnStep, RunOptions, evaluate_methods
from wildsr.evaluation.metrics import MetricSettings, available_metrics
from wildsr.evaluation.results import Metric, Results, Row
from wildsr.image import ImageError, read_levels
from wildsr.ops.resize import imresize
from wildsr.storage.evenly import evenly
from wildsr.storage.seeds import generator

PAIRS, GENERAL, REAL = "pairs of your camera", "pairs of any camera", "your photos"
"""The datasets: set-aside photos degraded like the camera, by the general mixture, and as they are."""
AFTER, BICUBIC = "adapted", "bicubic"
_SIDE, _REAL_SIDE, _SMALLEST = 320, 128, 64
"""Largest side of an HR image of a pair, of a crop of a real photo, and smallest side of either HR."""
_SCALE = 4
METRICS = ("psnr", "lpips-alex", "edge-sharpness", "flat-noise", "dots", "niqe")
CONSISTENCY = Metric(
    "consistency",
    "Consistency",
    higher_is_better=True,
    unit="dB",
    definition="PSNR between the input and the result downscaled to its size by MATLAB's bicubic, 8-bit levels; a "
    "result that invents or removes structures of the input has a low value. Sharper and less noisy results lose a "
    "little, too",
    reference=False,
)
_SEED = 0x9E0F
"""Separates the random numbers of the proof from those of training."""


@dataclass(frozen=True)
class ProofPlan:
    """Size of the proof.

    Attributes:
        photos: largest number of set-aside photos.
        draws: pairs made of each photo, of different parts and with different parameters.
        real: largest number of crops of real photos.
    """

    photos: int = 24
    draws: int = 2
    real: int = 8

    @classmethod
    def within(cls, minutes: float, photos: int) -> "ProofPlan":
        """A plan that takes a tenth of the time or so."""
        if minutes >= 15:
            return cls(24, 3 if photos < 8 else 2, 10)
        return cls(10, 3 if photos < 4 else 2 if photos < 8 else 1, 4)


def make_sets(
    photos: Sequence[tuple[str, Path]],
    clean: CleanUpSettings,
    camera: Degradation,
    general: Degradation,
    plan: ProofPlan,
    folder: Path,
    seed: int,
) -> list[EvaluationSet]:
    """The three datasets of the proof, as files in ``folder``.

    Raises:
        AdaptError: none of the photos can be used.
    """
    pairs: list[EvaluationImage] = []
    others: list[EvaluationImage] = []
    real: list[EvaluationImage] = []
    for name, path in evenly(photos, plan.photos):
        try:
            tile = detailed_tiles(read_levels(path))[0]
        except ImageError:
            continue  # reported when the photos were listed
        image = clean_tile(tile, clean, name)
        if min(image.shape[-2:]) < _SMALLEST:
            continue
        for draw in range(plan.draws):
            hr = _part(image, _SIDE, (draw + 0.5) / plan.draws)
            hr_path = keep_image(folder / "hr", hr)
            label = f"{name} #{draw + 1}"
            pairs.append(_pair(label, name, draw, hr, hr_path, camera, folder, seed))
            if draw == 0:
                others.append(_pair(label, name, draw, hr, hr_path, general, folder, seed + 1))
        if len(real) < plan.real:
            crop = _part(tile.float() / 255, _REAL_SIDE)
            real.append(EvaluationImage(name, keep_image(folder / "real", crop), None))
    if not pairs:
        raise AdaptError(
            f"none of the {len(photos)} set-aside photos is large enough for a pair ({_SMALLEST} pixels after "
            "downscaling); add larger photos"
        )
    return [
        EvaluationSet(PAIRS, tuple(pairs), {"lr": "set-aside photos, degraded by their own profile"}),
        EvaluationSet(GENERAL, tuple(others), {"lr": "set-aside photos, degraded by the general mixture"}),
        EvaluationSet(REAL, tuple(real), {"lr": "unchanged crops of set-aside photos, no reference"}),
    ]


def _pair(
    label: str,
    name: str,
    draw: int,
    hr: Tensor,
    hr_path: Path,
    degradation: Degradation,
    folder: Path,
    seed: int,
) -> EvaluationImage:
    rng = generator(seed ^ _SEED, name, draw)
    parameters = degradation.sample(rng, (hr.shape[-2], hr.shape[-1]))
    lr = degradation.apply(hr, [parameters]).clamp(0, 1)
    return EvaluationImage(label, keep_image(folder / "lr", lr), hr_path)


def _part(image: Tensor, side: int, place: float = 0.5) -> Tensor:
    """A crop of at most ``side`` pixels a side, in multiples of the scale; ``place`` is 0 at the top left, 1 at the
    bottom right."""
    height, width = (min(length, side) // _SCALE * _SCALE for length in image.shape[-2:])
    top, left = int(place * (image.shape[-2] - height)), int(place * (image.shape[-1] - width))
    return image[..., top : top + height, left : left + width]


def measure(
    candidates: Sequence[Candidate],
    sets: Sequence[EvaluationSet],
    folder: Path,
    device: str,
    features: Path | None,
    on_step: OnStep | None = None,
) -> Results:
    """Upscale the sets with each model and measure the results; results that are there already are reused."""
    available, _ = available_metrics(MetricSettings(weights=features), reference=True)
    metrics = tuple(name for name in METRICS if name in available)
    results = evaluate_methods(
        candidates,
        [dataset for dataset in sets if dataset.samples],
        MeasureOptions(metrics, border=_SCALE, weights=features),
        RunOptions(InferenceSettings(device=device), folder / "results"),
        scale=_SCALE,
        on_step=on_step,
    )
    rows = tuple(_with_consistency(row) if row.hr is None else row for row in results.rows)
    return replace(results, metrics=(*results.metrics, CONSISTENCY), rows=rows)


def _with_consistency(row: Row) -> Row:
    if row.sr is None or row.lr is None:
        return row
    try:
        result, photo = (read_levels(path).double() for path in (row.sr, row.lr))
    except ImageError:
        return row
    error = (imresize(result, 1 / _SCALE).clamp(0, 255) - photo).square().mean()
    value = math.inf if error == 0 else float(10 * torch.log10(255**2 / error))
    return replace(row, values={**row.values, CONSISTENCY.name: value})


def gains(results: Results, before: str, after: str, dataset: str = PAIRS) -> list[Gain]:
    """The gains of one method over another on a dataset, by metric, over photos."""
    found = []
    for metric in results.metrics:
        sides = [_by_photo(results.column(metric.name, method, dataset)) for method in (before, after)]
        gain = paired_gain(metric.name, sides[0], sides[1], higher_is_better=metric.higher_is_better)
        if gain is not None:
            found.append(gain)
    return found


def _by_photo(column: dict[tuple[str, str], float]) -> dict[str, list[float]]:
    """Values of pairs by the photo they are made of."""
    photos: dict[str, list[float]] = {}
    for (dataset, image), value in column.items():
        name = image if dataset == REAL else image.rpartition(" #")[0]
        photos.setdefault(name, []).append(value)
    return photos

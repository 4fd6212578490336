"""Evaluations of folders of results, or of methods on evaluation sets."""

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from wildsr import __version__
from wildsr.evaluation.candidates import (
    BICUBIC,
    Candidate,
    CandidateResult,
    InferenceSettings,
    LoadedCandidate,
    evaluation_cache,
)
from wildsr.evaluation.datasets import EvaluationImage, EvaluationSet, content_of
from wildsr.evaluation.metrics import FunctionMetric, Meter, MetricSettings, available_metrics, open_meters
from wildsr.evaluation.pairing import PairingError, names_in, pair_folders
from wildsr.evaluation.results import Results, Row
from wildsr.evaluation.scoring import score
from wildsr.image import ImageError
from wildsr.inference.errors import UpscaleError

DEFAULT_METRICS = ("psnr", "psnr-y", "ssim-y", "lpips-alex", "niqe", "brisque")
"""The default metrics; those whose files are missing are left out."""

OnStep = Callable[[str, int, int], None]
"""Called with (what is being done, how many are done, how many there are)."""


@dataclass(frozen=True)
class MeasureOptions:
    """Options of the measurement.

    Attributes:
        metrics: names of built-in metrics, and metrics of your own; None: :data:`DEFAULT_METRICS`, without those whose
            files are missing.
        border: border that PSNR and SSIM crop, in pixels; None: the scale.
        weights: the folder of the metrics' weights, see :func:`wildsr.zoo.features.files.features_folders`.
        device: where metrics are computed.
        crop: crop results and references of different sizes to their common size, instead of refusing them.
    """

    metrics: tuple[str | FunctionMetric, ...] | None = None
    border: int | None = None
    weights: Path | None = None
    device: str = "cpu"
    crop: bool = False


@dataclass(frozen=True)
class RunOptions:
    """Options of running models, and the cache of their results; ``fresh`` computes cached results again."""

    inference: InferenceSettings = field(default_factory=InferenceSettings)
    cache: Path = field(default_factory=evaluation_cache)
    fresh: bool = False


def evaluate_results(
    folders: Mapping[str, Path],
    truth: Path | None = None,
    measure: MeasureOptions = MeasureOptions(),
    *,
    scale: int = 4,
    suffix: str = "",
    on_step: OnStep | None = None,
) -> Results:
    """Measure folders of results.

    Args:
        folders: of results, by method.
        truth: the folder of the ground truth, paired by name (:func:`pair_folders`); None: no-reference metrics only.
        measure: options.
        scale: the border, unless ``measure`` has one.
        suffix: what follows the names of the references in those of the results.
        on_step: progress.

    Raises:
        PairingError: a folder is missing or empty, or no names match.
        ValueError: an unknown metric.
        FileNotFoundError: files of a requested metric are missing.
    """
    rows: list[Row] = []
    mismatches: dict[str, Any] = {}
    for method, folder in folders.items():
        if truth is None:
            rows += [Row(name, method, {}, sr=str(path)) for path, name in names_in(folder, suffix).items()]
            continue
        pairing = pair_folders(folder, truth, suffix)
        rows += [
            Row(pair.name, method, {}, sr=str(pair.first), hr=str(pair.second)) for pair in pairing.pairs
        ]
        if found := pairing.mismatches():
            mismatches[method] = found
    meters, lacking = _meters(measure, scale, reference=truth is not None)
    protocol = _protocol(measure, meters, lacking, scale)
    protocol["methods"] = {method: {"method": f"images in {folder}"} for method, folder in folders.items()}
    protocol["mismatches"] = mismatches
    return _scored(rows, meters, measure, protocol, tuple(folders), on_step)


def evaluate_methods(
    candidates: Sequence[Candidate],
    datasets: Sequence[EvaluationSet],
    measure: MeasureOptions = MeasureOptions(),
    run: RunOptions = RunOptions(),
    *,
    scale: int = 4,
    on_step: OnStep | None = None,
) -> Results:
    """Upscale evaluation sets with each method, and measure the results as 8-bit images.

    Cached results are reused. An image that a method cannot upscale becomes a row with notes.

    Args:
        candidates: the methods.
        datasets: see :mod:`wildsr.evaluation.datasets`.
        measure: options of the measurement.
        run: how models are run.
        scale: of all methods.
        on_step: progress.

    Raises:
        ModelError: a model cannot be loaded, or is of another scale.
        ValueError: an unknown metric or device.
        FileNotFoundError: files of a requested metric are missing.
    """
    if not candidates or not datasets:
        raise ValueError("nothing to evaluate: give at least one method and one dataset")
    _refuse_twins(datasets)
    reference = any(sample.hr is not None for dataset in datasets for sample in dataset.samples)
    meters, lacking = _meters(measure, scale, reference)
    plain = _upscaled(LoadedCandidate(Candidate(BICUBIC, None), scale, run.inference), datasets, run, on_step)
    rows: list[Row] = []
    facts: dict[str, Any] = {}
    for candidate in candidates:
        method = LoadedCandidate(candidate, scale, run.inference)
        facts[candidate.name] = method.facts
        made = plain if candidate.model is None else _upscaled(method, datasets, run, on_step)
        for dataset in datasets:
            for sample in dataset.samples:
                key = (dataset.name, sample.image)
                rows.append(_row(candidate.name, dataset.name, sample, made[key], plain[key], meters))
        del method  # one model in memory at a time
    protocol = _protocol(measure, meters, lacking, scale)
    protocol["methods"] = facts
    protocol["datasets"] = {
        dataset.name: {"pictures": len(dataset.samples), "sha256": content_of(dataset), **dataset.facts}
        for dataset in datasets
    }
    return _scored(
        rows, meters, measure, protocol, tuple(candidate.name for candidate in candidates), on_step
    )


Made = dict[tuple[str, str], CandidateResult | str]


def _upscaled(
    method: LoadedCandidate, datasets: Sequence[EvaluationSet], run: RunOptions, on_step: OnStep | None
) -> Made:
    """All results of a method by dataset and image, or the reason of a failure."""
    made: Made = {}
    total = sum(len(dataset.samples) for dataset in datasets)
    for dataset in datasets:
        for sample in dataset.samples:
            try:
                found: CandidateResult | str = method.upscale_file(sample.lr, run.cache / "sr", run.fresh)
            except (ImageError, UpscaleError) as error:
                found = str(error)
            made[dataset.name, sample.image] = found
            if on_step is not None:
                on_step(f"upscaling by {method.name}", len(made), total)
    return made


def _row(
    method: str,
    dataset: str,
    sample: EvaluationImage,
    made: CandidateResult | str,
    plain: CandidateResult | str,
    meters: list[Meter],
) -> Row:
    """A row without values; without a result, every metric gets the reason as its note."""
    failed = isinstance(made, str)
    return Row(
        sample.image,
        method,
        {},
        dataset,
        seconds=None if isinstance(made, str) else made.seconds,
        peak_bytes=None if isinstance(made, str) else made.peak_bytes,
        lr=str(sample.lr),
        sr=None if isinstance(made, str) else str(made.path),
        hr=None if sample.hr is None else str(sample.hr),
        bicubic=None if isinstance(plain, str) else str(plain.path),
        notes={meter.metric.name: str(made) for meter in meters} if failed else {},
    )


def _scored(
    rows: list[Row],
    meters: list[Meter],
    measure: MeasureOptions,
    protocol: dict[str, Any],
    methods: tuple[str, ...],
    on_step: OnStep | None,
) -> Results:
    # Rows of one image are adjacent, so that its reference is read once.
    order = {dataset: index for index, dataset in enumerate(dict.fromkeys(row.dataset for row in rows))}
    rows = sorted(rows, key=lambda row: (order[row.dataset], row.image))
    waiting = [row for row in rows if row.sr is not None]
    step = None if on_step is None else lambda done, total: on_step("measuring", done, total)
    found = iter(score(waiting, meters, crop=measure.crop, on_row=step))
    scored = [row if row.sr is None else next(found) for row in rows]
    return Results(protocol, tuple(meter.metric for meter in meters), methods, tuple(scored))


def _meters(measure: MeasureOptions, scale: int, reference: bool) -> tuple[list[Meter], dict[str, str]]:
    """The meters, and the default metrics that are left out with the files they lack."""
    border = scale if measure.border is None else measure.border
    settings = MetricSettings(border, measure.weights, measure.device)
    if measure.metrics is not None:
        meters = open_meters(measure.metrics, settings)
        if meters and all(meter.metric.reference for meter in meters) and not reference:
            names = ", ".join(meter.metric.name for meter in meters)
            raise ValueError(
                f"{names}: these metrics compare with a ground truth, and there is none; use others, such as niqe"
            )
        return meters, {}
    available, lacking = available_metrics(settings, reference)
    return (
        open_meters([name for name in DEFAULT_METRICS if name in available], settings),
        {name: reason for name, reason in lacking.items() if name in DEFAULT_METRICS},
    )


def _protocol(
    measure: MeasureOptions, meters: list[Meter], lacking: dict[str, str], scale: int
) -> dict[str, Any]:
    return {
        "wildsr": __version__,
        "torch": torch.__version__,
        "machine": f"{platform.system()} {platform.machine()}, {torch.get_num_threads()} threads",
        "scale": scale,
        "border": scale if measure.border is None else measure.border,
        "levels": "results and references as 8-bit RGB, transparent pixels blended with white",
        "sizes": "cropped to the common size" if measure.crop else "must be equal",
        "metrics": {
            meter.metric.name: {"definition": meter.metric.definition, "files": list(meter.files)}
            for meter in meters
        },
        "left_out": lacking,
    }


def _refuse_twins(datasets: Sequence[EvaluationSet]) -> None:
    names = [dataset.name for dataset in datasets]
    for name in names:
        if names.count(name) > 1:
            raise PairingError(f"two datasets have the name '{name}'; rename one: OTHER=FOLDER")

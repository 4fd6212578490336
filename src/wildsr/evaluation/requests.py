"""Requests of ``wildsr evaluate``: folders, models and metrics by their names."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from wildsr.errors import UsageError
from wildsr.evaluation import datasets
from wildsr.evaluation.candidates import find_candidate, scale_of, with_distinct_names
from wildsr.evaluation.datasets import EvaluationSet
from wildsr.evaluation.evaluate import (
    DEFAULT_METRICS,
    MeasureOptions,
    OnStep,
    RunOptions,
    evaluate_methods,
    evaluate_results,
)
from wildsr.evaluation.metrics import METRICS, MetricSettings
from wildsr.evaluation.results import Results
from wildsr.storage.devices import pick_device
from wildsr.zoo.features.files import pull_file


@dataclass(frozen=True)
class EvaluationRequest:
    """A requested evaluation. Folders are ``FOLDER`` or ``NAME=FOLDER``.

    Attributes:
        results: folders of results that exist already; or else
        models: names or files of models to run, ``NAME=`` before them, or ``bicubic``.
        truth: folders of the ground truth: one for results, any number for models.
        inputs: folders of images for the models; without them, they are made from the truth.
        degradation: how: ``bicubic``, or a name of a degradation.
        seed: of that degradation.
        scale: of the results; None: that of the first model, or 4.
        suffix: what follows the names of the truth in those of the results.
        against: the method the others are compared with; None: the first.
    """

    results: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    truth: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    degradation: str = "bicubic"
    seed: int = 0
    scale: int | None = None
    suffix: str = ""
    against: str | None = None
    measure: MeasureOptions = field(default_factory=MeasureOptions)
    run: RunOptions = field(default_factory=RunOptions)


def evaluate_request(request: EvaluationRequest, on_step: OnStep | None = None) -> Results:
    """Carry out an evaluation.

    Raises:
        UsageError: the request contradicts itself, or there is no metric that can be computed.
        PairingError, ModelError, ImageError, ValueError, FileNotFoundError: as :func:`evaluate_results` and
            :func:`evaluate_methods`.
    """
    if request.results and not request.models and not request.inputs:
        found = _evaluate_results(request, on_step)
    elif request.models and not request.results:
        found = _evaluate_models(request, on_step)
    else:
        raise UsageError("give either folders of results, or models with --truth or --inputs")
    if not found.metrics:
        left_out = found.protocol.get("left_out", {})
        reasons = "".join(f"\n  {name}: {reason}" for name, reason in left_out.items())
        raise UsageError(f"there is no metric to measure with:{reasons}")
    return found


def pull_missing(names: tuple[str, ...] | None, weights: Path | None) -> None:
    """Download the published files that metrics lack; None: of all usual metrics.

    Raises:
        ModelError: a file cannot be downloaded.
    """
    for name in names or DEFAULT_METRICS:
        kind = METRICS.get(name)
        if kind is None:
            continue
        try:
            kind.files(MetricSettings(weights=weights))
        except FileNotFoundError:
            for file in kind.pulls:
                pull_file(file, weights)


def metric_device(device: str) -> str:
    """The device for metrics when models run on ``device``: never MPS, which lacks float64."""
    picked = str(pick_device(device))
    return picked if picked.startswith("cuda") else "cpu"


def _evaluate_results(request: EvaluationRequest, on_step: OnStep | None) -> Results:
    if len(request.truth) > 1:
        raise UsageError("folders of results are measured against one --truth; give one at a time")
    folders = dict(_named(given) for given in request.results)
    if len(folders) < len(request.results):
        raise UsageError("two folders of results have the same name; give one another name: OTHER=FOLDER")
    _check_against(request.against, list(folders))
    return evaluate_results(
        folders,
        _named(request.truth[0])[1] if request.truth else None,
        request.measure,
        scale=request.scale or 4,
        suffix=request.suffix,
        on_step=on_step,
    )


def _evaluate_models(request: EvaluationRequest, on_step: OnStep | None) -> Results:
    candidates = with_distinct_names([find_candidate(given) for given in request.models])
    _check_against(request.against, [candidate.name for candidate in candidates])
    scale = request.scale or scale_of(candidates)
    found = _datasets(request, scale, on_step)
    return evaluate_methods(candidates, found, request.measure, request.run, scale=scale, on_step=on_step)


def _check_against(against: str | None, methods: list[str]) -> None:
    if against is not None and against not in methods:
        raise UsageError(f"--against {against}: there are {', '.join(methods)}")


def _datasets(request: EvaluationRequest, scale: int, on_step: OnStep | None) -> list[EvaluationSet]:
    truth, inputs = request.truth, request.inputs
    if not truth and not inputs:
        raise UsageError("the models need images: --truth, --inputs, or both")
    if truth and inputs:
        if len(truth) != len(inputs):
            raise UsageError(f"{len(inputs)} --inputs and {len(truth)} --truth: give as many of each")
        pairs = zip(map(_named, truth), inputs, strict=True)
        return [datasets.paired(name, _named(lr)[1], hr) for (name, hr), lr in pairs]
    if inputs:
        return [datasets.real(*_named(given)) for given in inputs]
    cache = request.run.cache
    made: Callable[[int, int], None] | None = None
    if on_step is not None:
        made = lambda done, total: on_step("making inputs", done, total)  # noqa: E731
    if request.degradation == "bicubic":
        return [datasets.downscaled(*_named(given), scale, cache, made) for given in truth]
    from wildsr.data.learned import named_degradation

    name = request.degradation
    return [
        datasets.degraded(
            *_named(given), named_degradation(name, scale), name, request.seed, cache, on_made=made
        )
        for given in truth
    ]


def _named(given: str) -> tuple[str, Path]:
    """The name and the folder of ``FOLDER`` or ``NAME=FOLDER``."""
    name, found, folder = given.partition("=")
    if not found or "/" in name or "\\" in name or Path(given).is_dir():
        name, folder = "", given
    path = Path(folder).expanduser()
    return name or path.name or path.resolve().name, path

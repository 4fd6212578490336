"""Statistics for tables: means with intervals, ranks, and differences between methods."""

import math
import statistics
from dataclasses import dataclass

import numpy as np

from wildsr.evaluation.results import Metric, Results
from wildsr.evaluation.statistics import Difference, Interval, bootstrap, compare


@dataclass(frozen=True)
class Cell:
    """One metric of one method on one dataset.

    Attributes:
        interval: the mean over the ``images`` on which every method has a finite value, and its interval; None
            without such images.
        images: their number.
        infinite: number of images with an infinite value (PSNR of equal images), which the mean leaves out.
        missing: number of images without a value: refused, or undefined.
        place: 1 for the best mean, 2 for the second best, and so on; equal means share a place.
        trained_on: whether the method was trained on this metric.
    """

    interval: Interval | None
    images: int
    infinite: int
    missing: int
    place: int
    trained_on: bool = False


@dataclass(frozen=True)
class Cost:
    """Cost of upscaling: median seconds per image and highest peak memory; None if unknown."""

    seconds: float | None
    peak_bytes: int | None


def cells(results: Results, dataset: str, metric: Metric, seed: int = 0) -> dict[str, Cell]:
    """The cells of one metric on one dataset, by method."""
    methods = _methods_on(results, dataset)
    columns = {method: results.column(metric.name, method, dataset) for method in methods}
    common = _common(list(columns.values()))
    intervals = {
        method: bootstrap(np.array([columns[method][image] for image in common]), seed=seed)
        for method in methods
        if common
    }
    means = {interval.mean for interval in intervals.values()}
    order = sorted(means, reverse=metric.higher_is_better)
    found = {}
    for method in methods:
        interval = intervals.get(method)
        values = list(columns[method].values())
        infinite = sum(math.isinf(value) for value in values)
        rows = sum(row.method == method and row.dataset == dataset for row in results.rows)
        found[method] = Cell(
            interval,
            len(common),
            infinite,
            rows - infinite - sum(math.isfinite(value) for value in values),
            order.index(interval.mean) + 1 if interval else 0,
            results.trained_on(method, metric.name),
        )
    return found


def differences(
    results: Results, metric: Metric, against: str, dataset: str | None = None, seed: int = 0
) -> dict[str, Difference]:
    """Difference of each method to ``against``, on images where both are finite; methods without any are left out."""
    found = {}
    base = results.column(metric.name, against, dataset)
    for method in results.methods:
        column = results.column(metric.name, method, dataset)
        common = _common([column, base])
        if method != against and common:
            first, second = ([values[image] for image in common] for values in (column, base))
            found[method] = compare(np.array(first), np.array(second), seed)
    return found


def any_trained_on(results: Results) -> bool:
    """Whether any method was trained on any of the metrics."""
    return any(
        results.trained_on(method, metric.name) for method in results.methods for metric in results.metrics
    )


def costs(results: Results, dataset: str) -> dict[str, Cost]:
    """Cost of upscaling on one dataset, by method."""
    found = {}
    for method in _methods_on(results, dataset):
        rows = [row for row in results.rows if row.method == method and row.dataset == dataset]
        seconds = [row.seconds for row in rows if row.seconds is not None]
        peaks = [row.peak_bytes for row in rows if row.peak_bytes is not None]
        found[method] = Cost(statistics.median(seconds) if seconds else None, max(peaks) if peaks else None)
    return found


def measured(results: Results, dataset: str) -> list[Metric]:
    """The metrics that have values on a dataset."""
    present = {name for row in results.rows if row.dataset == dataset for name in row.values}
    return [metric for metric in results.metrics if metric.name in present]


def _methods_on(results: Results, dataset: str) -> list[str]:
    present = {row.method for row in results.rows if row.dataset == dataset}
    return [method for method in results.methods if method in present]


def _common(columns: list[dict[tuple[str, str], float]]) -> list[tuple[str, str]]:
    """The images on which every column has a finite value, in order."""
    if not columns:
        return []
    return [
        image for image in columns[0] if all(math.isfinite(column.get(image, math.nan)) for column in columns)
    ]

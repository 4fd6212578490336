"""The definition of a benchmark: parts, metrics, conventions and published numbers."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from wildsr.evaluation.datasets import EvaluationSet, OnMade


@dataclass(frozen=True)
class Part:
    """One dataset of a benchmark.

    Attributes:
        name: of the dataset.
        folders: possible places within the data folder; the first that exists is used.
        images: their required number; None if no number was published.
        build: makes the dataset of (name, folder, cache, progress).
    """

    name: str
    folders: tuple[str, ...]
    images: int | None
    build: Callable[[str, Path, Path, OnMade | None], EvaluationSet]


@dataclass(frozen=True)
class PublishedRow:
    """Numbers that others published, for comparison; never computed here.

    Attributes:
        method: its name in the source.
        values: by label of metric.
        images: the images that were measured.
        source: where they were published.
    """

    method: str
    values: dict[str, float]
    images: str
    source: str


@dataclass(frozen=True)
class Protocol:
    """A benchmark.

    Attributes:
        parts: its datasets; without ``standard``, missing ones are skipped.
        metrics: names of the metrics.
        about: a description for the page.
        border: border that PSNR and SSIM crop, in pixels; None: the scale.
        published: numbers published by others.
        standard: whether it runs when no benchmark is named.
        data_sets: names for ``wildsr data`` that bring its images.
    """

    parts: tuple[Part, ...]
    metrics: tuple[str, ...]
    about: str
    border: int | None = None
    published: tuple[PublishedRow, ...] = ()
    standard: bool = True
    data_sets: tuple[str, ...] = ()

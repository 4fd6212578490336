"""What a benchmark is made of: parts, metrics, conventions and published numbers."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from wildsr.evaluation.datasets import EvaluationSet, OnMade


@dataclass(frozen=True)
class Part:
    """One dataset of a benchmark.

    Attributes:
        name: of the dataset.
        folders: where its images may be within the folder of data; the first that is there counts.
        images: how many there must be; None where nobody has published how many there are.
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
        method: as its authors call it.
        values: by label of metric.
        images: which images they are of.
        source: where they stand.
    """

    method: str
    values: dict[str, float]
    images: str
    source: str


@dataclass(frozen=True)
class Protocol:
    """A benchmark.

    Attributes:
        parts: its datasets; of a benchmark that is not ``standard``, those that are in the folder of data.
        metrics: names of the metrics.
        about: what it measures, for people.
        border: pixels that PSNR and SSIM leave out; None: as many as the scale.
        published: numbers of others.
        standard: runs when no benchmark is named.
        data_sets: names for ``wildsr data`` that bring its images.
    """

    parts: tuple[Part, ...]
    metrics: tuple[str, ...]
    about: str
    border: int | None = None
    published: tuple[PublishedRow, ...] = ()
    standard: bool = True
    data_sets: tuple[str, ...] = ()

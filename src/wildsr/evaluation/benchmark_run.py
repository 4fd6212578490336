"""Runs the named benchmarks with several models, and writes their page."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from wildsr.evaluation.benchmark import (
    PEER,
    PROTOCOLS,
    SCALE,
    benchmark_method,
    datasets_of,
    select,
    standard_methods,
)
from wildsr.evaluation.benchmark_page import to_page
from wildsr.evaluation.candidates import Candidate, with_distinct_names
from wildsr.evaluation.evaluate import MeasureOptions, OnStep, RunOptions, evaluate_methods
from wildsr.evaluation.results import Results
from wildsr.storage.atomic import write_text


@dataclass(frozen=True)
class Lineup:
    """The models of a benchmark.

    Attributes:
        methods: those that are available.
        missing: names of standard models that are not, and why.
        peer: the one the others are compared with.
    """

    methods: tuple[Candidate, ...]
    missing: dict[str, str]
    peer: str


def lineup(models: Sequence[str], data: Path) -> Lineup:
    """The named models, or the standard ones; files of the latter may lie in ``data``.

    Raises:
        ModelError: there is no such model.
    """
    missing: dict[str, str] = {}
    if models:
        methods = with_distinct_names([benchmark_method(given, data) for given in models])
    else:
        methods, missing = standard_methods(data)
    peer = PEER if PEER in [method.name for method in methods] else methods[0].name
    return Lineup(tuple(methods), missing, peer)


def run_benchmarks(
    names: Sequence[str],
    models: Lineup,
    data: Path,
    run: RunOptions,
    weights: Path | None = None,
    on_step: OnStep | None = None,
) -> Iterator[tuple[str, Results]]:
    """Run the named benchmarks, or the standard ones, one after the other.

    Args:
        names: of benchmarks or parts of them.
        models: to be measured.
        data: folder of the test images.
        run: how models are run.
        weights: folder of the metrics' files; None: ``features`` in ``data`` if it exists, else the usual places.
        on_step: progress.

    Raises:
        ValueError: there is no such benchmark.
        PairingError: test images are missing.
    """
    features = data / "features"
    weights = weights or (features if features.is_dir() else None)
    for name, parts in select(list(names)).items():
        on_made = None if on_step is None else partial(on_step, "making inputs")
        datasets = datasets_of(name, data, run.cache, parts, on_made)
        measure = MeasureOptions(PROTOCOLS[name].metrics, PROTOCOLS[name].border, weights)
        yield (
            name,
            evaluate_methods(models.methods, datasets, measure, run, scale=SCALE, on_step=on_step),
        )


def write_page(path: Path, found: Mapping[str, Results], models: Lineup, names: Sequence[str]) -> None:
    """Write the Markdown page of benchmarks, which also names the command that repeats them. Raises ``OSError``."""
    chosen = "".join(f" {name}" for name in names)
    command = f"wildsr benchmark{chosen} --data DATA --write PAGE"
    write_text(path, to_page(found, models.peer, command, models.missing))

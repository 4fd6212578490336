"""Degrading many files with a record of what was done, beside the results, that replays it."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from wildsr.degradations.degradation import DegradationError, Record, Sample, load_record, save_record
from wildsr.degradations.files import Degraded, Manner, Order, degrade_files
from wildsr.degradations.sheet import Sheet, degrade_to_sheet
from wildsr.errors import UsageError

RECORD = "degradations.json"
MANY = 8
"""From this number of images on, starting worker processes takes less time than it saves."""

Existing = Literal["fail", "overwrite", "skip"]

OnOutcome = Callable[[int, Order, "Degraded | Exception | None"], None]
"""Called with the index of an order, the order, and its result, its error, or None where it was skipped."""


def degrade_batch(
    orders: Sequence[Order],
    manner: Manner,
    on_outcome: OnOutcome,
    *,
    existing: Existing = "fail",
    replay: Record | None = None,
    workers: int | None = None,
) -> None:
    """Degrade files, and write a :class:`Record` of their parameters beside the results.

    An interruption finishes the images that are being written, saves the record, and is passed on.

    Args:
        orders: what to read and to write.
        manner: the degradation, and how results are saved.
        on_outcome: receives what became of each order.
        existing: what happens to results that exist already: an error, replacement, or nothing.
        replay: parameters of an earlier run that are applied again; an image that it lacks fails.
        workers: processes; None: one for each core for many images, one for a few. Results do not depend on it.

    Raises:
        UsageError: two images have one name, or there is a record of an earlier run that must stay.
        DegradationError: the record cannot be written, or a worker process was killed.
    """
    _refuse_duplicates(orders)
    path = record_path([order.target for order in orders])
    samples = _earlier_samples(path, manner, existing)
    todo: list[tuple[int, Order]] = []
    known = {sample.image: sample for sample in replay.samples} if replay else {}
    for index, order in enumerate(orders):
        if existing != "overwrite" and order.target.exists():
            error = DegradationError(f"{order.target} exists already; use --overwrite or --skip-existing")
            on_outcome(index, order, None if existing == "skip" else error)
        elif replay is not None and order.name not in known:
            error = DegradationError(f"there are no parameters for {order.name} in the file given")
            on_outcome(index, order, error)
        else:
            todo.append((index, replace(order, sample=known.get(order.name))))
    if not todo:
        return

    def on_done(place: int, order: Order, outcome: Degraded | Exception) -> None:
        if isinstance(outcome, Degraded):
            samples[order.name] = outcome.sample
        on_outcome(todo[place][0], order, outcome)

    count = workers or ((os.cpu_count() or 1) if len(todo) >= MANY else 1)
    try:
        degrade_files([order for _, order in todo], manner, on_done, min(count, len(todo)))
    finally:
        _save(path, manner, samples)


def degrade_grid(order: Order, manner: Manner, count: int, *, overwrite: bool = False) -> Sheet:
    """Write ``count`` samples of the degradation of one image as a contact sheet, and the record of their parameters.

    Raises:
        UsageError: a result exists already.
        DegradationError: the image is too small.
        ImageError: the image cannot be read, or the sheet not written.
    """
    path = record_path([order.target])
    for written in (order.target, path):
        if written.exists() and not overwrite:
            raise UsageError(f"{written} exists already; use --overwrite")
    sheet = degrade_to_sheet(order.source, order.target, order.name, manner, count)
    _save(path, manner, {sample.image: sample for sample in sheet.samples})
    return sheet


def record_path(targets: Sequence[Path]) -> Path:
    """Where the record of these results belongs: in their common folder; for a single image under its name.

    Raises:
        UsageError: that folder cannot be written to.
    """
    if len(targets) == 1:
        return targets[0].with_name(f"{targets[0].stem}.{RECORD}")
    folder = Path(os.path.commonpath([target.parent.absolute() for target in targets]))
    existing = next(one for one in (folder, *folder.parents) if one.exists())
    if not os.access(existing, os.W_OK):
        if len({target.parent for target in targets}) == 1:
            raise UsageError(f"nothing can be written in {folder}; give another folder with -o")
        raise UsageError(
            f"the results have only {folder} in common, where nothing can be written; give a folder with -o"
        )
    return folder / RECORD


def _refuse_duplicates(orders: Sequence[Order]) -> None:
    """The name of an image decides its parameters, and finds them again in the record."""
    first: dict[str, Path] = {}
    for order in orders:
        if order.name in first:
            raise UsageError(
                f"{first[order.name]} and {order.source} are both called {order.name} here; "
                "give the folder above them, or take one folder at a time"
            )
        first[order.name] = order.source


def _earlier_samples(path: Path, manner: Manner, existing: Existing) -> dict[str, Sample]:
    """The samples of an earlier run, whose results stay beside those of this one."""
    if not path.exists():
        return {}
    if existing == "fail":
        raise UsageError(
            f"{path} is there from an earlier run; use another output, --overwrite or --skip-existing"
        )
    try:
        record = load_record(path)
    except DegradationError:
        if existing == "skip":
            raise
        return {}
    if (record.degradation, record.scale) == (manner.preset, manner.scale):
        return {sample.image: sample for sample in record.samples}
    if existing == "skip":
        raise UsageError(
            f"{path} is of {record.degradation} by {record.scale}, not {manner.preset} by {manner.scale}; "
            "use another output, or --overwrite"
        )
    return {}


def _save(path: Path, manner: Manner, samples: dict[str, Sample]) -> None:
    if samples:
        ordered = tuple(samples[name] for name in sorted(samples))
        save_record(path, Record(manner.preset, manner.scale, ordered))

"""Degrades many files, and writes a record next to the results from which they can be replayed."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from wildsr.degradations.degradation import DegradationError, Record, Sample, load_record, save_record
from wildsr.degradations.files import Degraded, DegradeJob, DegradeSettings, degrade_files
from wildsr.degradations.sheet import Sheet, degrade_to_sheet
from wildsr.errors import UsageError
from wildsr.storage.cores import usable_cores
from wildsr.storage.locations import Location, common_folder, exists

RECORD = "degradations.json"
MANY = 8
"""Number of images from which worker processes save more time than they take to start."""

Existing = Literal["fail", "overwrite", "skip"]

OnOutcome = Callable[[int, DegradeJob, "Degraded | Exception | None"], None]
"""Called with the index of a job, the job, and its result, its error, or None if it was skipped."""


def degrade_batch(
    jobs: Sequence[DegradeJob],
    settings: DegradeSettings,
    on_outcome: OnOutcome,
    *,
    existing: Existing = "fail",
    replay: Record | None = None,
    workers: int | None = None,
    label: str = "",
) -> None:
    """Degrade files, and write a :class:`Record` of their parameters next to the results.

    On an interruption, images in progress are finished, the record is saved, and the interruption is raised again.

    Args:
        jobs: what to read and to write.
        settings: the degradation, and how results are saved.
        on_outcome: called with the outcome of each job.
        existing: what happens to results that exist already: an error, replacement, or nothing.
        replay: parameters of an earlier run to apply again; an image that is not in it fails.
        workers: processes; None: one for each core for many images, one for a few. Results do not depend on it.
        label: added to the name of the record, so that shards do not share one.

    Raises:
        UsageError: two images have the same name, or the record of an earlier run must not be overwritten.
        DegradationError: the record cannot be written, or a worker process was killed.
    """
    _refuse_duplicates(jobs)
    path = record_path([job.target for job in jobs], label)
    samples = _earlier_samples(path, settings, existing)
    todo: list[tuple[int, DegradeJob]] = []
    known = {sample.image: sample for sample in replay.samples} if replay else {}
    for index, job in enumerate(jobs):
        if existing != "overwrite" and exists(job.target):
            error = DegradationError(f"{job.target} exists already; use --overwrite or --skip-existing")
            on_outcome(index, job, None if existing == "skip" else error)
        elif replay is not None and job.name not in known:
            error = DegradationError(f"there are no parameters for {job.name} in the file given")
            on_outcome(index, job, error)
        else:
            todo.append((index, replace(job, sample=known.get(job.name))))
    if not todo:
        return

    def on_done(place: int, job: DegradeJob, outcome: Degraded | Exception) -> None:
        if isinstance(outcome, Degraded):
            samples[job.name] = outcome.sample
        on_outcome(todo[place][0], job, outcome)

    count = workers or (usable_cores() if len(todo) >= MANY else 1)
    try:
        degrade_files([job for _, job in todo], settings, on_done, min(count, len(todo)))
    finally:
        _save(path, settings, samples)


def degrade_grid(job: DegradeJob, settings: DegradeSettings, count: int, *, overwrite: bool = False) -> Sheet:
    """Write ``count`` samples of the degradation of one image as a contact sheet, and the record of their parameters.

    Raises:
        UsageError: a result exists already.
        DegradationError: the image is too small.
        ImageError: the image cannot be read, or the sheet not written.
    """
    path = record_path([job.target])
    for written in (job.target, path):
        if exists(written) and not overwrite:
            raise UsageError(f"{written} exists already; use --overwrite")
    sheet = degrade_to_sheet(job.source, job.target, job.name, settings, count)
    _save(path, settings, {sample.image: sample for sample in sheet.samples})
    return sheet


def record_path(targets: Sequence[Location], label: str = "") -> Location:
    """Path of the record of these results: in their common folder; for a single image under its name.

    Raises:
        UsageError: that folder cannot be written to.
    """
    if len(targets) == 1 and not label:
        return targets[0].with_name(f"{targets[0].stem}.{RECORD}")
    name = f"{RECORD.removesuffix('.json')}{label}.json"
    folder = common_folder(targets)
    if not isinstance(folder, Path):
        return folder / name
    existing = next(one for one in (folder, *folder.parents) if one.exists())
    if not os.access(existing, os.W_OK):
        if len({target.parent for target in targets}) == 1:
            raise UsageError(f"nothing can be written in {folder}; give another folder with -o")
        raise UsageError(
            f"the results have only {folder} in common, where nothing can be written; give a folder with -o"
        )
    return folder / name


def _refuse_duplicates(jobs: Sequence[DegradeJob]) -> None:
    """Names must be unique, since parameters depend on them and are found by them in the record."""
    first: dict[str, Location] = {}
    for job in jobs:
        if job.name in first:
            raise UsageError(
                f"{first[job.name]} and {job.source} have the same name here, {job.name}; "
                "give the folder that contains both, or process one folder at a time"
            )
        first[job.name] = job.source


def _earlier_samples(path: Location, settings: DegradeSettings, existing: Existing) -> dict[str, Sample]:
    """The samples of an earlier run, whose results are kept along with those of this one."""
    if not exists(path):
        return {}
    if existing == "fail":
        raise UsageError(
            f"{path} exists from an earlier run; use another output, --overwrite or --skip-existing"
        )
    try:
        record = load_record(path)
    except DegradationError:
        if existing == "skip":
            raise
        return {}
    if (record.degradation, record.scale) == (settings.preset, settings.scale):
        return {sample.image: sample for sample in record.samples}
    if existing == "skip":
        raise UsageError(
            f"{path} is of {record.degradation} by {record.scale}, not {settings.preset} by {settings.scale}; "
            "use another output, or --overwrite"
        )
    return {}


def _save(path: Location, settings: DegradeSettings, samples: dict[str, Sample]) -> None:
    if samples:
        ordered = tuple(samples[name] for name in sorted(samples))
        save_record(path, Record(settings.preset, settings.scale, ordered))

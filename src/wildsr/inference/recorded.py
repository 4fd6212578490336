"""Chooses the jobs of a stream that are still to be done, and records their outcomes. Imports no torch."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from wildsr.inference.events import Failed, Finished, JobEvent, OnEvent
from wildsr.inference.jobs import Existing, InputProblem, Job
from wildsr.inference.run_manifest import Head, RunManifest, opened
from wildsr.storage.locations import Location, exists


class Reports(Protocol):
    """Receives the outcomes of images that are not processed."""

    def fail(self, source: Location, reason: str) -> None:
        """An image cannot be done."""

    def skip(self, source: Location, target: Location) -> None:
        """The result of an image exists already and stays."""


def pending(
    found: Iterable[Job | InputProblem],
    existing: Existing,
    reports: Reports,
    manifest: RunManifest | None = None,
) -> Iterator[Job]:
    """The jobs to do: all but those that are done already, as ``existing`` and the manifest say.

    With a manifest, images that it has as done are skipped as long as neither file has changed, and results that an
    earlier run began to write are replaced. Each job is recorded as started when it is taken.
    """
    for one in found:
        if isinstance(one, InputProblem):
            reports.fail(one.source, one.reason)
            if manifest is not None:
                manifest.fail(one.source, one.reason)
            continue
        try:
            job = _todo(one, existing, reports, manifest)
        except OSError as error:
            reports.fail(one.source, f"{error.filename or one.target} cannot be used: {error.strerror}")
            if manifest is not None:
                manifest.fail(one.source, str(error.strerror), one.target)
            continue
        if job is not None:
            if manifest is not None:
                manifest.start(job.source, job.target)
            yield job


def _todo(job: Job, existing: Existing, reports: Reports, manifest: RunManifest | None) -> Job | None:
    known = manifest.known(job.source, job.target) if manifest is not None else "unknown"
    if known == "done":
        reports.skip(job.source, job.target)
        return None
    if known == "ours" or existing == "overwrite":
        return replace(job, replaces=True)
    if exists(job.target):
        if existing == "skip":
            reports.skip(job.source, job.target)
        else:
            reason = f"{job.target} exists already; use --overwrite or --skip-existing"
            reports.fail(job.source, reason)
            if manifest is not None:
                manifest.fail(job.source, reason, job.target)
        return None
    return job


def recording(on_event: OnEvent, manifest: RunManifest | None) -> OnEvent:
    """An ``on_event`` that also records finished and failed images in the manifest."""
    if manifest is None:
        return on_event

    def record(event: JobEvent) -> None:
        if isinstance(event, Finished):
            manifest.finish(event.target, event.seconds, event.source_sha256, event.target_sha256)
        elif isinstance(event, Failed):
            manifest.fail(event.source, event.reason)
        on_event(event)

    return record


def manifest_or_none(path: Path | None, head: Head) -> AbstractContextManager[RunManifest | None]:
    """The opened manifest, or None without a path."""
    return nullcontext(None) if path is None else opened(path, head)

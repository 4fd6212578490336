"""Code that runs on the nodes: the task that lists names, and the actors that upscale."""

import os
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pyarrow as pa
import torch

from wildsr import __version__
from wildsr.cluster import status
from wildsr.cluster.errors import ClusterError
from wildsr.cluster.task import Task
from wildsr.inference.batch import run
from wildsr.inference.entries import Entry
from wildsr.inference.events import Failed, Finished, JobEvent
from wildsr.inference.files import SaveOptions
from wildsr.inference.jobs import InputProblem, Job
from wildsr.inference.openvino_engine import limit_threads
from wildsr.inference.run_manifest import state_of
from wildsr.inference.shards import stream_jobs
from wildsr.inference.upscaler import Upscaler
from wildsr.storage.locations import Location, exists, locate, version_of
from wildsr.storage.object_path import ObjectPath, Version
from wildsr.zoo.load import load

NAMES = pa.schema(
    [
        ("source", pa.string()),
        ("target", pa.string()),
        ("bytes", pa.int64()),
        ("stamp", pa.string()),
        ("problem", pa.string()),
    ]
)


def check_version(version: str) -> None:
    """Raise ``ClusterError`` unless this node has this version of wildsr."""
    if __version__ != version:
        raise ClusterError(
            f"this command runs wildsr {version}, but the node {os.uname().nodename} has {__version__}; install "
            "the same version everywhere"
        )


def name_blocks(task: Task, size: int) -> Iterator[pa.Table]:
    """The images that are to be done, ``size`` at a time, while they are listed."""
    check_version(task.version)
    found = pending_rows(task)
    while block := list(islice(found, size)):
        yield pa.Table.from_pylist(block, schema=NAMES)


def pending_rows(task: Task) -> Iterator[dict[str, Any]]:
    """A row per image that is not done: its name, the name of its result, its state, or why it cannot be done."""
    done = status.Done(task)
    for one in stream_jobs(list(task.inputs), task.naming):
        if isinstance(one, InputProblem):
            yield {"source": str(one.source), "target": "", "problem": one.reason}
            continue
        version = state_of(one.source)
        if (str(one.source), version) not in done:
            size, stamp = version or (None, None)
            yield {"source": str(one.source), "target": str(one.target), "bytes": size, "stamp": stamp}


class UpscaleActor:
    """Upscales the images of a batch of names by the steps of ``wildsr upscale``, and records the outcomes."""

    def __init__(self, task: Task, run_id: str, threads: int) -> None:
        check_version(task.version)
        torch.set_num_threads(threads)
        limit_threads(threads)
        options = dict(task.options)
        toward = options.pop("toward", None)
        self._task, self._run = task, run_id
        model = load(task.model)
        if model.contract.sha256 != task.model_sha256:
            raise ClusterError(
                f"the node {os.uname().nodename} has another file for the model {task.model}; copy the same one "
                "everywhere"
            )
        self._upscaler = Upscaler(model, toward=None if toward is None else load(toward), **options)

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Returns a row of :data:`status.SCHEMA` for every row of :data:`NAMES`."""
        entries: list[Entry] = []
        jobs: list[Job] = []
        begun: dict[str, Entry] = {}
        for row in batch.to_pylist():
            if row["problem"]:
                entries.append(Entry(row["source"], "", "failed", error=row["problem"]))
                continue
            listed = None if row["bytes"] is None else Version(row["bytes"], row["stamp"])
            source, target = _source(row["source"], listed), locate(row["target"])
            if self._task.existing == "skip" and exists(target):
                continue
            jobs.append(Job(source, target))
            begun[str(source)] = Entry(row["source"], row["target"], "done", *(listed or (None, None)))

        def on_event(event: JobEvent) -> None:
            entry = begun.get(str(event.source))
            if entry is not None and isinstance(event, (Finished, Failed)):
                entries.append(_ended(entry, event))

        saving = SaveOptions(self._task.format, self._task.quality, truncate=self._task.truncate)
        run(jobs, self._upscaler, self._task.size, saving, on_event, digests=True)
        if entries:
            status.append(self._task, self._run, entries)
        return pa.Table.from_pylist([vars(entry) for entry in entries], schema=status.SCHEMA)


def _source(name: str, listed: Version | None) -> Location:
    source = locate(name)
    return source.listed(listed) if isinstance(source, ObjectPath) and listed is not None else source


def _ended(entry: Entry, event: Finished | Failed) -> Entry:
    content = dict(vars(entry))
    if isinstance(event, Failed):
        return Entry(**{**content, "status": "failed", "error": event.reason})
    version = version_of(event.target)
    written = {"output_bytes": version.size, "output_version": version.stamp} if version else {}
    digests = {"input_sha256": event.source_sha256, "output_sha256": event.target_sha256}
    return Entry(**{**content, **written, **digests, "seconds": event.seconds})

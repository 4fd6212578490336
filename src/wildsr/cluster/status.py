"""The status of a run: Parquet files with a row per image, written by the actors as they go."""

import io
import json
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields

import pyarrow as pa
import pyarrow.parquet as pq

from wildsr.cluster.errors import ClusterError
from wildsr.cluster.task import Task
from wildsr.errors import UsageError
from wildsr.image.formats import READABLE_SUFFIXES
from wildsr.inference.entries import Entries, Entry
from wildsr.inference.run_manifest import state_of
from wildsr.storage.atomic import write_bytes
from wildsr.storage.locations import exists, files_below, locate, make_folder, read_bytes
from wildsr.storage.object_path import Version
from wildsr.storage.threads import map_ahead

SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("input", "output", "status")),
        ("input_bytes", pa.int64()),
        ("input_version", pa.string()),
        ("input_sha256", pa.string()),
        ("output_bytes", pa.int64()),
        ("output_version", pa.string()),
        ("output_sha256", pa.string()),
        ("seconds", pa.float64()),
        ("error", pa.string()),
    ]
)
assert SCHEMA.names == [one.name for one in fields(Entry)]


def begin(task: Task) -> None:
    """Create the status folder of a task, or continue that of an earlier run.

    Raises:
        UsageError: the folder belongs to other settings, or the output holds images that no status describes.
        OSError: the output cannot be read or written.
    """
    head = task.status / "run.json"
    if exists(head):
        before, now = json.loads(read_bytes(head)), json.loads(task.head.line())
        if before != now:
            old, new = ({**one, **one["settings"]} for one in (before, now))
            names = [name for name in {**old, **new} if name != "settings" and old.get(name) != new.get(name)]
            said = ", ".join(f"{name}: {old.get(name)} before, {new.get(name)} now" for name in names)
            raise UsageError(f"{task.output} was begun with other settings ({said}); give another output")
        return
    make_folder(task.status)
    if (
        task.existing == "fail"
        and next(files_below(locate(task.output), READABLE_SUFFIXES), None) is not None
    ):
        raise UsageError(
            f"{task.output} holds images already, which no earlier run on a cluster wrote; use --overwrite, "
            "--skip-existing, or another output"
        )
    write_bytes(head, task.head.line().encode())


def append(task: Task, run: str, entries: Sequence[Entry]) -> None:
    """Write the rows of some images as a file of their own. Raises ``OSError``."""
    table = pa.Table.from_pylist([asdict(entry) for entry in entries], schema=SCHEMA)
    sink = io.BytesIO()
    pq.write_table(table, sink)
    write_bytes(task.status / f"{run}-{secrets.token_hex(8)}.parquet", sink.getvalue())


def rows(task: Task) -> Iterator[Entry]:
    """All rows that were written. Raises ``OSError`` and ``ClusterError``."""
    # A million images are some 60,000 files: asked for one by one, a store would need a quarter of an hour.
    for file, content in map_ahead(read_bytes, files_below(task.status, {".parquet"})):
        try:
            table = pq.read_table(io.BytesIO(content), schema=SCHEMA)
        except pa.ArrowInvalid as error:
            raise ClusterError(
                f"{file} is not a status file of wildsr; delete it, then run the command again"
            ) from error
        for row in table.to_pylist():
            yield Entry(**row)


def latest(task: Task) -> Entries:
    """One row per image: a finished one counts more than a failed one. Raises as :func:`rows`."""
    found = Entries()
    found.add(rows(task), keep_done=True)
    return found


class Done:
    """The set of finished images, stored as a number per image instead of its name.

    An image is finished if a row says so, and if neither its input nor its result has changed since.
    """

    def __init__(self, task: Task) -> None:
        self._done: set[int] = set()
        there: set[int] | None = None
        for entry in rows(task):
            if entry.status == "done":
                there = _there(task) if there is None else there
                if hash((entry.output, entry.output_bytes, entry.output_version)) in there:
                    self._done.add(hash((entry.input, entry.input_bytes, entry.input_version)))

    def __contains__(self, given: tuple[str, Version | None]) -> bool:
        """Whether the input of this name and state is done."""
        name, version = given
        return version is not None and hash((name, *version)) in self._done


def _there(task: Task) -> set[int]:
    """The images in the output with their states, as a number each."""
    files = files_below(locate(task.output), READABLE_SUFFIXES)
    return {hash((str(file), *version)) for file in files if (version := state_of(file)) is not None}

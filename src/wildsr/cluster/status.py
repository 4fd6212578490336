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
from wildsr.inference.run_manifest import Entry
from wildsr.storage.atomic import write_bytes
from wildsr.storage.locations import exists, files_below, locate, make_folder, read_bytes
from wildsr.storage.object_path import Version

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


def rows(task: Task, *, run: str | None = None) -> Iterator[Entry]:
    """All rows that were written, of one run or of all. Raises ``OSError`` and ``ClusterError``."""
    for file in files_below(task.status, {".parquet"}):
        if run is None or file.name.startswith(f"{run}-"):
            try:
                table = pq.read_table(io.BytesIO(read_bytes(file)), schema=SCHEMA)
            except pa.ArrowInvalid as error:
                raise ClusterError(f"{file} is not a status of wildsr; delete it, then run again") from error
            for row in table.to_pylist():
                yield Entry(**row)


def latest(task: Task) -> list[Entry]:
    """One row per image: a finished one counts more than a failed one. Raises as :func:`rows`."""
    found: dict[str, Entry] = {}
    for entry in rows(task):
        key = entry.output or entry.input
        if entry.status == "done" or found.get(key, entry).status != "done":
            found[key] = entry
    return list(found.values())


class Done:
    """Which images are done: two numbers per image, not names.

    An image counts if a row says so, its input is as it was then, and its result is there as it was then.
    """

    def __init__(self, task: Task) -> None:
        self._done: dict[int, set[int]] = {}
        for entry in rows(task):
            if entry.status == "done":
                state = hash((entry.input, entry.input_bytes, entry.input_version))
                written = hash((entry.output, entry.output_bytes, entry.output_version))
                self._done.setdefault(state, set()).add(written)
        self._there: set[int] = set()
        if self._done:
            self._there = {
                hash((str(file), *version))
                for file in files_below(locate(task.output), READABLE_SUFFIXES)
                if (version := _version(file)) is not None
            }

    def __contains__(self, given: tuple[str, Version | None]) -> bool:
        """Whether the input of this name and state is done."""
        name, version = given
        if version is None:
            return False
        return not self._done.get(hash((name, *version)), set()).isdisjoint(self._there)


def _version(file: object) -> Version | None:
    from wildsr.inference.run_manifest import state_of

    return state_of(file)  # type: ignore[arg-type]

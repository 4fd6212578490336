"""Entries of manifests in a temporary SQLite database: a million of them need little memory. Imports no torch."""

import contextlib
import errno
import json
import re
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from wildsr.storage.object_path import Version

Status = Literal["started", "done", "failed"]


@dataclass(frozen=True)
class Entry:
    """One image.

    Attributes:
        input, output: as paths or addresses; an image that failed early has no output.
        status: ``done``, ``failed``, or ``started`` while it is worked on (or was, when the run was killed).
        input_bytes, input_version, output_bytes, output_version: sizes, and times of modification or entity tags.
        input_sha256, output_sha256: digests of the files.
        seconds: from the start of the image to the end of writing it.
        error: why it failed.
    """

    input: str
    output: str
    status: Status
    input_bytes: int | None = None
    input_version: str | None = None
    input_sha256: str | None = None
    output_bytes: int | None = None
    output_version: str | None = None
    output_sha256: str | None = None
    seconds: float | None = None
    error: str | None = None

    def line(self) -> str:
        """The line in the file."""
        return json.dumps(asdict(self), allow_nan=False)

    def reads(self, version: Version | None) -> bool:
        """Whether it was made of a file in this state."""
        return version == (self.input_bytes, self.input_version)

    def wrote(self, version: Version | None) -> bool:
        """Whether the file that it wrote is in this state."""
        return version is not None and version == (self.output_bytes, self.output_version)


LONGEST_LINE = 1 << 20
"""Lines of manifests are read in parts of at most this many characters."""
_LARGEST = 2**63
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_TEXTS = ("input", "output", "status")
_OPTIONAL_TEXTS = ("input_version", "output_version", "error")
_SIZES = ("input_bytes", "output_bytes")
_DIGESTS = ("input_sha256", "output_sha256")
_TABLE = "(key BLOB PRIMARY KEY, input BLOB, done INTEGER, sha256 TEXT, line TEXT)"
_PUT = (
    "INSERT INTO entries VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET "
    "input = excluded.input, done = excluded.done, sha256 = excluded.sha256, line = excluded.line"
)
_KEEP_DONE = " WHERE excluded.done >= entries.done"
_CACHE_KIB = 8192


class Entries:
    """One entry per image: by its output, or by its input where it has none.

    They are kept in a file of the system's folder for temporary files, which needs about as much space as the
    manifest, and which SQLite removes.
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        for setting in ("journal_mode = OFF", "synchronous = OFF", f"cache_size = -{_CACHE_KIB}"):
            self._database.execute(f"PRAGMA {setting}")
        self._database.execute(f"CREATE TABLE entries {_TABLE}")

    def __len__(self) -> int:
        count: int = self._database.execute("SELECT count(*) FROM entries").fetchone()[0]
        return count

    def __iter__(self) -> Iterator[Entry]:
        """All entries in the order of inputs."""
        for (line,) in self._ask("SELECT line FROM entries ORDER BY input, key"):
            yield _entry(line)

    def lines(self) -> Iterator[str]:
        """The lines of all entries in the order of inputs."""
        for (line,) in self._ask("SELECT line FROM entries ORDER BY input, key"):
            yield line

    def finished(self) -> Iterator[tuple[str, str | None]]:
        """Output and digest of all images that are done, in the order of outputs."""
        for key, sha256 in self._ask("SELECT key, sha256 FROM entries WHERE done ORDER BY key"):
            yield key.decode("utf-8", "surrogatepass"), sha256

    def get(self, key: str) -> Entry | None:
        """The entry with this output (or this input, if it has no output)."""
        found = next(self._ask("SELECT line FROM entries WHERE key = ?", (_bytes(key),)), None)
        return None if found is None else _entry(found[0])

    def add(self, entries: Iterable[Entry], *, keep_done: bool = False) -> None:
        """Add entries or replace older ones; with ``keep_done``, nothing but a finished one replaces a finished one.

        Raises:
            OSError: there is no space for temporary files.
        """
        self._put(((entry, entry.line()) for entry in entries), keep_done)

    def read(self, lines: Iterable[str]) -> None:
        """Add the lines of a manifest behind its head; lines that are not complete are left out. Raises ``OSError``."""
        self._put(_parsed(lines), keep_done=False)

    def merge(self, other: "Entries") -> tuple[Entry, Entry] | None:
        """Add the entries of another manifest, of which only finished ones replace finished ones.

        Returns:
            Two finished entries that contradict each other, of which nothing is added then; None: there are none.
        """
        differing = None
        with self._errors():
            self._database.execute(f"CREATE TEMP TABLE other {_TABLE}")
            rows = other._ask("SELECT key, input, done, sha256, line FROM entries ORDER BY rowid")
            self._many("INSERT INTO other VALUES (?, ?, ?, ?, ?)", rows)
            differing = self._database.execute(
                "SELECT one.line, other.line FROM other JOIN entries AS one USING (key) WHERE one.done AND other.done "
                "AND (one.input != other.input OR one.sha256 IS NOT other.sha256) LIMIT 1"
            ).fetchone()
            if differing is None:
                # "WHERE true" tells the parser that ON CONFLICT does not belong to a join.
                source = "SELECT key, input, done, sha256, line FROM other WHERE true"
                self._database.execute(_PUT.replace("VALUES (?, ?, ?, ?, ?)", source) + _KEEP_DONE)
            self._database.execute("DROP TABLE other")
        return None if differing is None else (_entry(differing[0]), _entry(differing[1]))

    def _put(self, entries: Iterable[tuple[Entry, str]], keep_done: bool) -> None:
        rows = (
            (
                _bytes(entry.output or entry.input),
                _bytes(entry.input),
                entry.status == "done",
                entry.output_sha256,
                line,
            )
            for entry, line in entries
        )
        with self._errors():
            self._many(_PUT + (_KEEP_DONE if keep_done else ""), rows)

    def _many(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
        self._database.execute("BEGIN")
        self._database.executemany(statement, rows)
        self._database.execute("COMMIT")

    def _ask(self, statement: str, values: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
        with self._errors():
            yield from self._database.execute(statement, values)

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise OSError(
                errno.ENOSPC,
                f"the manifest does not fit into the folder for temporary files ({error}); set TMPDIR to a folder "
                "with more space",
            ) from error


def _parsed(lines: Iterable[str]) -> Iterator[tuple[Entry, str]]:
    for line in lines:
        entry = _checked(line)
        if entry is not None:
            yield entry, line.strip()


def _checked(line: str) -> Entry | None:
    """The image of a line; None for a damaged line, such as the incomplete last one of a run that was killed."""
    content = json_object(line)
    right = (
        all(isinstance(content.get(name), str) for name in _TEXTS)
        and all(isinstance(content.get(name), str | None) for name in _OPTIONAL_TEXTS)
        and all(_is_number(content.get(name), int) for name in _SIZES)
        and all(content.get(name) is None or _is_digest(content[name]) for name in _DIGESTS)
        and _is_number(content.get("seconds"), int | float)
    )
    if not right or content["status"] not in get_args(Status) or not (content["input"] or content["output"]):
        return None
    try:
        return Entry(**content)
    except TypeError:  # unknown fields
        return None


def _is_number(value: object, kind: Any) -> bool:
    """Whether a value is None or a finite number of this kind, not negative and within 63 bits."""
    return value is None or (
        isinstance(value, kind) and not isinstance(value, bool) and 0 <= value < _LARGEST  # False for NaN
    )


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def json_object(line: str) -> dict[str, Any]:
    """The JSON object of a line; empty if there is none."""
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _entry(line: str) -> Entry:
    return Entry(**json.loads(line))


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogatepass")

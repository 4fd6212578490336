"""The manifest of a run over many images: a JSON line for the settings, then one per image. Imports no torch.

It says what was read, what was written, how long it took and what failed, so that the same command does only what is
missing or changed, and so that the parts of a large job can be put together and checked.
"""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from wildsr import __version__
from wildsr.errors import UsageError, WildsrError
from wildsr.storage.atomic import replacing
from wildsr.storage.file_lock import held
from wildsr.storage.locations import Location, version_of
from wildsr.storage.object_path import Version

FORMAT, VERSION = "wildsr run", 1
Status = Literal["started", "done", "failed"]


class ManifestError(WildsrError):
    """A manifest cannot be read, or manifests do not belong together."""


@dataclass(frozen=True)
class Head:
    """The first line: which command with which settings, by which wildsr, for which shard."""

    command: str
    settings: dict[str, Any]
    shard: str = "1/1"
    wildsr: str = __version__

    def line(self) -> str:
        """The line in the file."""
        return json.dumps({"format": FORMAT, "version": VERSION, **asdict(self)}, allow_nan=False)


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


class RunManifest:
    """The manifest of one run, in a local file; open it with :func:`opened`."""

    def __init__(self, path: Path, head: Head) -> None:
        self.path = path
        self.head = head
        self.entries: dict[str, Entry] = {}
        self._began: dict[str, Entry] = {}
        if path.is_file() and path.stat().st_size:
            before, entries = read_manifest(path)
            _refuse_differences(path, before, head)
            self.entries = {entry.output or entry.input: entry for entry in entries}
        self._rewrite()
        self._file = path.open("a", encoding="utf-8")

    def known(self, source: Location, target: Location) -> Literal["done", "ours", "unknown"]:
        """State left by an earlier run: ``done``: nothing changed since; ``ours``: an output there may be replaced."""
        entry = self.entries.get(str(target))
        if entry is None or entry.input != str(source):
            return "unknown"
        if entry.status == "done" and entry.reads(state_of(source)) and entry.wrote(version_of(target)):
            return "done"
        return "ours" if entry.status in ("started", "done") else "unknown"

    def start(self, source: Location, target: Location) -> None:
        """Record that an image is begun, so that what is written for it is known to be ours if this run is killed."""
        version = state_of(source)
        entry = Entry(str(source), str(target), "started", *(version or ()))
        self._began[entry.output] = entry
        self._add(entry)

    def finish(
        self, target: Location, seconds: float, input_sha256: str | None, output_sha256: str | None
    ) -> None:
        """Record that an output was written."""
        version = version_of(target)
        entry = self._began.pop(str(target))
        self._add(
            replace(
                entry,
                status="done",
                input_sha256=input_sha256,
                output_bytes=version.size if version else None,
                output_version=version.stamp if version else None,
                output_sha256=output_sha256,
                seconds=seconds,
            )
        )

    def fail(self, source: Location, reason: str, target: Location | None = None) -> None:
        """Record that an image failed; ``target`` only if it was not started."""
        begun = [one for one in self._began.values() if one.input == str(source)]
        for entry in begun or [Entry(str(source), "" if target is None else str(target), "failed")]:
            self._began.pop(entry.output, None)
            self._add(replace(entry, status="failed", error=reason))

    def close(self) -> None:
        """Rewrite the file with one line per image, in the order of their inputs."""
        self._file.close()
        self._rewrite()

    def _add(self, entry: Entry) -> None:
        self.entries[entry.output or entry.input] = entry
        self._file.write(entry.line() + "\n")
        self._file.flush()

    def _rewrite(self) -> None:
        write_manifest(self.path, self.head, self.entries.values())


@contextlib.contextmanager
def opened(path: Path, head: Head) -> Iterator[RunManifest]:
    """Open a manifest, new or of an earlier run of the same command.

    Raises:
        UsageError: it was written with other settings, or another process is using it.
        ManifestError: it is not a manifest.
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with held(path.with_name(path.name + ".lock"), wait=False):
            manifest = RunManifest(path, head)
            try:
                yield manifest
            finally:
                manifest.close()
    except BlockingIOError as error:
        raise UsageError(
            f"another process is writing {path}; give every shard a manifest of its own"
        ) from error


def state_of(source: Location) -> Version | None:
    """The state of an input: as it was listed, or else as it is now; None: it cannot be found."""
    listed: Version | None = getattr(source, "version", None)
    try:
        return listed or version_of(source)
    except OSError:
        return None  # reading it will fail, with the reason


def write_manifest(path: Path, head: Head, entries: Any) -> None:
    """Write a manifest atomically, in the order of inputs."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write(head.line() + "\n")
        for entry in sorted(entries, key=lambda one: (one.input, one.output)):
            file.write(entry.line() + "\n")


def read_manifest(path: Path) -> tuple[Head, list[Entry]]:
    """The settings and the last state of every image.

    Raises:
        ManifestError: the file cannot be read, or is not a manifest.
    """
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            head = _head(path, file.readline())
            entries: dict[str, Entry] = {}
            for line in file:
                with contextlib.suppress(ValueError, TypeError):  # the incomplete last line of a killed run
                    entry = Entry(**json.loads(line))
                    entries[entry.output or entry.input] = entry
    except OSError as error:
        raise ManifestError(f"{path} cannot be read: {error.strerror}") from error
    return head, list(entries.values())


def _head(path: Path, line: str) -> Head:
    try:
        content = json.loads(line)
        kind, version = content.pop("format"), content.pop("version")
        if (kind, version) == (FORMAT, VERSION):
            return Head(**content)
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise ManifestError(f"{path} is not a manifest of a run that this wildsr reads; give another file")


def _refuse_differences(path: Path, before: Head, now: Head) -> None:
    old, new = {**asdict(before), **before.settings}, {**asdict(now), **now.settings}
    names = [name for name in {**old, **new} if name != "settings" and old.get(name) != new.get(name)]
    if names:
        said = ", ".join(f"{name}: {old.get(name)} before, {new.get(name)} now" for name in names)
        raise UsageError(
            f"{path} was written with other settings ({said}); give another --manifest, or the same ones"
        )

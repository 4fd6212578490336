"""The manifest of a run over many images: a JSON line for the settings, then one per image. Imports no torch.

It says what was read, what was written, how long it took and what failed, so that the same command does only what is
missing or changed, and so that the parts of a large job can be put together and checked.
"""

import contextlib
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from wildsr import __version__
from wildsr.errors import UsageError, WildsrError
from wildsr.inference.entries import LONGEST_LINE, Entries, Entry, json_object
from wildsr.storage.atomic import replacing
from wildsr.storage.file_lock import held
from wildsr.storage.locations import Location, version_of
from wildsr.storage.object_path import Version

FORMAT, VERSION = "wildsr run", 1
_SHARD = re.compile(r"\d{1,6}(,\d{1,6})*/\d{1,6}", re.ASCII)


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


class RunManifest:
    """The manifest of one run, in a local file; open it with :func:`opened`."""

    def __init__(self, path: Path, head: Head) -> None:
        self.path = path
        self.head = head
        self._began: dict[str, Entry] = {}
        if path.is_file() and path.stat().st_size:
            before, self.entries = read_manifest(path)
            _refuse_differences(path, before, head)
            self._file = path.open("a", encoding="utf-8")
            self._file.write("\n")  # ends the incomplete last line of a killed run
        else:
            self.entries = Entries()
            write_manifest(path, head, self.entries)
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
        write_manifest(self.path, self.head, self.entries)

    def _add(self, entry: Entry) -> None:
        self.entries.add([entry])
        self._file.write(entry.line() + "\n")
        self._file.flush()


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
        raise UsageError(f"another process is writing {path}; give every shard its own manifest") from error


def state_of(source: Location) -> Version | None:
    """The state of an input: as it was listed, or else as it is now; None: it cannot be found."""
    listed: Version | None = getattr(source, "version", None)
    try:
        return listed or version_of(source)
    except OSError:
        return None  # reading it will fail, with the reason


def write_manifest(path: Path, head: Head, entries: Entries) -> None:
    """Write a manifest atomically, in the order of inputs. Raises ``OSError``."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write(head.line() + "\n")
        file.writelines(f"{line}\n" for line in entries.lines())


def read_manifest(path: Path) -> tuple[Head, Entries]:
    """The settings and the last state of every image.

    Raises:
        ManifestError: the file cannot be read, or is not a manifest.
    """
    entries = Entries()
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            head = _head(path, file.readline(LONGEST_LINE))
            entries.read(iter(partial(file.readline, LONGEST_LINE), ""))
    except OSError as error:
        raise ManifestError(f"{path} cannot be read: {error.strerror}") from error
    return head, entries


def _head(path: Path, line: str) -> Head:
    content = json_object(line)
    kind, version = content.pop("format", None), content.pop("version", None)
    if (kind, version) == (FORMAT, VERSION):
        with contextlib.suppress(TypeError):  # missing or unknown fields
            head = Head(**content)
            texts = (head.command, head.shard, head.wildsr)
            if (
                all(isinstance(one, str) for one in texts)
                and isinstance(head.settings, dict)
                and _SHARD.fullmatch(head.shard)
            ):
                return head
    raise ManifestError(
        f"{path} is not a manifest of a run that this version of wildsr reads; give another file"
    )


def _refuse_differences(path: Path, before: Head, now: Head) -> None:
    old, new = {**asdict(before), **before.settings}, {**asdict(now), **now.settings}
    names = [name for name in {**old, **new} if name != "settings" and old.get(name) != new.get(name)]
    if names:
        said = ", ".join(f"{name}: {old.get(name)} before, {new.get(name)} now" for name in names)
        raise UsageError(
            f"{path} was written with other settings ({said}); give another --manifest, or the same ones"
        )

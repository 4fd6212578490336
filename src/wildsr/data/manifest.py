"""The manifest of ``wildsr prepare``: one JSON object per line, the settings first, then one per image."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from wildsr.data.errors import DataError
from wildsr.storage.atomic import replacing, write_text

MANIFEST = "manifest.jsonl"
FORMAT, VERSION = "wildsr prepared pictures", 1
_LONGEST_LINE = 1 << 24


@dataclass(frozen=True)
class Output:
    """A written pair: its name below ``HR/`` and ``LR/``, and the SHA-256 of both files."""

    name: str
    hr_sha256: str
    lr_sha256: str


@dataclass(frozen=True)
class PreparedImage:
    """A source image and its outputs.

    Attributes:
        source: its name within the sources.
        role: ``source`` or ``target`` domain.
        bytes, mtime_ns, sha256: of the file.
        hr_size: width and height of the HR image before it was cut into sub-images.
        parameters: of the degradation, for replay.
        outputs: the pairs.
    """

    source: str
    role: str
    bytes: int
    mtime_ns: int
    sha256: str
    hr_size: tuple[int, int]
    parameters: dict[str, Any]
    outputs: tuple[Output, ...]


class Manifest:
    """A manifest file; images are appended when they are done, and sorted at the end.

    Raises:
        DataError: an existing file is no manifest, of another version, or has other ``settings``.
    """

    def __init__(self, path: Path, settings: dict[str, Any]) -> None:
        self.path = path
        self.settings = settings
        self.entries: dict[str, PreparedImage] = {}
        if path.is_file():
            self._read()
        else:
            self.finish(())

    def add(self, entry: PreparedImage) -> None:
        """Append a finished image."""
        self.entries[entry.source] = entry
        with self.path.open("a", encoding="utf-8") as file:
            # The leading newline separates it from an incomplete line of an earlier run.
            file.write("\n" + line_of(entry) + "\n")

    def finish(self, order: Iterable[str]) -> None:
        """Rewrite the file, with entries in this order of their sources, then all others."""
        names = [name for name in order if name in self.entries]
        names += sorted(set(self.entries) - set(names))
        head = {"format": FORMAT, "version": VERSION, "settings": self.settings}
        lines = [json.dumps(head), *(line_of(self.entries[name]) for name in names)]
        write_text(self.path, "\n".join(lines) + "\n")

    def _read(self) -> None:
        lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines()
        head = _object(lines[0]) if lines else {}
        if head.get("format") != FORMAT or head.get("version") != VERSION:
            raise DataError(
                f"{self.path} is not a manifest that this wildsr wrote; give an empty folder for the images"
            )
        settings = head.get("settings")
        if settings != self.settings:
            raise DataError(
                f"{self.path.parent} was prepared with other settings ({_differences(settings, self.settings)}); "
                "give another folder, or the same settings as before"
            )
        for line in lines[1:]:
            entry = entry_of(line)
            if entry is not None:
                self.entries[entry.source] = entry


def names_of(folder: Path) -> list[str]:
    """Names of all prepared pairs in ``folder``, in order.

    Raises:
        DataError: there is no manifest, or one of another version.
    """
    path = folder / MANIFEST
    try:
        manifest = Manifest(path, _head(path).get("settings", {}))
    except OSError as error:
        raise DataError(f"{path} cannot be read; prepare the images again") from error
    return [output.name for entry in manifest.entries.values() for output in entry.outputs]


def is_manifest_of_pairs(path: Path) -> bool:
    """Whether a file is a manifest of ``wildsr prepare``. Raises ``OSError``."""
    return _head(path).get("format") == FORMAT


def merge_manifests_of_pairs(paths: Sequence[Path], output: Path) -> int:
    """Write one manifest of the manifests of shards; returns the number of images.

    Raises:
        DataError: one is not a manifest, or was made with other settings.
    """
    head = _head(paths[0])
    entries: dict[str, PreparedImage] = {}
    for path in paths:
        entries |= Manifest(path, head.get("settings", {})).entries
    with replacing(output) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write(json.dumps(head) + "\n")
        for name in sorted(entries):
            file.write(line_of(entries[name]) + "\n")
    return len(entries)


def line_of(entry: PreparedImage) -> str:
    """The line of an entry."""
    return json.dumps(asdict(entry), allow_nan=False)


def _head(path: Path) -> dict[str, Any]:
    """The first line; empty if it is no JSON object. Raises ``OSError``."""
    with path.open(encoding="utf-8", errors="replace") as file:
        return _object(file.readline(_LONGEST_LINE))


def _object(line: str) -> dict[str, Any]:
    """The JSON object of a line without NaN or infinite numbers; empty if there is none."""
    try:
        content = json.loads(line)
        json.dumps(content, allow_nan=False)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def entry_of(line: str) -> PreparedImage | None:
    """The image of a line; None for a damaged line, such as the incomplete last one of a run that was killed."""
    content = _object(line)
    try:
        outputs = tuple(Output(**output) for output in content["outputs"])
        width, height = content["hr_size"]
        entry = PreparedImage(**content | {"hr_size": (width, height), "outputs": outputs})
    except (KeyError, TypeError, ValueError):
        return None
    texts = [entry.source, entry.role, entry.sha256]
    texts += [text for output in outputs for text in (output.name, output.hr_sha256, output.lr_sha256)]
    right = (
        all(isinstance(text, str) for text in texts)
        and all(type(number) is int for number in (entry.bytes, entry.mtime_ns, width, height))
        and isinstance(entry.parameters, dict)
    )
    return entry if right else None


def _differences(before: Any, now: dict[str, Any]) -> str:
    if not isinstance(before, dict):
        return "unreadable"
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    return ", ".join(f"{name}: {before.get(name)} before, {now.get(name)} now" for name in names)

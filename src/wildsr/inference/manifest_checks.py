"""Merges, checks and summarizes the manifests of many shards. Imports no torch."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from wildsr.inference.entries import Entries, Entry
from wildsr.inference.run_manifest import Head, ManifestError, read_manifest, write_manifest
from wildsr.storage.digest import digest_of
from wildsr.storage.locations import is_regular_file, is_remote, locate, version_of
from wildsr.storage.threads import map_ahead

_THREADS = 8


def merge(paths: Sequence[Path]) -> tuple[Head, Entries]:
    """One manifest of many. Of an image in several, the finished one counts, else the last.

    Raises:
        ManifestError: they are of different commands, settings or versions of wildsr, or two have different results
            for one output.
    """
    first, entries = read_manifest(paths[0])
    shards = shards_of(first)
    for path in paths[1:]:
        head, found = read_manifest(path)
        if replace(head, shard="") != replace(first, shard=""):
            raise ManifestError(f"{path} and {paths[0]} do not belong together: {_difference(first, head)}")
        shards += shards_of(head)
        differing = entries.merge(found)
        if differing is not None:
            before, entry = differing
            raise ManifestError(
                f"{path} and another manifest have different results for {entry.output}, from {entry.input} and "
                f"{before.input}"
            )
    return replace(first, shard=_joined(shards)), entries


def merge_files(paths: Sequence[Path], output: Path) -> tuple[Head, Entries]:
    """Merge manifests into the file ``output``. Raises ``ManifestError`` and ``OSError``."""
    head, entries = merge(paths)
    write_manifest(output, head, entries)
    return head, entries


def shards_of(head: Head) -> list[str]:
    """The shards that a manifest, merged or not, covers, such as ``3/100``."""
    numbers, _, count = head.shard.partition("/")
    return [f"{number}/{count}" for number in numbers.split(",")]


def missing_shards(head: Head) -> list[str]:
    """The shards that are not there, such as ``7/100``.

    Raises:
        ManifestError: shards of different divisions.
    """
    found = shards_of(head)
    counts = {shard.partition("/")[2] for shard in found}
    if len(counts) != 1:
        raise ManifestError(f"the shards belong to different divisions: {', '.join(sorted(found))}")
    count = int(counts.pop())
    present = set(found)
    return [shard for number in range(1, count + 1) if (shard := f"{number}/{count}") not in present]


@dataclass
class ManifestCheck:
    """Outcome of a check: how many outputs are as recorded, and what is wrong as (name, reason)."""

    good: int = 0
    problems: list[tuple[str, str]] = field(default_factory=list)


def check(
    entries: Iterable[Entry], *, quick: bool = False, on_image: Callable[[], None] | None = None
) -> ManifestCheck:
    """Compare all outputs with the manifest: their digests, or with ``quick`` only their sizes."""
    result = ManifestCheck()
    for entry, problem in map_ahead(lambda one: _problem(one, quick), entries, _THREADS):
        if problem is None:
            result.good += 1
        else:
            result.problems.append((entry.output or entry.input, problem))
        if on_image is not None:
            on_image()
    return result


def _problem(entry: Entry, quick: bool) -> str | None:
    if entry.status == "failed":
        return f"failed: {entry.error}"
    if entry.status == "started":
        return "was not finished; run the command again"
    try:
        location = locate(entry.output)
        version = version_of(location)
        if version is None:
            return "is missing; run the command again"
        if not is_remote(location) and not is_regular_file(location):
            return "is not a regular file; remove it and run the command again"
        if version.size != entry.output_bytes:
            return f"has {version.size} bytes, not {entry.output_bytes}; run the command again"
        if not quick and entry.output_sha256 and digest_of(location) != entry.output_sha256:
            return "has other content than was written; delete it and run the command again"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    except ValueError:  # a NUL character, or an address without a bucket
        return "is not a valid name; the manifest is damaged"
    return None


def summary(head: Head, entries: Entries) -> dict[str, Any]:
    """Numbers of a run: images by status, bytes, seconds, and failures by reason."""
    states: Counter[str] = Counter()
    read = written = 0
    seconds = 0.0
    failures = []
    for entry in entries:
        states[entry.status] += 1
        seconds += entry.seconds or 0.0
        if entry.status == "done":
            read += entry.input_bytes or 0
            written += entry.output_bytes or 0
        elif entry.status == "failed":
            failures.append({"input": entry.input, "error": entry.error})
    return {
        "command": head.command,
        "wildsr": head.wildsr,
        "shards": head.shard,
        "images": len(entries),
        **{status: states[status] for status in ("done", "failed", "started")},
        "input_bytes": read,
        "output_bytes": written,
        "seconds": round(seconds, 3),
        "seconds_per_image": round(seconds / states["done"], 4) if states["done"] else None,
        "results_sha256": _fingerprint(entries),
        "failures": failures,
    }


def _fingerprint(entries: Entries) -> str:
    """One digest of all results, equal for equal files under equal names."""
    digest = hashlib.sha256()
    for output, sha256 in entries.finished():
        digest.update(f"{output}\0{sha256}\n".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _joined(shards: Sequence[str]) -> str:
    counts = {shard.partition("/")[2] for shard in shards}
    if len(counts) != 1:
        raise ManifestError(f"the shards belong to different divisions: {', '.join(sorted(set(shards)))}")
    numbers = sorted({int(shard.partition("/")[0]) for shard in shards})
    return f"{','.join(map(str, numbers))}/{counts.pop()}"


def _difference(one: Head, other: Head) -> str:
    for name in ("command", "wildsr"):
        if getattr(one, name) != getattr(other, name):
            return f"{name} is {getattr(one, name)} in one and {getattr(other, name)} in the other"
    names = [n for n in {**one.settings, **other.settings} if one.settings.get(n) != other.settings.get(n)]
    return ", ".join(f"{name} is {one.settings.get(name)} and {other.settings.get(name)}" for name in names)

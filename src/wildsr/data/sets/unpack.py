"""Unpacks untrusted zip and tar archives atomically: no file outside the target, no links, bounded size."""

import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from wildsr.data.errors import DataError
from wildsr.storage.paths import relative_path

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")
"""The suffixes of supported archives."""
_CHUNK = 1 << 20
_SKIPPED = ("__MACOSX", ".DS_Store", "Thumbs.db")
_DAMAGED = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, NotImplementedError, ValueError)

OnFiles = Callable[[int], None]
"""Called with the number of bytes unpacked so far."""


@dataclass(frozen=True)
class ArchiveLimits:
    """Limits on the content of archives: images hardly compress, so more than this is an attack or a mistake.

    Attributes:
        ratio: unpacked bytes per byte of the archive.
        floor: unpacked bytes that are always allowed.
        files: number of files.
    """

    ratio: int = 20
    floor: int = 1 << 26
    files: int = 500_000


@dataclass(frozen=True)
class _Member:
    """A file in an archive: its path, its stated size, and how to read it."""

    place: PurePosixPath
    size: int
    open: Callable[[], IO[bytes]]


def is_archive(name: str) -> bool:
    """Whether a file of this name is a supported archive."""
    return name.lower().endswith(ARCHIVES)


def stem_of(name: str) -> str:
    """The name of an archive without its suffix: the folder into which it is unpacked."""
    for ending in (".tar.gz", ".tgz", ".tar", ".zip"):
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return name


def unpack(
    archive: Path, target: Path, *, limits: ArchiveLimits = ArchiveLimits(), on_files: OnFiles | None = None
) -> int:
    """Unpack ``archive`` into the folder ``target``, which appears only when everything is unpacked.

    A single top folder of the same name as ``target`` is not repeated. Returns the number of files.

    Raises:
        DataError: ``target`` exists; or the archive is damaged, protected by a password, too large, or holds a link, a
            device, or a path outside ``target``. Nothing is left behind.
        OSError: the disk is full, or ``target`` cannot be written.
    """
    if target.exists():
        raise DataError(f"{target} exists already; remove it to unpack {archive.name} again")
    target.parent.mkdir(parents=True, exist_ok=True)
    outer = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".unpacking-{target.name}-"))
    work = outer / "content"  # with default permissions, unlike the temporary folder
    work.mkdir()
    try:
        try:
            count = _unpack_into(archive, work, limits, on_files)
        except _DAMAGED as error:
            raise DataError(
                f"{archive} is damaged or incomplete ({error or type(error).__name__}); delete it and download it again"
            ) from error
        except RuntimeError as error:  # zipfile: a password
            raise DataError(f"{archive} cannot be unpacked: {error}") from error
        if not count:
            raise DataError(f"{archive} holds no file")
        entries = list(work.iterdir())
        same = len(entries) == 1 and entries[0].is_dir() and entries[0].name == target.name
        (entries[0] if same else work).replace(target)
    finally:
        shutil.rmtree(outer, ignore_errors=True)
    return count


def _unpack_into(archive: Path, work: Path, limits: ArchiveLimits, on_files: OnFiles | None) -> int:
    allowed = max(limits.floor, limits.ratio * archive.stat().st_size)
    too_large = f"{archive} holds more than {allowed / 1e9:.1f} GB, far more than images of its size can; it is refused"
    written = count = 0
    seen: set[str] = set()
    for member in _members(archive):
        count += 1
        if count > limits.files:
            raise DataError(f"{archive} holds more than {limits.files} files; it is refused")
        if member.size > shutil.disk_usage(work).free:
            raise DataError(
                f"the disk of {work.parent.parent} is full; make room for the content of {archive.name}, then "
                "run the command again"
            )
        key = str(member.place).casefold()
        if key in seen:
            raise DataError(f"{archive} holds '{member.place}' twice; it is refused")
        seen.add(key)
        path = work.joinpath(*member.place.parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        with member.open() as source, path.open("xb") as file:
            while piece := source.read(_CHUNK):
                written += len(piece)
                if written > allowed:
                    raise DataError(too_large)
                file.write(piece)
                if on_files is not None:
                    on_files(written)
        if path.stat().st_size != member.size:
            raise ValueError(f"'{member.place}' is incomplete")
    return count


def _members(archive: Path) -> Iterator[_Member]:
    name = archive.name.lower()
    if name.endswith(".zip"):
        return _zip_members(archive)
    if name.endswith((".tar", ".tar.gz", ".tgz")):
        return _tar_members(archive)
    raise DataError(
        f"{archive} is not an archive that wildsr can unpack ({', '.join(ARCHIVES)}); unpack it yourself and use "
        "`wildsr data check NAME FOLDER`"
    )


def _zip_members(archive: Path) -> Iterator[_Member]:
    with zipfile.ZipFile(archive) as opened:
        for info in opened.infolist():
            if info.is_dir() or _is_skipped(info.filename):
                continue
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG):
                raise DataError(
                    f"{archive} holds '{info.filename}', which is a link or a device; it is refused"
                )
            place = _place(archive, info.filename)
            yield _Member(place, info.file_size, lambda info=info: opened.open(info))  # type: ignore[misc]


def _tar_members(archive: Path) -> Iterator[_Member]:
    with closing(tarfile.open(archive)) as opened:
        for info in opened:
            if info.isdir() or _is_skipped(info.name):
                continue
            if not info.isreg():
                raise DataError(f"{archive} holds '{info.name}', which is a link or a device; it is refused")
            place = _place(archive, info.name)

            def read(info: tarfile.TarInfo = info) -> IO[bytes]:
                source = opened.extractfile(info)
                assert source is not None
                return source

            yield _Member(place, info.size, read)


def _place(archive: Path, name: str) -> PurePosixPath:
    """A path within the target; raises ``DataError`` for any other."""
    try:
        return relative_path(name)
    except ValueError as error:
        raise DataError(
            f"{archive} holds '{name}', which would lie outside of its folder; it is refused"
        ) from error


def _is_skipped(name: str) -> bool:
    return any(part in _SKIPPED or part.startswith("._") for part in name.replace("\\", "/").split("/"))


def remove_leftovers(folder: Path) -> None:
    """Remove the remains of an interrupted run in ``folder``."""
    for path in folder.glob(".unpacking-*"):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)

"""Adds files to a folder, all of them or none. Loads no torch."""

import contextlib
import errno
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from wildsr.storage.atomic import PREFIX, SUFFIX


@contextlib.contextmanager
def adding_to(folder: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a new empty folder, whose files are moved into ``folder`` when the block ends without an error.

    ``folder`` and its parents are created where needed; other files in it stay. On an error nothing is left behind,
    and files that were to be replaced stay as they were.

    Raises:
        FileExistsError: without ``overwrite``, when a file of the same name exists at the end of the block.
        OSError: the files cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "it is a file, not a folder", str(folder))
    created = next((each for each in reversed([folder, *folder.parents]) if not each.exists()), None)
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f"{PREFIX}{secrets.token_hex(8)}{SUFFIX}"
    temporary.mkdir()
    try:
        yield temporary
        _move(temporary, folder, overwrite)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        if created is not None:
            _remove_empty(folder, created)
        raise
    shutil.rmtree(temporary, ignore_errors=True)


def _move(source: Path, folder: Path, overwrite: bool) -> None:
    """Move every file of ``source`` to the same place in ``folder``; on an error undo what was moved."""
    names = sorted(path.relative_to(source) for path in source.rglob("*") if path.is_file())
    for name in names:
        if (folder / name).exists() and not overwrite:
            raise FileExistsError(errno.EEXIST, "it exists already", str(folder / name))
    kept = source / f"{PREFIX}replaced{SUFFIX}"
    try:
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            if (folder / name).exists():
                (kept / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).replace(kept / name)
            (source / name).replace(folder / name)
    except BaseException:
        for name in names:
            if not (source / name).exists():
                (folder / name).unlink(missing_ok=True)
            if (kept / name).exists():
                (kept / name).replace(folder / name)
        raise


def _remove_empty(folder: Path, last: Path) -> None:
    """Remove ``folder`` and its parents up to ``last``, as far as they are empty."""
    for each in (folder, *folder.parents):
        with contextlib.suppress(OSError):
            each.rmdir()
        if each == last:
            return

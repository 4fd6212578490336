"""Files below a folder. Loads no torch."""

import os
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from wildsr.storage.object_path import suffix_of


def files_below(
    root: Path,
    suffixes: Collection[str],
    *,
    excluded: Path | None = None,
    follow_links: bool = False,
    on_error: Callable[[OSError], None] | None = None,
) -> Iterator[Path]:
    """The files in ``root`` and all folders below it whose suffix, in lower case, is in ``suffixes``.

    Files of a folder come first, sorted by name, then those of its subfolders. Hidden files and folders are left out.
    A link to a missing file is included, so that the caller can report it; devices, sockets and named pipes are not.

    Args:
        root: the folder.
        suffixes: with their dots, in lower case.
        excluded: a folder that is left out, resolved.
        follow_links: enter folders that are symbolic links, except to a folder above.
        on_error: called for each folder that cannot be read, which is then left out; None: the error is raised.

    Raises:
        OSError: a folder cannot be read, and there is no ``on_error``.
    """
    try:
        names, folders = _entries(root, suffixes, follow_links)
    except OSError as error:
        if on_error is None:
            raise
        on_error(error)
        return
    for name in names:
        yield root / name
    del names
    for folder in folders:
        if folder.is_symlink() and folder.resolve() in (root.resolve(), *root.resolve().parents):
            continue
        if excluded is None or folder.resolve() != excluded:
            yield from files_below(
                folder, suffixes, excluded=excluded, follow_links=follow_links, on_error=on_error
            )


def _entries(root: Path, suffixes: Collection[str], follow_links: bool) -> tuple[list[str], list[Path]]:
    """Names of files, and folders, each in order. Names only, since a folder may hold a million files."""
    names, folders = [], []
    with os.scandir(root) as found:
        for entry in found:
            if entry.name.startswith("."):
                continue
            if _is_folder(entry):
                if follow_links or not entry.is_symlink():
                    folders.append(entry.name)
            elif suffix_of(entry.name).lower() in suffixes and _is_file(entry):
                names.append(entry.name)
    return sorted(names), [root / name for name in sorted(folders)]


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _is_file(entry: "os.DirEntry[str]") -> bool:
    """Whether it is a regular file, a link to one, or a broken link."""
    try:
        return entry.is_file() or (entry.is_symlink() and not Path(entry.path).exists())
    except OSError:  # a link to itself
        return True

"""Paths from untrusted names, such as those in archives, model files and requests. Loads no torch."""

from pathlib import Path, PurePosixPath, PureWindowsPath


def relative_path(name: str) -> PurePosixPath:
    """An untrusted name as a relative path without ``..``, on every system.

    Raises:
        ValueError: the name is empty, absolute, or contains ``..``, a drive, a colon or a NUL character.
    """
    path = PurePosixPath(name.replace("\\", "/"))
    if (
        not path.parts
        or path.is_absolute()
        or PureWindowsPath(name).drive
        or any(part == ".." or ":" in part or "\0" in part for part in path.parts)
    ):
        raise ValueError(f"{name!r} is not a path within a folder")
    return path


def join_untrusted(folder: Path, name: str) -> Path:
    """The path of an untrusted ``name`` within ``folder``, with all symbolic links resolved.

    Raises:
        ValueError: the name is not a relative path, or a link leads out of ``folder``.
    """
    root = folder.resolve()
    path = (root / relative_path(name)).resolve()
    if not path.is_relative_to(root):
        raise ValueError(f"{name!r} leads out of {folder}")
    return path

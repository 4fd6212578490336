"""Names that come from files and may be hostile. Loads no torch."""

from pathlib import Path, PurePosixPath, PureWindowsPath


def inside(folder: Path, name: str) -> Path:
    """The path of ``name`` in ``folder``, for a name with ``/`` as separator that comes from a file.

    Whatever the name, nothing outside of ``folder`` is reached, except by a symbolic link that already lies in it.

    Raises:
        ValueError: the name is empty, absolute, has a drive or a NUL, or leads upwards.
    """
    parts = PurePosixPath(name).parts
    windows = PureWindowsPath(name)
    outside = (
        PurePosixPath(name).is_absolute() or windows.drive or windows.root or ".." in (*parts, *windows.parts)
    )
    if not parts or outside or "\0" in name:
        raise ValueError(f"{name!r} is not a name within a folder")
    return folder.joinpath(*parts)

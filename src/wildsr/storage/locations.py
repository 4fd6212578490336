"""The same functions for local files and for objects in stores. Loads no torch and no obstore.

``Location`` is what the program passes around; both kinds have ``name``, ``stem``, ``suffix``, ``parent``,
``with_name`` and ``/``. Files themselves are accessed only through the functions here, ``atomic`` and ``digest``.
Errors of stores are ``OSError`` with a readable message in ``strerror``, as those of local files are.
"""

import errno
import os
import stat
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from wildsr.storage.atomic import followed, require_regular
from wildsr.storage.object_path import ObjectPath, Version, is_address, object_path
from wildsr.storage.walk import files_below as local_files_below

Location: TypeAlias = Path | ObjectPath


def locate(given: str | os.PathLike[str] | ObjectPath) -> Location:
    """The location of a path or of an address such as ``s3://bucket/name``.

    Raises:
        ValueError: an address without a bucket or host.
    """
    if isinstance(given, (Path, ObjectPath)):
        return given
    text = os.fspath(given)
    return object_path(text) if isinstance(text, str) and is_address(text) else Path(text)


def is_remote(location: Location) -> bool:
    """Whether it is an object in a store."""
    return isinstance(location, ObjectPath)


def real(location: Location) -> Location:
    """The location without symbolic links."""
    # Path.resolve raises for a link to itself.
    return location if isinstance(location, ObjectPath) else Path(os.path.realpath(location))


def is_folder(location: Location) -> bool:
    """Whether it is a folder; of an address, whether it ends with a slash or its last part has no suffix."""
    if isinstance(location, ObjectPath):
        return location.folder or not location.suffix
    try:
        return location.is_dir()
    except OSError:  # a name too long for the file system
        return False


def name_within(location: Location, folder: Location) -> str:
    """The name of a file within a folder, with slashes. Raises ``ValueError`` when it is not in there."""
    if isinstance(location, ObjectPath):
        if not isinstance(folder, ObjectPath):
            raise ValueError(f"{location} is not below {folder}")
        return location.name_within(folder)
    return location.relative_to(str(folder)).as_posix()


def exists(location: Location) -> bool:
    """Whether there is a file. Raises ``OSError`` when a store cannot be asked."""
    if isinstance(location, ObjectPath):
        return version_of(location) is not None
    try:
        return location.exists()
    except OSError:  # a name too long for the file system: writing it will fail, with the reason
        return False


def version_of(location: Location) -> Version | None:
    """The present state of a file; None: there is none. Raises ``OSError``."""
    try:
        if isinstance(location, ObjectPath):
            from wildsr.storage import objects

            return objects.version_of(location)
        status = location.stat()
    except FileNotFoundError:
        return None
    return Version(status.st_size, str(status.st_mtime_ns))


def content_of(location: Location) -> bytes | None:
    """The bytes of an object; None for a local file, which is better opened by name. Raises ``OSError``."""
    if not isinstance(location, ObjectPath):
        return None
    from wildsr.storage import objects

    return objects.content_of(location)


def read_bytes(location: Location) -> bytes:
    """The content of a file. Raises ``OSError``."""
    content = content_of(location)
    return Path(str(location)).read_bytes() if content is None else content


def common_folder(files: Sequence[Location]) -> Location:
    """The folder that contains all of these files, directly or in folders below it."""
    first = files[0]
    if isinstance(first, ObjectPath):
        return ObjectPath(
            first.root,
            os.path.commonpath([f"/{one.parent.key}" for one in files if isinstance(one, ObjectPath)])[1:],
        )
    return Path(os.path.commonpath([one.parent.absolute() for one in files if isinstance(one, Path)]))


def make_folder(location: Location) -> None:
    """Create a local folder and those above it; stores need none. Raises ``OSError``."""
    if isinstance(location, Path):
        location.mkdir(parents=True, exist_ok=True)


def require_writable(location: Location) -> None:
    """Raise ``OSError`` when ``location`` cannot be written, as far as that can be said without writing."""
    if isinstance(location, ObjectPath):
        if location.scheme in ("http", "https"):
            raise OSError(errno.EROFS, "wildsr only reads from http; give a folder, or s3://, gs:// or az://")
        if not location.key:
            raise OSError(errno.EISDIR, "it names a bucket, not an object in it")
        return
    folder = followed(location).parent
    if location.is_dir():
        raise IsADirectoryError(errno.EISDIR, "there is a folder of that name")
    require_regular(location)
    if not folder.is_dir():
        raise OSError(errno.ENOENT, f"the folder {folder} does not exist. Create it first")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OSError(errno.EACCES, f"no permission to write in the folder {folder}")
    if location.exists() and not os.access(location, os.W_OK):
        raise OSError(errno.EACCES, "the file is write-protected")


def files_below(
    root: Location,
    suffixes: Collection[str],
    *,
    excluded: Location | None = None,
    on_error: Callable[[OSError], None] | None = None,
) -> Iterator[Location]:
    """The files below a folder whose suffix, in lower case, is in ``suffixes``, as they are found.

    As :func:`wildsr.storage.walk.files_below`; the order of objects is that of their store. They carry their version.

    Raises:
        OSError: a folder cannot be read, and there is no ``on_error``.
    """
    if isinstance(root, Path):
        local = excluded if isinstance(excluded, Path) else None
        yield from local_files_below(root, suffixes, excluded=local, on_error=on_error)
        return
    from wildsr.storage import objects

    try:
        for one in objects.objects_below(root):
            inner = one.name_within(root)
            if inner.startswith(".") or "/." in inner or one.suffix.lower() not in suffixes:
                continue
            if not (isinstance(excluded, ObjectPath) and one.is_relative_to(excluded)):
                yield one
    except OSError as error:
        if on_error is None:
            raise
        on_error(error)


def is_regular_file(location: Location) -> bool:
    """Whether it is a local file, a link to one, or an address that does not name a folder."""
    if isinstance(location, ObjectPath):
        return not is_folder(location)
    try:
        return stat.S_ISREG(location.stat().st_mode)
    except OSError:
        return False

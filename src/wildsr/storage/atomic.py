"""Atomic writes: a file appears under its name only when all of it is on the disk. Loads no torch."""

import contextlib
import errno
import os
import secrets
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from wildsr.storage.object_path import ObjectPath

PREFIX, SUFFIX = ".wildsr-", ".tmp"
"""Names of temporary files begin and end with these; a process that was killed may leave one behind."""
_STALE_AFTER = 24 * 3600.0


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str] | ObjectPath, *, overwrite: bool = True) -> Iterator[Path]:
    """Yield a new empty file in the folder of ``path``, which replaces ``path`` when the block ends without an error.

    For an object in a store it is a local temporary file, which is uploaded.

    On an error the new file is removed, and an existing ``path`` stays as it was. A symbolic link is followed, not
    replaced. An existing file keeps its permissions; a new one gets those of the umask. Only regular files are
    replaced, never a device, a pipe or a socket.

    Raises:
        FileExistsError: without ``overwrite``, when ``path`` exists at the end of the block; of two processes that
            write the same file, one gets this.
        OSError: the file cannot be written, for example because its folder does not exist or the disk is full.
    """
    if isinstance(path, ObjectPath):
        with _uploading(path, overwrite) as temporary:
            yield temporary
        return
    target = followed(Path(path))
    require_regular(target)
    temporary = target.with_name(f"{PREFIX}{secrets.token_hex(8)}{SUFFIX}")
    mode = target.stat().st_mode & 0o777 if target.exists() else None
    # Created here, not by tempfile: so it gets the permissions that the umask grants.
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        yield temporary
        if mode is not None:
            temporary.chmod(mode)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        if overwrite:
            temporary.replace(target)
        else:
            _move_to_new(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


@contextlib.contextmanager
def _uploading(path: ObjectPath, overwrite: bool) -> Iterator[Path]:
    from wildsr.storage.objects import upload

    with tempfile.TemporaryDirectory(prefix="wildsr-") as folder:
        temporary = Path(folder) / f"upload{path.suffix}"
        temporary.touch()
        yield temporary
        upload(temporary, path, overwrite=overwrite)


def write_bytes(path: str | os.PathLike[str] | ObjectPath, content: bytes) -> None:
    """Write ``content`` to ``path`` by :func:`replacing`. Raises ``OSError``."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: str | os.PathLike[str] | ObjectPath, content: str) -> None:
    """Write ``content`` to ``path`` as UTF-8 by :func:`replacing`. Raises ``OSError``."""
    with replacing(path) as temporary:
        temporary.write_text(content, encoding="utf-8")


def require_regular(path: Path) -> None:
    """Raise ``OSError`` when ``path`` exists and is neither a regular file nor a folder: nothing may replace it."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise OSError(errno.EINVAL, "it is a device, a pipe or a socket, not a regular file", str(path))


def remove_stale(folder: Path) -> None:
    """Remove temporary files that killed processes left in ``folder`` more than a day ago."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(PREFIX) and entry.name.endswith(SUFFIX):
                with contextlib.suppress(OSError):
                    if time.time() - entry.stat(follow_symlinks=False).st_mtime > _STALE_AFTER:
                        Path(entry.path).unlink()


def _move_to_new(temporary: Path, target: Path) -> None:
    """Rename a file, never onto another one."""
    try:
        os.link(temporary, target)  # unlike a rename, this fails when the name is taken
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        temporary.replace(target)
    else:
        temporary.unlink()


def followed(path: Path) -> Path:
    """The file that is written for ``path``: the target of a symbolic link, or ``path`` itself."""
    return Path(os.path.realpath(path)) if path.is_symlink() else path  # a link to itself stays

"""Atomic writes: a file appears under its name only when all of it is on the disk. Loads no torch."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

PREFIX, SUFFIX = ".wildsr-", ".tmp"
"""Names of temporary files begin and end with these; a process that was killed may leave one behind."""


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a new empty file in the folder of ``path``, which replaces ``path`` when the block ends without an error.

    On an error the new file is removed, and an existing ``path`` stays as it was. A symbolic link is followed, not
    replaced. An existing file keeps its permissions; a new one gets those of the umask.

    Raises:
        OSError: the file cannot be written, for example because its folder does not exist or the disk is full.
    """
    target = followed(Path(path))
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
        temporary.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def write_bytes(path: str | os.PathLike[str], content: bytes) -> None:
    """Write ``content`` to ``path`` by :func:`replacing`. Raises ``OSError``."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: str | os.PathLike[str], content: str) -> None:
    """Write ``content`` to ``path`` as UTF-8 by :func:`replacing`. Raises ``OSError``."""
    with replacing(path) as temporary:
        temporary.write_text(content, encoding="utf-8")


def followed(path: Path) -> Path:
    """The file that is written for ``path``: the target of a symbolic link, or ``path`` itself."""
    return path.resolve() if path.is_symlink() else path

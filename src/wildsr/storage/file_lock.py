"""Lock files: one process at a time, among all that use the same folder. Loads no torch."""

import errno
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PAUSE = 0.1


@contextmanager
def held(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold the lock file ``path``; the operating system releases it when the process ends.

    Raises:
        BlockingIOError: without ``wait``, when another process holds it.
    """
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if _try_to_lock(handle) and _is_still(path, handle):
                break
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)
        if not wait:
            raise BlockingIOError(errno.EWOULDBLOCK, "another process holds the lock", str(path))
        time.sleep(_PAUSE)
    try:
        yield
    finally:
        # A process that waits for this file sees that it is gone and creates a new one. Windows keeps open files.
        with suppress(OSError):
            path.unlink(missing_ok=True)
        os.close(handle)


def _is_still(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _try_to_lock(handle: int) -> bool:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_to_lock(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

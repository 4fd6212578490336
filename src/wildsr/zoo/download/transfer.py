"""Downloads files, whole and verified or not at all. Standard library only, imports no torch.

Partial downloads are kept as ``NAME.partial`` beside the target, and resumed by the next attempt. Proxies are those
of the environment (``HTTPS_PROXY``, ``NO_PROXY``).
"""

import errno
import json
import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import IO
from urllib.error import HTTPError
from urllib.request import Request

from wildsr import __version__
from wildsr.storage.digest import sha256_of
from wildsr.storage.file_lock import held
from wildsr.zoo.download.http import (
    Answer,
    Refused,
    Transient,
    Watchdog,
    opener,
    reason_of,
    without_password,
)
from wildsr.zoo.errors import ModelError

OnBytes = Callable[[int, "int | None"], None]
_PIECE = 1 << 16
_LARGEST = 1 << 33


@dataclass(frozen=True)
class Patience:
    """Timeouts of downloads: seconds without data, attempts per address, and seconds between them.

    The pause doubles with every attempt. A connection with less than ``slowest`` bytes a second over two
    timeouts counts as one without data.
    """

    timeout: float = 30.0
    attempts: int = 4
    pause: float = 1.0
    slowest: int = 256


PATIENT = Patience()


def download(
    urls: Sequence[str],
    target: Path,
    *,
    sha256: str | None = None,
    size: int | None = None,
    check: Callable[[Path], None] | None = None,
    on_bytes: OnBytes | None = None,
    patience: Patience = PATIENT,
) -> Path:
    """Download the file from the first of ``urls`` that works to ``target``, and return ``target``.

    ``target`` is written only when the file is complete, has the given size and SHA-256, and ``check`` (called with
    the path of the download) raises nothing. ``on_bytes`` is called with the bytes so far and the total, None where
    that is unknown. When another process downloads the same file, this one waits and uses its result.

    Raises:
        ModelError: when no address works, the disk is full, or ``check`` refuses; says which failed and why.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        before = _stamp(target)
        with held(target.with_name(f".{target.name}.lock")):
            if _stamp(target) != before and _is_right(target, sha256, size):
                return target
            failures = []
            for url in urls:
                transfer = _Transfer(url, target, sha256, size, on_bytes, patience)
                try:
                    transfer.run()
                    transfer.finish(check)
                    return target
                except Refused as refusal:
                    failures.append(f"{without_password(url)}: {refusal}")
    except OSError as error:  # errors of connections are Refused
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise ModelError(
            f"cannot write {target}: {error.strerror or error}"
            + ("; make room, then run the same command again to continue the download" if full else "")
        ) from error
    raise ModelError(f"cannot download {target.name}: {'; '.join(failures) or 'there is no address for it'}")


class _Junk(Refused):
    """The received data is not part of the file."""


class _Transfer:
    """The download from one address to ``partial``."""

    def __init__(
        self,
        url: str,
        target: Path,
        sha256: str | None,
        size: int | None,
        on_bytes: OnBytes | None,
        patience: Patience,
    ) -> None:
        self._url, self._target, self._sha256, self._size = url, target, sha256, size
        self._on_bytes, self._patience = on_bytes, patience
        self._partial = target.with_name(f"{target.name}.partial")
        self._notes = target.with_name(f".{target.name}.partial.json")
        self._resumed = False

    def run(self) -> None:
        """Download and verify the whole file; raises ``Refused`` when this address fails."""
        for attempt in range(self._patience.attempts):
            try:
                self._attempt()
                self._verify()
                return
            except _Junk:
                self._forget()
                raise
            except Transient as fault:
                if attempt + 1 == self._patience.attempts:
                    raise Refused(f"{fault} ({self._patience.attempts} attempts)") from fault
                time.sleep(max(self._patience.pause * 2**attempt, fault.wait))

    def finish(self, check: Callable[[Path], None] | None) -> None:
        """Rename the file to the target, unless ``check`` raises."""
        if check is not None:
            try:
                check(self._partial)
            except ModelError as error:
                self._forget()
                raise Refused(str(error)) from error
        self._partial.replace(self._target)
        self._notes.unlink(missing_ok=True)

    def _attempt(self) -> None:
        have = self._partial.stat().st_size if self._partial.is_file() else 0
        headers = self._resuming(have) if have else {}
        with Watchdog(2 * self._patience.timeout) as watchdog:
            try:
                self._ask(headers, have, watchdog)
            except (Refused, Transient) as error:
                if watchdog.expired:
                    raise Transient("it does not answer in time") from error
                raise

    def _ask(self, headers: dict[str, str], have: int, watchdog: Watchdog) -> None:
        try:
            request = Request(self._url, headers={"User-Agent": f"wildsr/{__version__}", **headers})
            response = opener(watchdog).open(request, timeout=self._patience.timeout)
        except HTTPError as error:
            with error:
                if error.code == 416 and headers:
                    self._restart_unless_whole(error.headers.get("Content-Range", ""), have)
                    return
            raise reason_of(error) from error
        except (HTTPException, OSError, ValueError) as error:
            raise reason_of(error) from error
        with response:
            self._receive(response, have if headers else 0, watchdog)

    def _resuming(self, have: int) -> dict[str, str]:
        """The headers that request the rest of the same file; none where it may have changed."""
        try:
            notes = json.loads(self._notes.read_text())
            validator = str(notes["validator"]) if notes["url"] == without_password(self._url) else ""
        except (OSError, ValueError, KeyError, TypeError):
            validator = ""
        if validator:
            return {"Range": f"bytes={have}-", "If-Range": validator}
        # The checksum verifies in the end that the two parts belong together.
        return {"Range": f"bytes={have}-"} if self._sha256 else {}

    def _receive(self, response: HTTPResponse, have: int, watchdog: Watchdog) -> None:
        answer = Answer.of(response)
        start = answer.start if answer.partial else 0
        if answer.partial and start != have:
            self._forget()
            raise Transient("it sent another part of the file than asked for")
        if self._size is not None and answer.total not in (None, self._size):
            raise Refused(f"it offers {answer.total} bytes, but the published file has {self._size}")
        self._resumed = self._resumed or start > 0
        self._require_space((answer.total or self._size or 0) - start)
        with self._partial.open("ab" if start else "wb") as file:
            # Only now: these notes must never describe data from another address.
            self._notes.write_text(
                json.dumps({"url": without_password(self._url), "validator": answer.validator})
            )
            received = start + self._copy(response, file, start, answer.total, watchdog)
            file.flush()
            os.fsync(file.fileno())
        if answer.total is not None and received != answer.total:
            raise Transient(f"it sent only {received} of {answer.total} bytes")

    def _copy(
        self, response: HTTPResponse, file: IO[bytes], start: int, total: int | None, watchdog: Watchdog
    ) -> int:
        done, began, mark = 0, time.monotonic(), 0
        limit = self._size or total or _LARGEST
        while piece := _read(response):
            if start == done == 0 and piece.lstrip()[:9].lower().startswith((b"<!doctype", b"<html")):
                raise _Junk("it answered with a web page instead of the file")
            watchdog.extend()
            file.write(piece)
            done += len(piece)
            if start + done > limit:
                raise _Junk(f"it sent more than the {limit} bytes that the file has")
            if self._on_bytes is not None:
                self._on_bytes(start + done, total or self._size)
            window = time.monotonic() - began
            if window > 2 * self._patience.timeout:
                if done - mark < self._patience.slowest * window:
                    raise Transient("its connection is too slow")
                began, mark = time.monotonic(), done
        return done

    def _require_space(self, needed: int) -> None:
        free = shutil.disk_usage(self._partial.parent).free
        if needed > free:
            problem = (
                f"the disk of {self._partial.parent} has {free / 1e6:.0f} MB left, and {self._target.name} needs "
                f"{needed / 1e6:.0f} MB; make room, or choose a folder on another disk"
            )
            # A size that only this server claims may be wrong, so the next address is tried.
            raise Refused(problem) if self._size is None else ModelError(problem)

    def _verify(self) -> None:
        found = self._partial.stat().st_size
        if self._size is not None and found < self._size:
            raise Transient(f"it sent only {found} of {self._size} bytes")
        problem = None
        if self._size is not None and found != self._size:
            problem = f"what it sent has {found} bytes instead of {self._size}"
        elif self._sha256 is not None and (digest := sha256_of(self._partial)) != self._sha256:
            problem = f"what it sent is not the published file (SHA-256 {digest} instead of {self._sha256})"
        if problem is None:
            return
        self._forget()
        if self._resumed:
            # The two parts may be of different files, so the whole file is downloaded again.
            self._resumed = False
            raise Transient(problem)
        raise Refused(problem)

    def _restart_unless_whole(self, content_range: str, have: int) -> None:
        if content_range.rpartition("/")[2] != str(have):
            self._forget()
            raise Transient("it has less of the file than is already here")
        self._resumed = True

    def _forget(self) -> None:
        self._partial.unlink(missing_ok=True)
        self._notes.unlink(missing_ok=True)


def _read(response: HTTPResponse) -> bytes:
    """The data received so far, at least one byte; b"" at the end."""
    try:
        return response.read1(_PIECE)
    except (HTTPException, OSError) as error:
        raise reason_of(error) from error


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _is_right(path: Path, sha256: str | None, size: int | None) -> bool:
    return (size is None or path.stat().st_size == size) and (sha256 is None or sha256_of(path) == sha256)

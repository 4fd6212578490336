"""Receives images: request bodies are streamed to disk, never held in memory as a whole."""

import asyncio
import contextlib
import hashlib
import os
import re
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from email.message import Message
from pathlib import Path

from python_multipart.multipart import parse_options_header
from starlette.requests import ClientDisconnect, Request

from wildsr.image.formats import FORMATS, SNIFF_BYTES, sniff
from wildsr.web.forms import Form
from wildsr.web.metrics import Metrics
from wildsr.web.problems import Problem
from wildsr.web.settings import Settings
from wildsr.web.store import JobStore

_BUFFER = 1 << 20
_MOST_PARTS = 8
_LONGEST_NAME = 150
FILE_FIELDS = ("image", "file")


@dataclass(frozen=True)
class Upload:
    """A received image: ``path`` is ours, ``name`` the client's; ``format`` by its first bytes."""

    path: Path
    name: str
    format: str
    size: int
    sha256: str
    options: str


class Incoming:
    """A file that is being received, written in large pieces; of one that is no image, nothing is kept.

    ``allow(size)`` raises a Problem unless that many more bytes may be written.

    Attributes:
        format: by the first bytes, ``head``: None until they have come, "" for what is no image.
        size: bytes written.
    """

    def __init__(self, path: Path, allow: Callable[[int], None]) -> None:
        self.path = path
        self.format: str | None = None
        self.head, self.size = b"", 0
        self._allow = allow
        self._buffer = bytearray()
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """Hexadecimal SHA-256 of the bytes written so far."""
        return self._digest.hexdigest()

    def add(self, data: bytes | memoryview) -> None:
        """Take the next bytes."""
        self._buffer += data

    async def flush(self, *, last: bool = False) -> None:
        """Write what has come, if it is enough, or all of it. Raises a 507 Problem for a full disk."""
        if self.format is None and (last or len(self._buffer) >= SNIFF_BYTES):
            self.head = bytes(self._buffer[:SNIFF_BYTES])
            self.format = sniff(self.head) or ""
        if self.format == "":
            self._buffer.clear()
        elif last or len(self._buffer) >= _BUFFER:
            data, self._buffer = self._buffer, bytearray()
            self._allow(len(data))
            self.size += len(data)
            try:
                await asyncio.to_thread(self._write, data, last)
            except OSError as error:
                raise Problem(507, "disk-full", "The disk of the service is full.", retry_after=60) from error

    def _write(self, data: bytearray, last: bool) -> None:
        self._digest.update(data)
        with self.path.open("ab") as file:
            file.write(data)
            if last:
                file.flush()
                os.fsync(file.fileno())


class Receiver:
    """Receives uploads within the limits of disk and number."""

    def __init__(
        self, settings: Settings, store: JobStore, metrics: Metrics, disk: Callable[[], int]
    ) -> None:
        self._settings, self._store, self._metrics, self._disk = settings, store, metrics, disk
        self._receiving: dict[Path, int] = {}

    @contextlib.contextmanager
    def admitted(self, path: Path) -> Iterator[None]:
        """Count an upload to ``path`` within the block. Raises a 429 Problem for too many at the same time."""
        if len(self._receiving) >= self._settings.limits.uploads:
            raise Problem(429, "too-many-uploads", "Too many uploads at the same time.", retry_after=2)
        self._receiving[path] = 0
        try:
            yield
        finally:
            del self._receiving[path]

    @contextlib.asynccontextmanager
    async def receive(self, request: Request) -> AsyncIterator[Upload]:
        """The image in a request, multipart or raw; its file is gone after the block unless it was moved.

        Raises:
            Problem: 400, 408, 413, 415, 422, 429 or 507.
        """
        kind, parameters = parse_options_header(request.headers.get("content-type", ""))
        path = self._store.new_upload()
        with self.admitted(path):
            try:
                path.touch(mode=0o600)
                file = Incoming(path, lambda size: self.allow(path, size))
                if kind == b"multipart/form-data":
                    yield await self._multipart(request, file, parameters.get(b"boundary", b""))
                elif kind.startswith(b"image/") or kind == b"application/octet-stream":
                    yield await self._raw(request, file)
                else:
                    raise Problem(
                        415,
                        "media-type",
                        "Send an image as the body (image/* or application/octet-stream), or as the part 'image' of "
                        "multipart/form-data.",
                        headers={"Accept-Post": "multipart/form-data, image/*, application/octet-stream"},
                    )
            finally:
                path.unlink(missing_ok=True)

    def allow(self, path: Path, size: int) -> None:
        """Raise a Problem unless the upload at ``path`` may have ``size`` bytes more."""
        limits = self._settings.limits
        self._metrics.received_bytes += size
        self._receiving[path] += size
        if self._disk() + sum(self._receiving.values()) > limits.disk:
            raise Problem(
                507,
                "disk-limit",
                f"The service keeps at most {limits.disk / 1e9:.1f} GB of images; remove jobs that have ended.",
                retry_after=60,
            )
        if shutil.disk_usage(self._store.folder).free < limits.free_disk:
            raise Problem(507, "disk-full", "The disk of the service is full.", retry_after=60)

    async def _raw(self, request: Request, file: Incoming) -> Upload:
        async for part in self._parts(request):
            file.add(part)
            await _flush_image(file)
        name = request.query_params.get("name") or _disposition_name(
            request.headers.get("content-disposition")
        )
        return await _finished(file, name, request.query_params.get("options", ""))

    async def _multipart(self, request: Request, file: Incoming, boundary: bytes) -> Upload:
        name: str | None = None

        def on_file(part: str, given: str) -> Callable[[bytes], None]:
            nonlocal name
            if part not in FILE_FIELDS:
                raise Problem(422, "unknown-part", "A form has the parts 'image' and 'options' only.")
            if name is not None:
                raise Problem(422, "one-image", "Send one image per request.")
            name = given
            return file.add

        form = Form(boundary, _MOST_PARTS, on_file)
        async for part in self._parts(request):
            form.feed(part)
            await _flush_image(file)
        form.finish()
        if not form.complete or name is None:
            raise Problem(422, "no-image", "The form has no complete part named 'image' with a file.")
        options = request.query_params.get("options", "") or form.options.decode("utf-8", "replace")
        return await _finished(file, name, options)

    def _parts(self, request: Request) -> AsyncIterator[bytes]:
        return body_parts(request, self._settings.limits.body, self._settings.body_timeout)


async def body_parts(request: Request, most: int, timeout: float) -> AsyncIterator[bytes]:
    """The body of a request, part by part.

    Raises:
        Problem: 400 where it ends early, 408 after ``timeout`` seconds without a part, 413 above ``most`` bytes.
    """
    too_long = Problem(413, "body-too-large", f"The request has more than {most} bytes.")
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > most:
        raise too_long
    received, stream = 0, aiter(request.stream())
    while True:
        try:
            part = await asyncio.wait_for(anext(stream), timeout)
        except StopAsyncIteration:
            return
        except (TimeoutError, asyncio.TimeoutError) as error:
            raise Problem(408, "too-slow", "The rest of the request did not come in time.") from error
        except ClientDisconnect as error:
            raise Problem(400, "cut-off", "The request ended early.") from error
        received += len(part)
        if received > most:
            raise too_long
        yield part


async def _flush_image(file: Incoming, *, last: bool = False) -> None:
    """Write what has come of the only file of a request. Raises a Problem for one that is no image."""
    await file.flush(last=last)
    if file.format == "":
        if not file.head:
            raise Problem(422, "empty", "The image has no bytes.")
        raise Problem(
            415,
            "not-an-image",
            "That is not an image that wildsr reads: JPEG, PNG, WebP, TIFF, AVIF, GIF, HEIC, BMP or PPM.",
        )


async def _finished(file: Incoming, name: str | None, options: str) -> Upload:
    await _flush_image(file, last=True)
    format = file.format or ""
    return Upload(file.path, clean_name(name, format), format, file.size, file.sha256, options)


def clean_name(name: str | None, format: str) -> str:
    """A name for display: the last part of a path, printable, of sensible length, with a suffix."""
    last = re.split(r"[/\\]", name or "")[-1]
    last = "".join(character for character in last if character.isprintable()).strip().lstrip(".")
    stem, dot, suffix = last.rpartition(".")
    if not dot or not stem or len(suffix) > 8 or not suffix.isalnum():
        stem, suffix = last or "image", FORMATS[format].suffixes[0][1:]
    return f"{stem[:_LONGEST_NAME]}.{suffix}"


def _disposition_name(header: str | None) -> str | None:
    if header is None:
        return None
    message = Message()
    message["content-disposition"] = header
    return message.get_filename()

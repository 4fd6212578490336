"""Receiving the photos of an adaptation: many files in one form, each to the disk as it comes."""

import asyncio
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from wildsr.image.formats import FORMATS, RAW_SUFFIXES, READABLE_SUFFIXES, SNIFF_BYTES, sniff
from wildsr.web.adaptations.store import PHOTOS, SHARP
from wildsr.web.problems import Problem
from wildsr.web.uploads import Receiver, body_parts, clean_name

_BUFFER = 1 << 20
_LONGEST_FIELD = 64 << 10
_LONGEST_STEM = 60
FOLDERS = {"photo": PHOTOS, "sharp": SHARP}
"""Names of the parts of a form that are files, and the folders that take them."""
_NOT_AN_IMAGE = "not an image that wildsr reads"


@dataclass
class ReceivedFile:
    """A file of the form: ``kind`` is "photo" or "sharp", ``name`` the client's, ``path`` ours."""

    kind: str
    name: str
    path: Path
    size: int = 0
    sha256: str = ""


@dataclass
class ReceivedPhotos:
    """All files of a form, those that are no images, and the options as JSON."""

    files: list[ReceivedFile] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    options: str = ""

    @property
    def digest(self) -> str:
        """Fingerprint of the request."""
        lines = [f"{one.kind} {one.name} {one.sha256}" for one in self.files]
        return hashlib.sha256("\n".join([self.options, *lines]).encode()).hexdigest()


async def receive_photos(
    request: Request, receiver: Receiver, folder: Path, most_files: int, most_bytes: int, timeout: float
) -> ReceivedPhotos:
    """The photos in a multipart request, in subfolders of ``folder``.

    Raises:
        Problem: 400, 408, 413, 415, 422 or 507.
    """
    kind, parameters = parse_options_header(request.headers.get("content-type", ""))
    if kind != b"multipart/form-data":
        raise Problem(
            415,
            "media-type",
            "Send the photos as parts named 'photo' of multipart/form-data.",
            headers={"Accept-Post": "multipart/form-data"},
        )
    if not (boundary := parameters.get(b"boundary", b"")):
        raise Problem(400, "multipart", "The Content-Type has no boundary.")
    form = _PhotoForm(folder, most_files, lambda size: receiver.allow(folder, size))
    try:
        parser = form.parser(boundary)
        async for part in body_parts(request, most_bytes, timeout):
            parser.write(part)
            await form.flush()
        parser.finalize()
        await form.flush()
    except (FormParserError, UnicodeDecodeError) as error:
        raise Problem(400, "multipart", f"The multipart body makes no sense: {error}.") from error
    if not form.complete:
        raise Problem(422, "incomplete", "The form ended early.")
    form.received.options = request.query_params.get("options", "") or form.options.decode("utf-8", "replace")
    return form.received


@dataclass
class _Part:
    """A file that is being received."""

    kind: str
    name: str
    temporary: Path
    buffer: bytearray = field(default_factory=bytearray)
    head: bytes = b""
    size: int = 0
    ended: bool = False
    is_image: bool = True
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)


class _PhotoForm:
    """The parts of a multipart form: photos, sharp images, and options as JSON; other fields are refused."""

    def __init__(self, folder: Path, most_files: int, allow: Callable[[int], None]) -> None:
        self.received = ReceivedPhotos()
        self.options = b""
        self.complete = False
        self._folder, self._most_files, self._allow = folder, most_files, allow
        self._parts: list[_Part] = []
        self._names: dict[str, set[str]] = {kind: set() for kind in FOLDERS}
        self._count = self._size = 0
        self._field = self._value = b""
        self._headers: dict[bytes, bytes] = {}
        self._is_file = False

    def parser(self, boundary: bytes) -> MultipartParser:
        """A parser that fills this form. Raises FormParserError."""
        return MultipartParser(
            boundary,
            {
                "on_part_begin": self._on_part,
                "on_header_field": self._on_field,
                "on_header_value": self._on_value,
                "on_header_end": self._on_header,
                "on_headers_finished": self._on_headers,
                "on_part_data": self._on_data,
                "on_part_end": self._on_part_end,
                "on_end": self._on_end,
            },
        )

    async def flush(self) -> None:
        """Write what has come."""
        for part in self._parts:
            if not part.head and (part.ended or len(part.buffer) >= SNIFF_BYTES):
                part.head = bytes(part.buffer[:SNIFF_BYTES])
                part.is_image = sniff(part.head) is not None
            if not part.is_image:
                part.buffer.clear()
            elif part.ended or len(part.buffer) >= _BUFFER:
                await self._write(part)
        for part in [part for part in self._parts if part.ended]:
            self._parts.remove(part)
            self._finish(part)

    async def _write(self, part: _Part) -> None:
        data, part.buffer = part.buffer, bytearray()
        part.size += len(data)
        self._size += len(data)
        self._allow(self._size)

        def write() -> None:
            part.digest.update(data)
            with part.temporary.open("ab") as file:
                file.write(data)
                if part.ended:
                    file.flush()
                    os.fsync(file.fileno())

        try:
            await asyncio.to_thread(write)
        except OSError as error:
            raise Problem(507, "disk-full", "The disk of the service is full.", retry_after=60) from error

    def _finish(self, part: _Part) -> None:
        if not part.is_image:
            part.temporary.unlink(missing_ok=True)
            self.received.left_out.append(f"{part.name}: {_NOT_AN_IMAGE}")
            return
        name = file_name(part.name, sniff(part.head) or "", self._names[part.kind])
        path = part.temporary.with_name(name)
        part.temporary.rename(path)
        self.received.files.append(
            ReceivedFile(part.kind, part.name, path, part.size, part.digest.hexdigest())
        )

    def _on_part(self) -> None:
        self._headers = {}
        self._is_file = False

    def _on_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header(self) -> None:
        self._headers[self._field.lower()] = self._value
        self._field = self._value = b""

    def _on_headers(self) -> None:
        _, values = parse_options_header(self._headers.get(b"content-disposition", b""))
        kind = values.get(b"name", b"").decode("utf-8", "replace")
        if kind == "options":
            return
        if kind not in FOLDERS:
            raise Problem(422, "unknown-part", "A form has the parts 'photo', 'sharp' and 'options' only.")
        self._count += 1
        if self._count > self._most_files:
            raise Problem(413, "too-many-photos", f"This service takes at most {self._most_files} photos.")
        self._is_file = True
        given = values.get(b"filename", b"").decode("utf-8", "replace").replace("%22", '"')
        temporary = self._folder / FOLDERS[kind] / f".{self._count}.part"
        self._parts.append(_Part(kind, clean_name(given, "jpeg"), temporary))

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if self._is_file:
            self._parts[-1].buffer += data[start:end]
            return
        self.options += data[start:end]
        if len(self.options) > _LONGEST_FIELD:
            raise Problem(413, "options-too-large", "The options are too long.")

    def _on_part_end(self) -> None:
        if self._is_file:
            self._parts[-1].ended = True

    def _on_end(self) -> None:
        self.complete = True


def file_name(name: str, format: str, taken: set[str]) -> str:
    """A name for a file on the disk, near the client's, so that people know it in the report; equal names are numbered.

    It has letters, digits, spaces, dots, dashes and underscores only, and the suffix of an image.
    """
    stem, _, suffix = name.rpartition(".")
    suffix = f".{suffix.lower()}"
    if suffix not in READABLE_SUFFIXES | RAW_SUFFIXES:
        stem, suffix = name, FORMATS[format].suffixes[0]
    plain = "".join(letter if letter.isalnum() or letter in " .-_()" else "_" for letter in stem)
    plain = (
        plain.encode()[: 3 * _LONGEST_STEM].decode("utf-8", "ignore")[:_LONGEST_STEM].strip(" .-") or "photo"
    )
    found, number = f"{plain}{suffix}", 2
    while found.lower() in taken:
        found, number = f"{plain}-{number}{suffix}", number + 1
    taken.add(found.lower())
    return found

"""Receives the photos of an adaptation: many files in one form, each written to disk while it arrives."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from python_multipart.multipart import parse_options_header
from starlette.requests import Request

from wildsr.image.formats import FORMATS, RAW_SUFFIXES, READABLE_SUFFIXES
from wildsr.web.adaptations.store import PHOTOS, SHARP
from wildsr.web.forms import Form
from wildsr.web.problems import Problem
from wildsr.web.uploads import Incoming, Receiver, body_parts, clean_name

_OTHER_PARTS = 8
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
    files = _Files(folder, most_files, lambda size: receiver.allow(folder, size))
    boundary = parameters.get(b"boundary", b"")
    form = Form(boundary, most_files + _OTHER_PARTS, files.begin, files.end)
    async for part in body_parts(request, most_bytes, timeout):
        form.feed(part)
        await files.flush()
    form.finish()
    await files.flush()
    if not form.complete:
        raise Problem(422, "incomplete", "The form ended early.")
    files.received.options = request.query_params.get("options", "") or form.options.decode(
        "utf-8", "replace"
    )
    return files.received


@dataclass
class _Part:
    """A file that is being received."""

    kind: str
    name: str
    file: Incoming
    ended: bool = False


class _Files:
    """The photos and sharp images of a form; other parts are refused."""

    def __init__(self, folder: Path, most_files: int, allow: Callable[[int], None]) -> None:
        self.received = ReceivedPhotos()
        self._folder, self._most_files, self._allow = folder, most_files, allow
        self._parts: list[_Part] = []
        self._names: dict[str, set[str]] = {kind: set() for kind in FOLDERS}
        self._count = 0

    def begin(self, kind: str, name: str) -> Callable[[bytes], None]:
        """A file begins; returns what takes its bytes."""
        if kind not in FOLDERS:
            raise Problem(422, "unknown-part", "A form has the parts 'photo', 'sharp' and 'options' only.")
        self._count += 1
        if self._count > self._most_files:
            raise Problem(413, "too-many-photos", f"This service takes at most {self._most_files} photos.")
        file = Incoming(self._folder / FOLDERS[kind] / f".{self._count}.part", self._allow)
        self._parts.append(_Part(kind, clean_name(name, "jpeg"), file))
        return file.add

    def end(self) -> None:
        """The file that began last is complete."""
        self._parts[-1].ended = True

    async def flush(self) -> None:
        """Write what has come."""
        for part in self._parts:
            await part.file.flush(last=part.ended)
        for part in [part for part in self._parts if part.ended]:
            self._parts.remove(part)
            self._finish(part)

    def _finish(self, part: _Part) -> None:
        file = part.file
        if not file.format:
            self.received.left_out.append(f"{part.name}: {_NOT_AN_IMAGE}")
            return
        path = file.path.with_name(file_name(part.name, file.format, self._names[part.kind]))
        file.path.rename(path)
        self.received.files.append(ReceivedFile(part.kind, part.name, path, file.size, file.sha256))


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

"""Many files as one ZIP that is sent while it is made."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_CHUNK = 1 << 20


class _Sink(io.RawIOBase):
    """A file that can only be written to, and emptied."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: "ReadableBuffer") -> int:
        self._parts.append(bytes(data))
        return len(self._parts[-1])

    def take(self) -> bytes:
        data, self._parts = b"".join(self._parts), []
        return data


def zip_stream(files: list[tuple[str, Path]]) -> Iterator[bytes]:
    """The parts of a ZIP of ``files``, given by name and path; equal names are numbered, missing files left out.

    Nothing is compressed, since images are compressed already.
    """
    sink, taken = _Sink(), set[str]()
    with zipfile.ZipFile(cast("IO[bytes]", sink), "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, path in files:
            try:
                source = path.open("rb")
            except OSError:
                continue
            with source, archive.open(_unique(name, taken), "w", force_zip64=True) as target:
                while chunk := source.read(_CHUNK):
                    target.write(chunk)
                    yield sink.take()
    yield sink.take()


def _unique(name: str, taken: set[str]) -> str:
    path, number, found = Path(name), 2, name
    while found.lower() in taken:
        found, number = f"{path.stem} ({number}){path.suffix}", number + 1
    taken.add(found.lower())
    return found

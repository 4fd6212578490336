"""A canvas as a libvips image that is encoded while it is painted.

libvips accepts pixels that are still to be computed only from a loader. Among the loaders that read from a function,
only that of TIFF passes uncompressed samples of every type through unchanged. So the function returns the bytes of a
BigTIFF file (TIFF 6.0 with 64-bit offsets), and waits for rows that are not painted yet.
"""

import contextlib
import struct
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyvips

from wildsr.image.canvas import Canvas, CanvasClosed

_STRIP_ROWS = 16
_SHORT, _LONG8 = 3, 16
_UNSIGNED, _FLOAT = 1, 3
_KEPT = {
    "width",
    "height",
    "bands",
    "format",
    "coding",
    "interpretation",
    "xoffset",
    "yoffset",
    "xres",
    "yres",
}


@contextlib.contextmanager
def streamed(canvas: Canvas) -> Iterator[Any]:
    """The canvas as a libvips image that can be read once, from top to bottom; memory of rows that were read is freed.

    Reading waits for rows to be painted. If the canvas is closed first, its missing rows come as zeros, and the end of
    the block raises :class:`CanvasClosed`.
    """
    file = _File(canvas)
    source = pyvips.SourceCustom()  # must outlive the image, which does not keep it
    source.on_read(file.read)
    source.on_seek(file.seek)
    image = pyvips.Image.tiffload_source(source, access="sequential").copy()
    for name in set(image.get_fields()) - _KEPT - {"vips-sequential"}:
        image.remove(name)
    yield image
    if file.cut:
        raise CanvasClosed("this canvas was closed before it was finished")


class _File:
    """The bytes of a BigTIFF file, as a file that is open for reading. The methods run in libvips' threads."""

    def __init__(self, canvas: Canvas) -> None:
        self._canvas = canvas
        self._line = canvas.pixels[0].nbytes
        self._head = _header(canvas.height, self._line, canvas.pixels)
        self._at = 0
        self.cut = False

    def read(self, most: int) -> "bytes | np.ndarray[Any, Any] | None":
        """At most ``most`` bytes; none at the end, or when the canvas was closed."""
        begin = self._at - len(self._head)
        if begin < 0:
            part: Any = self._head[self._at : self._at + most]
        else:
            first, last = begin // self._line, min(-(-(begin + most) // self._line), self._canvas.height)
            if first >= last:
                return None
            rows = self._canvas.painted(last)
            if rows is None:
                self.cut = True
                return None
            skipped = begin - first * self._line
            part = rows[first:last].reshape(-1).view(np.uint8)[skipped : skipped + most]
            self._canvas.release(first)
        self._at += len(part)
        return part  # type: ignore[no-any-return]

    def seek(self, offset: int, whence: int) -> int:
        """Moves to a position, as :meth:`io.IOBase.seek`."""
        end = len(self._head) + self._line * self._canvas.height
        self._at = offset + {0: 0, 1: self._at, 2: end}[whence]
        return self._at


def _header(height: int, line: int, pixels: "np.ndarray[Any, Any]") -> bytes:
    """All of the file before its samples: one directory, and the offsets and lengths of strips."""
    order = "<" if sys.byteorder == "little" else ">"
    _, width, bands = pixels.shape
    strips = -(-height // _STRIP_ROWS)
    kind = _FLOAT if pixels.dtype.kind == "f" else _UNSIGNED
    tags = {
        256: (_LONG8, [width]),
        257: (_LONG8, [height]),
        258: (_SHORT, [8 * pixels.dtype.itemsize] * bands),
        259: (_SHORT, [1]),  # not compressed
        262: (_SHORT, [2 if bands == 3 else 1]),  # RGB or grey
        273: (_LONG8, [0] * strips),
        277: (_SHORT, [bands]),
        278: (_LONG8, [_STRIP_ROWS]),
        279: (_LONG8, [min(_STRIP_ROWS, height - top) * line for top in range(0, height, _STRIP_ROWS)]),
        284: (_SHORT, [1]),  # samples of a pixel together
        339: (_SHORT, [kind] * bands),
    }
    end = 16 + 8 + 20 * len(tags) + 8
    lengths = [len(values) * (2 if type_ == _SHORT else 8) for type_, values in tags.values()]
    size = end + sum(length for length in lengths if length > 8)
    tags[273] = (_LONG8, [size + top * line for top in range(0, height, _STRIP_ROWS)])
    directory, beyond = b"", b""
    for tag, (type_, values) in tags.items():
        content = struct.pack(f"{order}{len(values)}{'H' if type_ == _SHORT else 'Q'}", *values)
        if len(content) > 8:
            content, beyond = struct.pack(f"{order}Q", end + len(beyond)), beyond + content
        directory += struct.pack(f"{order}HHQ", tag, type_, len(values)) + content.ljust(8, b"\0")
    magic = b"II" if order == "<" else b"MM"
    head = struct.pack(f"{order}2sHHHQQ", magic, 43, 8, 0, 16, len(tags)) + directory + bytes(8) + beyond
    assert len(head) == size, "the offsets of strips begin behind the directory"
    return head

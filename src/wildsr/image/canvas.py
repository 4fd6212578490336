"""The output image while it is assembled from tiles, in its final sample type."""

import contextlib
import mmap
import os
import tempfile
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from wildsr.image import color
from wildsr.image.errors import ImageError
from wildsr.image.loaded import Traits, as_array
from wildsr.image.profile import space_of

if TYPE_CHECKING:
    from torch import Tensor

#: A larger canvas lives in an unlinked temporary file, so that the operating system can page it out.
MEMORY_LIMIT = 1 << 30

_PAGES = 1 << 22
"""Bytes that are freed at once; a multiple of every system's page."""
_DTYPES = {"uint8": np.uint8, "uint16": np.uint16, "float": np.float32}


class CanvasClosed(ValueError):
    """A canvas was painted after it was closed, or closed while another thread waited for its rows."""


class Canvas:
    """The output image: H x W x channels samples of the final type, in the colour space of the file.

    Each pasted tile is converted to the image's ICC profile (if it has one other than sRGB) and quantised
    immediately. Both are per-pixel operations, so pasting tiles equals pasting the whole image; and since no
    out-of-gamut value is stored, a wide-gamut canvas needs no more memory.

    Attributes:
        height, width: in pixels.
        traits: as given.
        truncate: cut off fractions of levels of 8-bit samples instead of rounding; not where they are converted to a
            profile.
        pixels: (height, width, 1 or 3) array of uint8, uint16 or float32.

    With ``unfinished``, another thread may write the canvas while it is painted: it waits for rows until
    :meth:`finish` says that they are complete, or the canvas is closed.

    Raises:
        ImageError: neither memory nor the temporary folder has room.
    """

    def __init__(
        self, height: int, width: int, traits: Traits, truncate: bool = False, *, unfinished: bool = False
    ) -> None:
        if height < 1 or width < 1:
            raise ValueError(f"a canvas needs at least one pixel, not {width}x{height}")
        self.height = height
        self.width = width
        self.traits = traits
        self.truncate = truncate
        self.unfinished = unfinished
        self._closed = False
        self._finished = 0 if unfinished else height
        self._released = 0
        self._changed = threading.Condition()
        shape = (height, width, 1 if traits.grey else 3)
        dtype = np.dtype(_DTYPES[traits.depth])
        size = height * width * shape[2] * dtype.itemsize
        self._memory: mmap.mmap | None = None
        try:
            if size > MEMORY_LIMIT:
                self._pixels = _on_disk(shape, dtype, size)
            elif unfinished and hasattr(mmap, "MADV_DONTNEED"):
                self._memory = _anonymous(size)
                self._pixels = np.frombuffer(self._memory, dtype).reshape(shape)
            else:
                self._pixels = np.zeros(shape, dtype)
        except (MemoryError, OSError) as error:
            raise ImageError(
                f"An image of {width}x{height} pixels needs {size / 2**30:.1f} GiB of memory, "
                "more than is free. Choose a smaller size."
            ) from error

    @property
    def pixels(self) -> "np.ndarray[Any, Any]":
        """The samples pasted so far; a view."""
        if self._closed:
            raise CanvasClosed("this canvas is closed")
        return self._pixels

    @property
    def takes_levels(self) -> bool:
        """Whether its samples are 8-bit levels of sRGB, rounded, which can be pasted as they are."""
        plain = self.traits.depth == "uint8" and not self.traits.grey and not self.traits.convert
        return plain and not self.truncate

    def paste(self, top: int, left: int, rgb: "Tensor | np.ndarray[Any, Any]") -> None:
        """Paste a tile.

        Args:
            top, left: position of its first pixel.
            rgb: (1, 3, h, w) or (3, h, w) floats in model space, on any device. Integer canvases clamp to
                [0, 1] and round half to even; float ones keep any value. Grey ones take the channels' mean.
                If :attr:`takes_levels`, also an array (h, w, 3) of uint8, which is copied.

        Raises:
            ValueError: the tile has another shape, or exceeds the canvas.
        """
        tile = as_array(rgb)
        levels = self.takes_levels and tile.dtype == np.uint8 and tile.ndim == 3 and tile.shape[2] == 3
        if not levels:
            tile = tile[0] if tile.ndim == 4 and tile.shape[0] == 1 else tile
            if tile.ndim != 3 or tile.shape[0] != 3:
                raise ValueError(f"a tile must be (1, 3, h, w) or (3, h, w), not {tuple(rgb.shape)}")
            tile = tile.transpose(1, 2, 0)
        height, width = tile.shape[:2]
        if top < 0 or left < 0 or top + height > self.height or left + width > self.width:
            raise ValueError(
                f"a tile of {width}x{height} at ({top}, {left}) leaves the canvas of {self.width}x{self.height}"
            )
        if tile.size:
            target = self.pixels[top : top + height, left : left + width]
            target[:] = tile if levels else self._samples(tile.astype(np.float32, copy=False))

    def _samples(self, tile: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
        """(h, w, 3) floats as samples of the file."""
        traits = self.traits
        if traits.grey:
            tile = tile.mean(2, keepdims=True)
        if traits.convert and traits.profile is not None:
            space = space_of(traits.profile, grey=traits.grey)
            if space is None:
                raise ValueError("these traits ask to convert to a profile that cannot be inverted")
            return space.from_model(tile, traits.depth)
        if traits.depth == "float":
            scaled: np.ndarray[Any, Any] = tile * np.float32(traits.float_scale)
            return scaled
        if traits.depth == "uint16":
            return color.quantized(tile, 65535)
        return color.quantized(tile, 255, self.truncate)

    def finish(self, rows: int) -> None:
        """Say that the first ``rows`` rows are complete; what is painted there later may be ignored."""
        with self._changed:
            self._finished = max(self._finished, rows)
            self._changed.notify_all()

    def painted(self, rows: int) -> "np.ndarray[Any, Any] | None":
        """The samples, as soon as the first ``rows`` rows are complete; None if the canvas is closed before."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._finished >= rows)
            return None if self._closed else self._pixels

    def release(self, rows: int) -> None:
        """Free the memory of the first ``rows`` rows where the system can; their samples are lost."""
        if self._memory is None:
            return
        line = self.width * self._pixels.shape[2] * self._pixels.itemsize
        end = rows * line // _PAGES * _PAGES
        if end > self._released:
            self._memory.madvise(mmap.MADV_DONTNEED, self._released, end - self._released)
            self._released = end

    def close(self) -> None:
        """Free the memory, or the temporary file. A thread that waits for rows stops waiting."""
        with self._changed:
            self._closed = True
            self._pixels = np.empty((0, 0, 0), self._pixels.dtype)
            self._memory = None
            self._changed.notify_all()

    def __enter__(self) -> "Canvas":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _anonymous(size: int) -> mmap.mmap:
    """Zeroed memory, in large pages where the system has them: the first touch of small ones outlasts the painting."""
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with contextlib.suppress(OSError):  # a kernel without them
            memory.madvise(mmap.MADV_HUGEPAGE)
    return memory


def _on_disk(shape: tuple[int, int, int], dtype: "np.dtype[Any]", size: int) -> "np.ndarray[Any, Any]":
    """A zeroed array over an unlinked temporary file, which disappears with the process."""
    try:
        with tempfile.TemporaryFile(prefix="wildsr-") as file:
            # With a sparse file, a disk that fills up later would end the process by a bus error.
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
            else:
                file.truncate(size)
            return np.memmap(file, dtype=dtype, mode="r+", shape=shape)
    except OSError as error:
        raise ImageError(
            f"An image of {shape[1]}x{shape[0]} pixels needs {size / 2**30:.1f} GiB for its samples, which "
            f"{tempfile.gettempdir()} cannot hold ({error.strerror}). Free some space there, or set TMPDIR "
            "to a folder on a larger disk."
        ) from error

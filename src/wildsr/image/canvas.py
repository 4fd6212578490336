"""The output image while it is assembled from tiles, in its final sample type."""

import os
import tempfile
from types import TracebackType
from typing import Any

import numpy as np
import torch

from wildsr.image import color
from wildsr.image.errors import ImageError
from wildsr.image.loaded import Traits
from wildsr.image.profile import space_of

#: A larger canvas lives in an unlinked temporary file, so that the operating system can page it out.
MEMORY_LIMIT = 1 << 30

_DTYPES = {"uint8": np.uint8, "uint16": np.uint16, "float": np.float32}


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

    Raises:
        ImageError: neither memory nor the temporary folder has room.
    """

    def __init__(self, height: int, width: int, traits: Traits, truncate: bool = False) -> None:
        if height < 1 or width < 1:
            raise ValueError(f"a canvas needs at least one pixel, not {width}x{height}")
        self.height = height
        self.width = width
        self.traits = traits
        self.truncate = truncate
        self._closed = False
        shape = (height, width, 1 if traits.grey else 3)
        dtype = np.dtype(_DTYPES[traits.depth])
        size = height * width * shape[2] * dtype.itemsize
        try:
            self._pixels = np.zeros(shape, dtype) if size <= MEMORY_LIMIT else _on_disk(shape, dtype, size)
        except MemoryError as error:
            raise ImageError(
                f"An image of {width}x{height} pixels needs {size / 2**30:.1f} GiB of memory, "
                "which are not free. Choose a smaller size."
            ) from error

    @property
    def pixels(self) -> "np.ndarray[Any, Any]":
        """The samples pasted so far; a view."""
        if self._closed:
            raise ValueError("this canvas is closed")
        return self._pixels

    def paste(self, top: int, left: int, rgb: torch.Tensor) -> None:
        """Paste a tile.

        Args:
            top, left: position of its first pixel.
            rgb: (1, 3, h, w) or (3, h, w) floats in model space, on any device. Integer canvases clamp to
                [0, 1] and round half to even; float ones keep any value. Grey ones take the channels' mean.

        Raises:
            ValueError: the tile has another shape, or exceeds the canvas.
        """
        tile = rgb.detach()
        if tile.dim() == 4 and tile.shape[0] == 1:
            tile = tile[0]
        if tile.dim() != 3 or tile.shape[0] != 3:
            raise ValueError(f"a tile must be (1, 3, h, w) or (3, h, w), not {tuple(rgb.shape)}")
        bottom, right = top + tile.shape[1], left + tile.shape[2]
        if top < 0 or left < 0 or bottom > self.height or right > self.width:
            raise ValueError(
                f"a tile of {tile.shape[2]}x{tile.shape[1]} at ({top}, {left}) "
                f"leaves the canvas of {self.width}x{self.height}"
            )
        if tile.numel():
            self.pixels[top:bottom, left:right] = self._samples(tile.float())

    def _samples(self, tile: torch.Tensor) -> "np.ndarray[Any, Any]":
        traits = self.traits
        if traits.grey:
            tile = tile.mean(0, keepdim=True)
        if traits.convert and traits.profile is not None:
            space = space_of(traits.profile, grey=traits.grey)
            if space is None:
                raise ValueError("these traits ask to convert to a profile that cannot be inverted")
            return space.from_model(tile.cpu().permute(1, 2, 0), traits.depth)
        if traits.depth == "uint8":
            samples = color.quantize(tile, self.truncate)
        elif traits.depth == "uint16":
            samples = tile.clamp(0, 1).mul(65535).round().to(torch.int32)
        else:
            samples = tile * traits.float_scale
        return samples.permute(1, 2, 0).cpu().numpy()

    def close(self) -> None:
        """Free the memory, or the temporary file."""
        self._closed = True
        self._pixels = np.empty((0, 0, 0), self._pixels.dtype)

    def __enter__(self) -> "Canvas":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


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

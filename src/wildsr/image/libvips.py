"""Configures libvips; every other module of this package imports pyvips through it."""

import logging
from typing import Any

import numpy as np
import pyvips

from wildsr.image.formats import Depth

# Without a handler Python prints warnings of libvips (a stray TIFF tag, say) on the terminal.
logging.getLogger("pyvips").addHandler(logging.NullHandler())
# Every pipeline runs once: the operation cache would only keep whole images and files open.
pyvips.cache_set_max(0)

VipsError: type[Exception] = pyvips.Error
DEPTHS: dict[str, Depth] = {"uchar": "uint8", "ushort": "uint16"}
"""Sample types by libvips' names; all others are "float"."""

_BAND_FORMATS = {"uint8": "uchar", "uint16": "ushort", "float32": "float"}


def from_array(array: "np.ndarray[Any, Any]", interpretation: str) -> Any:
    """A libvips image that shares the memory of ``array`` (H, W, C), which must be contiguous and outlive it."""
    height, width, bands = array.shape
    image = pyvips.Image.new_from_memory(array.data, width, height, bands, _BAND_FORMATS[array.dtype.name])
    return image.copy(interpretation=interpretation)


def to_array(image: Any) -> "np.ndarray[Any, Any]":
    """The pixels of a libvips image: (H, W, C) in its own sample type."""
    array: np.ndarray[Any, Any] = image.numpy()
    return array[:, :, None] if array.ndim == 2 else array


def text(markup: str, width: int) -> Any:
    """Small text as a libvips image of one band, 255 on 0, broken into lines of at most ``width`` pixels."""
    return pyvips.Image.text(markup, width=width, dpi=72, font="sans 11", wrap="word-char")


def set_field(image: Any, name: str, value: bytes | str | int | float) -> None:
    """Set a metadata field on ``image``, which must be a private copy."""
    if isinstance(value, bytes):
        kind = pyvips.GValue.blob_type
    elif isinstance(value, str):
        kind = pyvips.GValue.refstr_type
    else:
        kind = pyvips.GValue.gint_type if isinstance(value, int) else pyvips.GValue.gdouble_type
    image.set_type(kind, name, value)


def reason(error: Exception) -> str:
    """The last line of a libvips error message, without its prefix."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"

"""An image in memory, and its properties apart from the pixels. Imports torch only for tensors."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from wildsr.image.formats import Depth, Format, Size

if TYPE_CHECKING:
    from torch import Tensor

Array = np.ndarray[Any, Any]
_WHITE = {"uint8": 255.0, "uint16": 65535.0}

#: One value of a libvips metadata field: a block of bytes, a text, or a number.
Field = bytes | str | int | float


@dataclass(frozen=True)
class Traits:
    """Properties of an image file that are kept apart from its pixels.

    Attributes:
        depth: type of the samples in the file.
        grey: the file has one colour channel.
        profile: the ICC profile to embed again; None: there was none, or colours were converted (CMYK, Lab).
        convert: the profile is not sRGB, so pixels are converted from it on reading and to it on writing.
            False: sample values pass through untouched.
        bits: significant bits of an integer sample: 10 or 12 for deep AVIF and HEIC, else those of ``depth``.
        float_scale: a float image was divided by this, because its maximum exceeded 1.
        metadata: fields of libvips, by name: EXIF, XMP, IPTC, comments.
        resolution: horizontal and vertical, in pixels per millimetre; None if the file does not say.
        format: name of the source's format in ``formats.FORMATS``; None for an image not read from a file.
        lossless: the source was a lossless WebP.
        notes: remarks for the user about how this image was read.
    """

    depth: Depth = "uint8"
    grey: bool = False
    profile: bytes | None = None
    convert: bool = False
    bits: int = 8
    float_scale: float = 1.0
    metadata: tuple[tuple[str, Field], ...] = ()
    resolution: tuple[float, float] | None = None
    format: str | None = None
    lossless: bool = False
    notes: tuple[str, ...] = ()

    def fitted(self, form: Format) -> "Traits":
        """These traits with the depth lowered to what ``form`` can store; a canvas with them needs less memory."""
        order: tuple[Depth, ...] = ("uint8", "uint16", "float")
        held = [d for d in form.depths if order.index(d) <= order.index(self.depth)]
        return self if self.depth in form.depths else replace(self, depth=held[-1])


@dataclass(frozen=True, eq=False)
class LoadedImage:
    """An image in memory, as the arrays of its file; ``rgb`` and ``alpha`` are the same as tensors.

    Attributes:
        samples: (H, W, 1 or 3), sRGB-encoded: uint8 or uint16, whose maximum is white, or float32, nominally [0, 1];
            colours outside the sRGB gamut exceed it.
        opacity: (H, W) float32 in [0, 1], or None. Colour is straight, not premultiplied.
        traits: see :class:`Traits`.
    """

    samples: Array
    opacity: Array | None
    traits: Traits

    @classmethod
    def from_tensor(cls, rgb: "Tensor", alpha: "Tensor | None", traits: Traits) -> "LoadedImage":
        """The image of tensors (1, 3, H, W) and (1, 1, H, W), whose memory it shares where they are float32."""
        opacity = None if alpha is None else as_array(alpha)[0, 0]
        return cls(as_array(rgb)[0].transpose(1, 2, 0), opacity, traits)

    @property
    def size(self) -> Size:
        """Width and height in pixels."""
        return Size(self.samples.shape[1], self.samples.shape[0])

    @cached_property
    def rgb(self) -> "Tensor":
        """(1, 3, H, W) float32, nominally [0, 1]."""
        import torch

        return torch.from_numpy(planes(self.samples))

    @cached_property
    def alpha(self) -> "Tensor | None":
        """(1, 1, H, W) float32 in [0, 1], or None."""
        import torch

        return None if self.opacity is None else torch.from_numpy(self.opacity)[None, None]


def planes(samples: Array) -> Array:
    """(H, W, 1 or 3) samples of any type as (1, 3, H, W) float32 with 1 as white, contiguous."""
    height, width, channels = samples.shape
    result = np.empty((1, 3, height, width), np.float32)
    result[0, :channels] = samples.transpose(2, 0, 1)
    if samples.dtype.name in _WHITE:
        result[0, :channels] /= _WHITE[samples.dtype.name]
    if channels == 1:
        result[0, 1:] = result[0, :1]
    return result


def as_array(values: "Array | Tensor") -> Array:
    """The image as an array: arrays unchanged, tensors of any device as float32."""
    return values if isinstance(values, np.ndarray) else cast(Array, values.detach().float().cpu().numpy())

"""An image in memory, and its properties apart from the pixels."""

from dataclasses import dataclass, replace

import torch

from wildsr.image.formats import Depth, Format, Size

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


@dataclass(frozen=True)
class LoadedImage:
    """An image in memory.

    Attributes:
        rgb: (1, 3, H, W) float32, sRGB-encoded, nominally [0, 1]; colours outside the sRGB gamut exceed it.
        alpha: (1, 1, H, W) float32 in [0, 1], or None. Colour is straight, not premultiplied.
        traits: see :class:`Traits`.
    """

    rgb: torch.Tensor
    alpha: torch.Tensor | None
    traits: Traits

    @property
    def size(self) -> Size:
        """Width and height in pixels."""
        return Size(self.rgb.shape[-1], self.rgb.shape[-2])

"""The table of image formats and what each can store; importable without torch, numpy or libvips."""

import os
from dataclasses import dataclass
from typing import Literal, NamedTuple

from wildsr.image.errors import FormatError, ImageError
from wildsr.storage.locations import locate
from wildsr.storage.object_path import ObjectPath

Depth = Literal["uint8", "uint16", "float"]

#: Input larger than this many pixels is refused: as float32 RGB it would take more than 6 GiB.
MAX_INPUT_PIXELS = 2**29
MAX_INPUT_BANDS = 16
"""Most channels of an image file that is read: colours, alpha, and some that are ignored."""


class Size(NamedTuple):
    """Width and height in pixels, with orientation applied."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


@dataclass(frozen=True)
class Format:
    """A file format and what it can store.

    Attributes:
        name: the key in :data:`FORMATS`.
        label: the common name.
        suffixes: lower case, with the dot; the first is the usual one.
        readable, writable: whether wildsr reads and writes it. HEIC needs the ``heic`` extra.
        depths: sample types for writing, deepest last.
        max_side: greatest width and height that can be written.
        alpha: whether it stores transparency.
        grey: whether an image with one channel is stored as such.
        profiles: whether it stores an ICC profile.
        output: name of the format written by default for an image read from this one.
    """

    name: str
    label: str
    suffixes: tuple[str, ...]
    depths: tuple[Depth, ...]
    max_side: int
    alpha: bool
    output: str
    readable: bool = True
    writable: bool = True
    grey: bool = True
    profiles: bool = True


# JPEG itself would go to 65535 pixels a side and PNG to 2^31 - 1, but their common libraries stop at these.
FORMATS: dict[str, Format] = {
    "jpeg": Format("jpeg", "JPEG", (".jpg", ".jpeg", ".jpe", ".jfif"), ("uint8",), 65500, False, "jpeg"),
    "png": Format("png", "PNG", (".png",), ("uint8", "uint16"), 1_000_000, True, "png"),
    "webp": Format("webp", "WebP", (".webp",), ("uint8",), 16383, True, "webp", grey=False),
    "tiff": Format("tiff", "TIFF", (".tif", ".tiff"), ("uint8", "uint16", "float"), 10_000_000, True, "tiff"),
    "avif": Format("avif", "AVIF", (".avif",), ("uint8", "uint16"), 16384, True, "avif", grey=False),
    "gif": Format("gif", "GIF", (".gif",), ("uint8",), 65535, True, "png", grey=False, profiles=False),
    "heic": Format("heic", "HEIC", (".heic", ".heif", ".hif"), (), 0, True, "jpeg", writable=False),
    "bmp": Format("bmp", "BMP", (".bmp", ".dib"), (), 0, False, "png", writable=False),
    "ppm": Format("ppm", "PPM", (".ppm", ".pgm", ".pbm", ".pnm"), (), 0, False, "png", writable=False),
}

_BY_SUFFIX = {suffix: form for form in FORMATS.values() for suffix in form.suffixes}

READABLE_SUFFIXES: frozenset[str] = frozenset(s for s, form in _BY_SUFFIX.items() if form.readable)

#: Camera files whose first TIFF page is only a preview: reading them as TIFF would upscale a thumbnail.
RAW_SUFFIXES: frozenset[str] = frozenset(
    (".3fr", ".arw", ".cr2", ".dcr", ".dng", ".erf", ".iiq", ".kdc", ".nef", ".nrw", ".pef", ".sr2", ".srw")
)

_AVIF_BRANDS = {b"avif", b"avis"}
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
SNIFF_BYTES = 256


def format_of_suffix(path: str | os.PathLike[str] | ObjectPath) -> Format | None:
    """The format for the suffix of ``path``, or None."""
    return _BY_SUFFIX.get(locate(path).suffix.lower())


def default_suffix(path: str | os.PathLike[str] | ObjectPath) -> str:
    """The suffix for the upscaled version of ``path``: its own, unless another format preserves more."""
    form = format_of_suffix(path)
    if form is None:
        return ".png"
    return locate(path).suffix.lower() if form.output == form.name else FORMATS[form.output].suffixes[0]


def sniff(head: bytes) -> str | None:
    """Name of the format of a file that begins with ``head`` (:data:`SNIFF_BYTES` bytes), or None."""
    name: str | None = None
    if head.startswith(b"\xff\xd8\xff"):
        name = "jpeg"
    elif head.startswith(b"\x89PNG\r\n\x1a\n"):
        name = "png"
    elif head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        name = "webp"
    elif head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        name = "tiff"
    elif head[:6] in (b"GIF87a", b"GIF89a"):
        name = "gif"
    elif head[4:8] == b"ftyp":
        box = head[8 : max(16, int.from_bytes(head[:4], "big"))]
        brands = {box[:4]} | {box[i : i + 4] for i in range(8, len(box) - 3, 4)}
        name = "avif" if brands & _AVIF_BRANDS else "heic" if brands & _HEIF_BRANDS else None
    elif head.startswith(b"BM") and len(head) > 26 and head[6:10] == b"\0\0\0\0":
        name = "bmp"
    elif head[:1] == b"P" and head[1:2] in b"123456" and head[2:3] in (b" ", b"\t", b"\n", b"\r"):
        name = "ppm"
    return name


def output_format(path: str | os.PathLike[str] | ObjectPath, name: str | None = None) -> Format:
    """The format in which ``path`` will be written: ``name`` if given, otherwise by suffix.

    Raises:
        ImageError: no such format, or one that wildsr only reads.
    """
    known = ", ".join(form.suffixes[0] for form in FORMATS.values() if form.writable)
    if name is not None:
        form = FORMATS.get(name.lower()) or _BY_SUFFIX.get("." + name.lower().lstrip("."))
        if form is None:
            raise FormatError(f"'{name}' is not a format wildsr writes; choose one of {known}.")
    else:
        form = format_of_suffix(path)
        if form is None:
            raise ImageError(
                f"Cannot tell the format of {path} from its name; give it one of the suffixes {known}."
            )
    if not form.writable:
        raise FormatError(f"wildsr reads {form.label} but does not write it ({path}); choose one of {known}.")
    return form


def check_limits(path: str | os.PathLike[str] | ObjectPath, size: Size, form: Format, *, alpha: bool) -> None:
    """Raise an ImageError if ``form`` cannot store an image of this size, or its transparency."""
    if min(size) < 1:
        raise ImageError(f"Cannot write {path}: an image of {size} pixels is empty.")
    if max(size) > form.max_side:
        raise ImageError(
            f"Cannot write {path}: {form.label} holds at most {form.max_side} pixels a side and the result "
            f"has {size}. Write TIFF or PNG instead, or choose a smaller size."
        )
    if alpha and not form.alpha:
        raise ImageError(
            f"Cannot write {path}: {form.label} cannot hold the transparency of this image. "
            f"Write PNG, WebP or TIFF instead."
        )

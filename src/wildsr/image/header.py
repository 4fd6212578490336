"""Headers of image files, and small copies for screens. Loads libvips but no torch."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyvips

from wildsr.image.decode import decoded, open_source, size_of, unreadable
from wildsr.image.formats import Depth, Size
from wildsr.image.libvips import DEPTHS, VipsError

_METADATA = {"exif-data": "EXIF", "xmp-data": "XMP", "iptc-data": "IPTC"}
_LONGEST_NAME = 80


@dataclass(frozen=True)
class ImageHeader:
    """Facts about an image from its header, without decoding pixels.

    Attributes:
        size: width and height with the orientation applied.
        format: name in ``formats.FORMATS``, by content.
        depth: sample type; "float" for everything beyond 16-bit integers.
        grey, alpha: whether it has a single colour channel; whether it has an alpha channel.
        profile: description of the embedded ICC profile, "unnamed" if it has none; None without a profile.
        metadata: which of "EXIF", "XMP" and "IPTC" are present.
        notes: such as "only the first of 3 pages is used".
    """

    size: Size
    format: str
    depth: Depth
    grey: bool
    alpha: bool
    profile: str | None
    metadata: tuple[str, ...]
    notes: tuple[str, ...]


def read_header(path: str | os.PathLike[str]) -> ImageHeader:
    """Read the header of an image file.

    Raises:
        ImageError: as :func:`wildsr.image.probe`; :class:`ImageTooLarge` for more than ``MAX_INPUT_PIXELS``.
    """
    source = open_source(Path(path))
    image = source.image
    colours = 4 if image.interpretation == "cmyk" else 1 if image.bands < 3 else 3
    return ImageHeader(
        size=size_of(source),
        format=source.format,
        depth=DEPTHS.get(image.format, "float"),
        grey=colours == 1,
        alpha=image.bands > colours,
        profile=_profile_name(_blob(image, "icc-profile-data")),
        metadata=tuple(name for field, name in _METADATA.items() if _blob(image, field)),
        notes=source.notes,
    )


def write_thumbnail(path: str | os.PathLike[str], target: Path, side: int) -> None:
    """Write a WebP in sRGB of at most ``side`` pixels a side, upright, never enlarged, without metadata.

    Raises:
        ImageError: the image cannot be decoded.
    """
    path = Path(path)
    source = open_source(path)
    try:
        if source.format in ("jpeg", "webp", "png", "tiff", "gif", "avif"):
            small = pyvips.Image.thumbnail(str(path), side, height=side, size="down", export_profile="srgb")
        else:
            small = decoded(path, source).thumbnail_image(side, height=side, size="down")
        small.colourspace("srgb").webpsave(str(target), Q=82, keep="none")
    except VipsError as error:
        raise unreadable(path, error) from error


def write_screen_copy(path: str | os.PathLike[str], target: Path, max_pixels: int) -> Size:
    """Write an 8-bit sRGB PNG that browsers show, upright; smaller only beyond ``max_pixels``. Returns its size.

    Raises:
        ImageError: the image cannot be decoded.
    """
    path = Path(path)
    source = open_source(path)
    try:
        image = decoded(path, source)
        factor = (max_pixels / (image.width * image.height)) ** 0.5
        if factor < 1:
            image = image.resize(factor)
        if _blob(image, "icc-profile-data") and image.format in DEPTHS:
            image = image.icc_transform("srgb", embedded=True, depth=8)
        if image.format not in DEPTHS:
            image = (image * (255 / max(image.max(), 1.0 / 255, 1.0))).cast("uchar")
        image = image.colourspace("srgb").cast("uchar")
        image.pngsave(str(target), compression=2, keep="none")
    except VipsError as error:
        raise unreadable(path, error) from error
    return Size(image.width, image.height)


def _blob(image: Any, field: str) -> bytes:
    return bytes(image.get(field)) if image.get_typeof(field) else b""


def _profile_name(profile: bytes) -> str | None:
    """The description of an ICC profile (ICC.1, 9.2.41), as text or in its first language."""
    if not profile:
        return None
    name = ""
    for index in range(min(int.from_bytes(profile[128:132], "big"), 100)):
        entry = profile[132 + 12 * index : 144 + 12 * index]
        if entry[:4] != b"desc":
            continue
        start = int.from_bytes(entry[4:8], "big")
        tag = profile[start : start + int.from_bytes(entry[8:12], "big")]
        if tag[:4] == b"desc":
            length = int.from_bytes(tag[8:12], "big")
            name = tag[12 : 12 + length].decode("ascii", "replace")
        elif tag[:4] == b"mluc":
            length, offset = int.from_bytes(tag[20:24], "big"), int.from_bytes(tag[24:28], "big")
            name = tag[offset : offset + length].decode("utf-16-be", "replace")
    printable = "".join(character for character in name if character.isprintable()).strip()
    return printable[:_LONGEST_NAME] or "unnamed"

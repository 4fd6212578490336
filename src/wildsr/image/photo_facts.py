"""The camera that took a photo, from its EXIF data. Loads libvips but no torch."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wildsr.image.decode import open_source, size_of
from wildsr.image.formats import Depth, Size
from wildsr.image.libvips import DEPTHS

_LONGEST = 60
# libvips shows a field as "Canon (Canon, ASCII, 6 components, 6 bytes)".
_SHOWN = re.compile(r" \([^()]*(?:\([^()]*\)[^()]*)*, \w+, \d+ components?, \d+ bytes?\)\s*$", re.DOTALL)


@dataclass(frozen=True)
class PhotoFacts:
    """Facts about a photo from its header.

    Attributes:
        size: width and height with the orientation applied.
        format: name in ``formats.FORMATS``, by content.
        depth: sample type; "float" for everything beyond 16-bit integers.
        make, model: of the camera, as in the EXIF data; "" if they are missing.
        iso: sensitivity; None if it is missing.
        software: that wrote the file; "" if it is missing.
    """

    size: Size
    format: str
    depth: Depth
    make: str = ""
    model: str = ""
    iso: int | None = None
    software: str = ""


def read_photo_facts(path: str | os.PathLike[str]) -> PhotoFacts:
    """Read the header of a photo.

    Raises:
        ImageError: as :func:`wildsr.image.probe`.
    """
    source = open_source(Path(path))
    image = source.image
    iso = re.match(r"\d{1,7}", _text(image, "exif-ifd2-ISOSpeedRatings"))
    return PhotoFacts(
        size=size_of(source),
        format=source.format,
        depth=DEPTHS.get(image.format, "float"),
        make=_text(image, "exif-ifd0-Make"),
        model=_text(image, "exif-ifd0-Model"),
        iso=int(iso[0]) if iso else None,
        software=_text(image, "exif-ifd0-Software"),
    )


def _text(image: Any, field: str) -> str:
    if not image.get_typeof(field):
        return ""
    value = image.get(field)
    if not isinstance(value, str):
        return ""
    plain = _SHOWN.sub("", value[:1000])
    return " ".join("".join(one if one.isprintable() else " " for one in plain).split())[:_LONGEST]

"""Metadata of image files: kept, except for fields that no longer hold for the result."""

import re
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from typing import Any, Literal

from wildsr.image.libvips import set_field
from wildsr.image.loaded import Field, Traits

_BLOBS = ("exif-data", "xmp-data", "iptc-data", "photoshop-data")
_TEXTS = ("image-description", "gif-comment", "resolution-unit")
# These describe the layout of the old file, or its embedded thumbnail (ifd1).
_STALE_EXIF = re.compile(
    r"exif-(ifd1-.*|ifd0-(Orientation|ImageWidth|ImageLength|BitsPerSample|Compression|PhotometricInterpretation"
    r"|SamplesPerPixel|PlanarConfiguration|RowsPerStrip|StripOffsets|StripByteCounts|Predictor"
    r"|Tile.*|JPEG.*|NewSubfileType|SubIFDs))"
)
_STALE_XMP = rb"(?:tiff:Image(?:Width|Length)|exif:Pixel[XY]Dimension|hdrgm:\w+)"
# None of these patterns may scan past the next tag: a crafted packet must not take more than linear time.
_XMP_ATTRIBUTES: tuple[tuple[re.Pattern[bytes], bytes], ...] = (
    (re.compile(rb"(tiff:Orientation\s*=\s*[\"'])\d+"), rb"\g<1>1"),
    (re.compile(rb"(<tiff:Orientation[^<>]*>\s*)\d+"), rb"\g<1>1"),
    (re.compile(rb"\s" + _STALE_XMP + rb"\s*=\s*(?:\"[^\"]*\"|'[^']*')"), b""),
)
_XMP_ELEMENT = rb"(" + _STALE_XMP + rb"|(?:xmp|xap):Thumbnails|G?Container:Directory)"
_XMP_OPENING = re.compile(rb"<" + _XMP_ELEMENT + rb"(?:\s[^<>]*)?(?<!/)>")
_XMP_CLOSING = re.compile(rb"</" + _XMP_ELEMENT + rb">")
LONGEST_FIELD = 8 << 20
"""Largest metadata field in bytes; larger ones are left out, with a note."""
_THUMBNAIL_RESOURCES = {0x0409, 0x040C}


def collect(image: Any) -> tuple[tuple[tuple[str, Field], ...], tuple[str, ...]]:
    """The metadata of a libvips image that still holds for an upscaled, upright copy; and notes on the rest.

    Fields above :data:`LONGEST_FIELD` are left out, each with a note.
    """
    kept, notes = [], []
    for name, value in _fields(image):
        if isinstance(value, bytes | str) and len(value) > LONGEST_FIELD:
            notes.append(f"the metadata field {name} has {len(value) >> 20} MB and is left out")
        else:
            cleaned = _CLEANERS[name](value) if name in _CLEANERS and isinstance(value, bytes) else value
            if cleaned not in (b"", ""):
                kept.append((name, cleaned))
    return tuple(kept), tuple(notes)


def _fields(image: Any) -> Iterator[tuple[str, Field]]:
    for name in image.get_fields():
        comment = name.startswith("png-comment-")
        if not (name in _BLOBS or name in _TEXTS or comment or name.startswith("exif-")):
            continue
        if _STALE_EXIF.fullmatch(name) or (comment and name.endswith("XML:com.adobe.xmp")):
            continue
        value = image.get(name)
        if isinstance(value, bytearray | memoryview):
            value = bytes(value)
        if isinstance(value, bytes | str | int | float):
            yield name, value


def restore(image: Any, traits: Traits) -> Any:
    """A copy of ``image`` with the metadata and resolution of ``traits``.

    On saving, libvips rewrites the EXIF block without the fields missing here and with the new dimensions.
    """
    if traits.resolution is not None:
        image = image.copy(xres=traits.resolution[0], yres=traits.resolution[1])
    else:
        image = image.copy()
    for name, value in traits.metadata:
        set_field(image, name, value)
    # Otherwise libvips keeps the tag of the old block.
    set_field(image, "orientation", 1)
    return image


def clean_exif(block: bytes) -> bytes:
    """An EXIF block without its second directory, which contains the thumbnail."""
    start = 6 if block.startswith(b"Exif\0\0") else 0
    order: Literal["little", "big"] = "little" if block[start : start + 2] == b"II" else "big"
    directory = start + int.from_bytes(block[start + 4 : start + 8], order)
    link = directory + 2 + 12 * int.from_bytes(block[directory : directory + 2], order)
    return block if link + 4 > len(block) else block[:link] + bytes(4) + block[link + 4 :]


def clean_xmp(packet: bytes) -> bytes:
    """An XMP packet without rotation, old dimensions, thumbnails or gain map. Takes time linear in its length."""
    for pattern, replacement in _XMP_ATTRIBUTES:
        packet = pattern.sub(replacement, packet)
    return _without_elements(packet)


def _without_elements(packet: bytes) -> bytes:
    """The packet without the elements of ``_XMP_ELEMENT``, each up to the first closing tag of its name."""
    closings: dict[bytes, deque[tuple[int, int]]] = defaultdict(deque)
    for tag in _XMP_CLOSING.finditer(packet):
        closings[tag[1]].append(tag.span())
    kept, at = [], 0
    for tag in _XMP_OPENING.finditer(packet):
        ends = closings[tag[1]]
        while ends and ends[0][0] < tag.end():
            ends.popleft()
        if tag.start() >= at and ends:
            kept.append(packet[at : tag.start()])
            at = ends[0][1]
    return b"".join([*kept, packet[at:]])


def clean_photoshop(block: bytes) -> bytes:
    """Photoshop image resources without the thumbnail; other blocks unchanged."""
    lead = b"Photoshop 3.0\0" if block.startswith(b"Photoshop 3.0\0") else b""
    at, kept = len(lead), [lead]
    while at + 12 <= len(block) and block[at : at + 4] == b"8BIM":
        name = at + 6
        size = name + (block[name] + 2) // 2 * 2
        data = size + 4
        end = data + int.from_bytes(block[size:data], "big")
        end += (end - data) % 2
        if int.from_bytes(block[at + 4 : name], "big") not in _THUMBNAIL_RESOURCES:
            kept.append(block[at:end])
        at = end
    kept.append(block[at:])
    return b"".join(kept)


_CLEANERS: dict[str, Callable[[bytes], bytes]] = {
    "xmp-data": clean_xmp,
    "exif-data": clean_exif,
    "iptc-data": clean_photoshop,
    "photoshop-data": clean_photoshop,
}

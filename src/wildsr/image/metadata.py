"""What a file says beside its pixels: kept, but never stale."""

import re
from collections.abc import Iterator
from typing import Any, Literal

from wildsr.image.libvips import set_field
from wildsr.image.loaded import Field, Traits

_BLOBS = ("exif-data", "xmp-data", "iptc-data", "photoshop-data")
_TEXTS = ("image-description", "gif-comment", "resolution-unit")
# Of the old file's layout, or of its embedded thumbnail (ifd1).
_STALE_EXIF = re.compile(
    r"exif-(ifd1-.*|ifd0-(Orientation|ImageWidth|ImageLength|BitsPerSample|Compression|PhotometricInterpretation"
    r"|SamplesPerPixel|PlanarConfiguration|RowsPerStrip|StripOffsets|StripByteCounts|Predictor"
    r"|Tile.*|JPEG.*|NewSubfileType|SubIFDs))"
)
_STALE_XMP = rb"(?:tiff:Image(?:Width|Length)|exif:Pixel[XY]Dimension|hdrgm:\w+)"
_XMP_RULES: tuple[tuple[re.Pattern[bytes], bytes], ...] = (
    (re.compile(rb"(tiff:Orientation\s*=\s*[\"'])\d+"), rb"\g<1>1"),
    (re.compile(rb"(<tiff:Orientation[^>]*>\s*)\d+"), rb"\g<1>1"),
    (re.compile(rb"\s" + _STALE_XMP + rb"\s*=\s*(?:\"[^\"]*\"|'[^']*')"), b""),
    (re.compile(rb"<(" + _STALE_XMP + rb")(?:\s[^>]*)?>.*?</\1>", re.DOTALL), b""),
    (re.compile(rb"<((?:xmp|xap):Thumbnails)(?:\s[^>]*)?>.*?</\1>", re.DOTALL), b""),
    (re.compile(rb"<(G?Container:Directory)(?:\s[^>]*)?>.*?</\1>", re.DOTALL), b""),
)
_THUMBNAIL_RESOURCES = {0x0409, 0x040C}


def collect(image: Any) -> tuple[tuple[str, Field], ...]:
    """The metadata of a libvips image that stays true for an enlarged, upright copy of it."""
    return tuple(_fields(image))


def _fields(image: Any) -> Iterator[tuple[str, Field]]:
    for name in image.get_fields():
        comment = name.startswith("png-comment-")
        if not (name in _BLOBS or name in _TEXTS or comment or name.startswith("exif-")):
            continue
        if _STALE_EXIF.fullmatch(name) or (comment and name.endswith("XML:com.adobe.xmp")):
            continue
        value = image.get(name)
        if isinstance(value, bytes | bytearray | memoryview):
            value = bytes(value)
            if name == "xmp-data":
                value = clean_xmp(value)
            elif name == "exif-data":
                value = clean_exif(value)
            elif name in ("iptc-data", "photoshop-data"):
                value = clean_photoshop(value)
        if isinstance(value, bytes | str | int | float) and value not in (b"", ""):
            yield name, value


def restore(image: Any, traits: Traits) -> Any:
    """A copy of ``image`` with the metadata and resolution of ``traits``.

    libvips writes the EXIF block anew on saving: without the fields missing here, with the new dimensions.
    """
    if traits.resolution is not None:
        image = image.copy(xres=traits.resolution[0], yres=traits.resolution[1])
    else:
        image = image.copy()
    for name, value in traits.metadata:
        set_field(image, name, value)
    # Without it libvips leaves the tag of the old block standing.
    set_field(image, "orientation", 1)
    return image


def clean_exif(block: bytes) -> bytes:
    """An EXIF block whose first directory leads to no second one, which holds the thumbnail."""
    start = 6 if block.startswith(b"Exif\0\0") else 0
    order: Literal["little", "big"] = "little" if block[start : start + 2] == b"II" else "big"
    directory = start + int.from_bytes(block[start + 4 : start + 8], order)
    link = directory + 2 + 12 * int.from_bytes(block[directory : directory + 2], order)
    return block if link + 4 > len(block) else block[:link] + bytes(4) + block[link + 4 :]


def clean_xmp(packet: bytes) -> bytes:
    """An XMP packet that claims no rotation, no old dimensions, no thumbnail and no gain map."""
    for pattern, replacement in _XMP_RULES:
        packet = pattern.sub(replacement, packet)
    return packet


def clean_photoshop(block: bytes) -> bytes:
    """Photoshop image resources without the thumbnail; a block of another kind as it is."""
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

"""Quantisation tables and chroma subsampling of JPEG files, from their headers. Loads neither torch nor libvips."""

import os
from dataclasses import dataclass
from pathlib import Path

from wildsr.image.errors import ImageError
from wildsr.ops.jpeg_tables import CHROMA, LUMA

_MOST_HEADER = 32 << 20
_FRAMES = (0xC0, 0xC1, 0xC2)
_ZIGZAG = (
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5,
    12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
    35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
    58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
)  # fmt: skip


@dataclass(frozen=True)
class JpegFacts:
    """How a JPEG file was compressed.

    Attributes:
        luma, chroma: quantisation tables, 64 steps row by row; ``chroma`` equals ``luma`` in a grey file.
        subsampling: "4:4:4", "4:2:2" or "4:2:0"; "other" for anything else.
        quality: libjpeg's quality, 1 to 100, whose luma table is nearest.
        standard: whether both tables are exactly those of libjpeg for that quality.
    """

    luma: tuple[int, ...]
    chroma: tuple[int, ...]
    subsampling: str
    quality: int
    standard: bool


def read_jpeg_facts(path: str | os.PathLike[str]) -> JpegFacts:
    """Read the tables of a JPEG file.

    Raises:
        ImageError: the file cannot be read, or its header is damaged.
    """
    try:
        with Path(path).open("rb") as file:
            return jpeg_facts(file.read(_MOST_HEADER))
    except OSError as error:
        raise ImageError(f"{path} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:
        raise ImageError(f"{path} is a damaged JPEG file: {error}.") from error


def jpeg_facts(content: bytes) -> JpegFacts:
    """The facts of a JPEG file with this ``content``; the compressed pixels need not be complete.

    Raises:
        ValueError: the header is damaged, or is not that of a JPEG file.
    """
    tables: dict[int, tuple[int, ...]] = {}
    components: list[tuple[int, int, int]] = []
    for marker, segment in _segments(content):
        if marker == 0xDB:
            tables |= _tables(segment)
        elif marker in _FRAMES:
            if len(segment) < 6 or len(segment) < 6 + 3 * segment[5]:
                raise ValueError("its frame header is cut off")
            starts = range(6, 6 + 3 * segment[5], 3)
            components = [(segment[at + 1] >> 4, segment[at + 1] & 15, segment[at + 2]) for at in starts]
    if not components or any(table not in tables for *_, table in components):
        raise ValueError("its quantisation tables are missing")
    luma = tables[components[0][2]]
    chroma = tables[components[1][2]] if len(components) > 1 else luma
    quality = nearest_quality(luma)
    exact = standard_tables(quality)
    standard = luma == exact[0] and (len(components) == 1 or chroma == exact[1])
    return JpegFacts(luma, chroma, _subsampling(components), quality, standard)


def standard_tables(quality: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """libjpeg's luma and chroma tables for a ``quality`` of 1 to 100, row by row."""
    factor = 5000 // quality if quality < 50 else 200 - 2 * quality
    luma, chroma = (
        tuple(min(max((step * factor + 50) // 100, 1), 255) for step in table) for table in (LUMA, CHROMA)
    )
    return luma, chroma


def nearest_quality(luma: tuple[int, ...]) -> int:
    """libjpeg's quality whose luma table is nearest to this one."""

    def distance(quality: int) -> int:
        return sum(abs(a - b) for a, b in zip(standard_tables(quality)[0], luma, strict=True))

    return min(range(1, 101), key=distance)


def _segments(content: bytes) -> list[tuple[int, bytes]]:
    """Markers and contents of the segments before the compressed pixels."""
    if content[:2] != b"\xff\xd8":
        raise ValueError("it does not begin as one")
    found, at = [], 2
    while at + 4 <= len(content):
        if content[at] != 0xFF:
            raise ValueError("a segment is not where it should be")
        marker = content[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        length = int.from_bytes(content[at + 2 : at + 4], "big")
        if marker == 0xDA or length < 2:
            break
        if marker == 0xDB or marker in _FRAMES:
            found.append((marker, content[at + 4 : at + 2 + length]))
        at += 2 + length
    return found


def _tables(segment: bytes) -> dict[int, tuple[int, ...]]:
    found: dict[int, tuple[int, ...]] = {}
    at = 0
    while at < len(segment):
        width = 2 if segment[at] >> 4 else 1
        values = segment[at + 1 : at + 1 + 64 * width]
        if len(values) < 64 * width:
            raise ValueError("a quantisation table is cut off")
        steps = [0] * 64
        for index, place in enumerate(_ZIGZAG):
            steps[place] = int.from_bytes(values[index * width : (index + 1) * width], "big")
        if min(steps) < 1:
            raise ValueError("a quantisation table contains a zero")
        found[segment[at] & 15] = tuple(steps)
        at += 1 + 64 * width
    return found


def _subsampling(components: list[tuple[int, int, int]]) -> str:
    if len(components) == 1:
        return "4:4:4"
    across, down = components[0][:2]
    if any(one[:2] != (1, 1) for one in components[1:]):
        return "4:4:4" if all(one[:2] == (across, down) for one in components) else "other"
    return {(1, 1): "4:4:4", (2, 1): "4:2:2", (2, 2): "4:2:0"}.get((across, down), "other")

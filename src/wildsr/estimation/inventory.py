"""Inventory of a folder of photos: cameras, sizes, compression, duplicates, and files that cannot be used."""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import torch.nn.functional as F
from torch import Tensor

from wildsr.errors import UsageError
from wildsr.estimation.errors import NoImages
from wildsr.estimation.sources import Source, files_in
from wildsr.image.errors import ImageError, ImageTooLarge
from wildsr.image.formats import RAW_SUFFIXES, READABLE_SUFFIXES, Depth, Size
from wildsr.image.jpeg_facts import JpegFacts, read_jpeg_facts
from wildsr.image.photo_facts import read_photo_facts
from wildsr.image.reader import read_windows
from wildsr.storage.digest import sha256_of

UNKNOWN = "unknown camera"
LEAST_SIDE = 64
"""Photos with a shorter side are not used."""
MOST_PIXELS = 120_000_000
"""Larger photos are not used: decoding one takes more than a gigabyte."""
_VIDEOS = frozenset(
    (".3gp", ".avi", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".webm", ".wmv")
)
_LEAST_CONTRAST = 6  # levels
_RUN = 8
_MOST_EVEN = 0.6
_SCREENSHOT_NAMES = ("screenshot", "screen shot", "screen_shot", "bildschirmfoto")


@dataclass(frozen=True)
class Photo:
    """A photo file.

    Attributes:
        path: of the file.
        name: as of :class:`wildsr.estimation.sources.Source`.
        size: width and height with the orientation applied; None if the file cannot be read.
        format: name in ``image.formats.FORMATS``, by content; "" if the file cannot be read.
        depth: sample type.
        make, model: of the camera, as in the EXIF data; "" if they are missing.
        iso: sensitivity; None if it is missing.
        jpeg: how it was compressed; None if it is no JPEG file.
        digest: SHA-256 of the file.
        problem: why it is not used; "" if it is.
    """

    path: Path
    name: str
    size: Size | None = None
    format: str = ""
    depth: Depth = "uint8"
    make: str = ""
    model: str = ""
    iso: int | None = None
    jpeg: JpegFacts | None = None
    digest: str = ""
    problem: str = ""

    @property
    def camera(self) -> str:
        """Make and model, the make once; or ``unknown camera``."""
        model = self.model
        if self.make and not model.lower().startswith(self.make.lower()):
            model = f"{self.make} {model}"
        return model.strip() or UNKNOWN

    @property
    def usable(self) -> bool:
        """Whether it has no problem."""
        return not self.problem


@dataclass(frozen=True)
class Inventory:
    """The photos in some folders in the order of their names, and other files with the reasons they are not used."""

    photos: tuple[Photo, ...]
    others: tuple[tuple[str, str], ...] = ()

    @cached_property
    def usable(self) -> tuple[Photo, ...]:
        """The photos without problems."""
        return tuple(photo for photo in self.photos if photo.usable)

    @cached_property
    def cameras(self) -> dict[str, int]:
        """Number of usable photos of each camera, the largest first."""
        return dict(Counter(photo.camera for photo in self.usable).most_common())

    @cached_property
    def problems(self) -> list[tuple[str, str]]:
        """Names of files that are not used, and why."""
        return [(photo.name, photo.problem) for photo in self.photos if photo.problem] + list(self.others)

    def split(self, share: float = 0.2) -> tuple[tuple[Photo, ...], tuple[Photo, ...]]:
        """Usable photos for training, and those held out: a ``share`` of them, at least one of two or more.

        Which are held out follows from a hash of their names, so that it does not depend on the order of files.
        """
        ranked = sorted(self.usable, key=lambda photo: hashlib.sha256(_bytes(photo.name)).digest())
        count = min(max(round(share * len(ranked)), int(share > 0)), max(len(ranked) - 1, 0))
        held_out = {photo.name for photo in ranked[:count]}
        return (
            tuple(photo for photo in self.usable if photo.name not in held_out),
            tuple(photo for photo in self.usable if photo.name in held_out),
        )


def take_inventory(
    places: Sequence[Path],
    *,
    only: str | None = None,
    on_photo: Callable[[int, int], None] | None = None,
) -> Inventory:
    """Look at all photos in folders and the folders below them, or at single files.

    Reads headers, EXIF data and digests, and looks at parts of each photo. A file that cannot be used is
    listed with the reason, and the others are used: it is unreadable, too small or too large, black or all of one
    colour, a screenshot, or has the same content as another.

    Args:
        places: folders, or files.
        only: use only photos of this camera, "make model" as in :attr:`Photo.camera`, upper or lower case.
        on_photo: called with the number of photos done, and of all.

    Raises:
        NoImages: a place does not exist or cannot be read, or there is no photo at all.
        UsageError: no photo is of the camera ``only``; the message names those that there are.
    """
    found, others = _files(places)
    if not found:
        where = ", ".join(str(place) for place in places)
        raise NoImages(f"{where} holds no photo; give a folder with JPEG, PNG, WebP, HEIC or TIFF files")
    photos: list[Photo] = []
    known: dict[str, str] = {}
    for index, source in enumerate(found, 1):
        photo = _looked_at(source.path, source.name)
        if photo.usable and photo.digest in known:
            photo = replace(photo, problem=f"the same as {known[photo.digest]}")
        known.setdefault(photo.digest, photo.name)
        photos.append(photo)
        if on_photo is not None:
            on_photo(index, len(found))
    if only is None:
        return Inventory(tuple(photos), others)
    cameras = Inventory(tuple(photos)).cameras
    if only.strip().lower() not in (camera.lower() for camera in cameras):
        there = ", ".join(f"'{camera}'" for camera in cameras) or "none"
        raise UsageError(f"no usable photo was taken with '{only}'; there are photos of: {there}")
    return Inventory(tuple(_of_camera(photo, only.strip().lower()) for photo in photos), others)


def _files(places: Sequence[Path]) -> tuple[list[Source], tuple[tuple[str, str], ...]]:
    """Photo files, and other files that a user may have taken for photos."""
    photos: list[Source] = []
    others: list[tuple[str, str]] = []
    for source in files_in(places, READABLE_SUFFIXES | RAW_SUFFIXES | _VIDEOS):
        suffix = source.path.suffix.lower()
        if suffix in _VIDEOS:
            others.append((source.name, "a video; only photos are used"))
        elif suffix in RAW_SUFFIXES:
            others.append((source.name, "a raw file; develop it first, and give the JPEG or TIFF"))
        else:
            photos.append(source)
    return photos, tuple(others)


def _looked_at(path: Path, name: str) -> Photo:
    photo = Photo(path, name)
    try:
        facts = read_photo_facts(path)
        jpeg = read_jpeg_facts(path) if facts.format == "jpeg" else None
        photo = Photo(
            path,
            name,
            facts.size,
            facts.format,
            facts.depth,
            facts.make,
            facts.model,
            facts.iso,
            jpeg,
            sha256_of(path),
        )
        return replace(photo, problem=_problem(photo, facts.software))
    except ImageTooLarge as error:
        return replace(photo, problem=f"too large: {error}")
    except ImageError as error:
        return replace(photo, problem=f"unreadable: {error}")
    except OSError as error:
        return replace(photo, problem=f"unreadable: {error.strerror or error}")


def _problem(photo: Photo, software: str) -> str:
    """Why a photo cannot be used; "" if it can."""
    size = photo.size
    if size is None or min(size) < LEAST_SIDE:
        return f"too small: {size} pixels, and at least {LEAST_SIDE} are needed on both sides"
    if size.width * size.height > MOST_PIXELS:
        return f"too large: {size} pixels are more than {MOST_PIXELS // 10**6} million; downscale it first"
    named = photo.path.name.lower().startswith(_SCREENSHOT_NAMES) or "screenshot" in software.lower()
    if named and not photo.make:
        return "a screenshot, by its name"
    windows = read_windows(photo.path, side=256)
    if all(_contrast(window) < _LEAST_CONTRAST for window in windows):
        return "black" if int(windows[0].max()) < _LEAST_CONTRAST else "of a single colour"
    if photo.format != "jpeg" and not photo.make and min(map(_even_share, windows)) > _MOST_EVEN:
        return "a screenshot or graphic: most of it is perfectly even"
    return ""


def _contrast(levels: Tensor) -> int:
    """Largest difference of levels (3, H, W) within a channel."""
    return int((levels.amax((1, 2)).int() - levels.amin((1, 2)).int()).max())


def _even_share(levels: Tensor) -> float:
    """Share of pixels of (3, H, W) that equal the 8 pixels to their right, in all channels."""
    same = (levels[:, :, 1:] == levels[:, :, :-1]).all(0).float()
    return float((F.avg_pool1d(same, min(_RUN, same.shape[-1]), stride=1) == 1).float().mean())


def _of_camera(photo: Photo, only: str) -> Photo:
    if photo.usable and photo.camera.lower() != only:
        return replace(photo, problem=f"taken with another camera, {photo.camera}")
    return photo


def _bytes(name: str) -> bytes:
    return os.fsencode(name)

"""The images in folders, by name. Loads no torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wildsr.estimation.errors import NoImages
from wildsr.image.formats import READABLE_SUFFIXES
from wildsr.storage.walk import files_below


@dataclass(frozen=True)
class Source:
    """An image file.

    Attributes:
        path: of the file.
        name: the path within its folder, behind the folder's own name where there are several folders.
        inner: the path within its folder, which together with a seed decides what is sampled for it.
    """

    path: Path
    name: str
    inner: str


def find_sources(places: Sequence[Path]) -> list[Source]:
    """Images in folders, and all folders below them, by suffix and in the order of their names; or single files.

    Hidden files and folders are left out. An image that is reached twice comes once.

    Raises:
        NoImages: a place does not exist or cannot be read, or there is no image at all.
    """
    found: dict[Path, Source] = {}
    for place in places:
        prefix = f"{place.resolve().name}/" if len(places) > 1 else ""
        if place.is_file():
            found.setdefault(place.resolve(), Source(place, place.name, place.name))
            continue
        if not place.is_dir():
            raise NoImages(f"{place} does not exist; give the folder that holds the images")
        for path in _walk(place):
            inner = path.relative_to(place).as_posix()
            found.setdefault(path.resolve(), Source(path, prefix + inner, inner))
    if not found:
        where = ", ".join(str(place) for place in places)
        raise NoImages(f"{where} holds no image; give a folder with JPEG, PNG, WebP or TIFF files")
    return list(found.values())


def evenly(sources: Sequence[Source], most: int | None) -> list[Source]:
    """At most that many of them, evenly chosen; None: all."""
    if most is None or len(sources) <= most:
        return list(sources)
    return [sources[index * len(sources) // most] for index in range(most)]


def _walk(root: Path) -> list[Path]:
    def fail(error: OSError) -> None:
        raise NoImages(f"{error.filename or root} cannot be read: {error.strerror or error}") from error

    return list(files_below(root, READABLE_SUFFIXES, on_error=fail))

"""The images in folders, by name. Loads no torch."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from wildsr.estimation.errors import NoImages
from wildsr.image.formats import READABLE_SUFFIXES
from wildsr.storage.walk import files_below


@dataclass(frozen=True)
class Source:
    """An image file.

    Attributes:
        path: of the file.
        name: the path within its folder; where there are several folders, behind the folder's own name, and behind
            those of the folders above where several have that name. No other image has it.
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
    found = list(files_in(places, READABLE_SUFFIXES))
    if not found:
        where = ", ".join(str(place) for place in places)
        raise NoImages(f"{where} holds no image; give a folder with JPEG, PNG, WebP or TIFF files")
    return found


def files_in(places: Sequence[Path], suffixes: Collection[str]) -> Iterator[Source]:
    """The files with ``suffixes`` in folders, and single files with any suffix, as :func:`find_sources`.

    Raises:
        NoImages: a place does not exist or cannot be read.
    """
    seen: set[Path] = set()
    labels = _labels([_home(place) for place in places])
    for place in places:
        label = labels[_home(place)]
        if place.is_file():
            inside: Iterable[tuple[Path, str, str]] = [(place, label, place.name)]
        elif place.is_dir():
            inside = _inside(place, label if len(places) > 1 else "", suffixes)
        else:
            raise NoImages(f"{place} does not exist; give the folder that holds the images")
        for path, name, inner in inside:
            target = path.resolve()
            if target not in seen:
                seen.add(target)
                yield Source(path, name, inner)


def _inside(folder: Path, label: str, suffixes: Collection[str]) -> Iterator[tuple[Path, str, str]]:
    def fail(error: OSError) -> None:
        raise NoImages(f"{error.filename or folder} cannot be read: {error.strerror or error}") from error

    for path in files_below(folder, suffixes, on_error=fail):
        inner = path.relative_to(folder).as_posix()
        yield path, PurePosixPath(label, inner).as_posix(), inner


def _home(place: Path) -> Path:
    """The absolute path of a folder, or of a file with its own name if it is a link."""
    return place.resolve() if place.is_dir() else place.parent.resolve() / place.name


def _labels(homes: Sequence[Path]) -> dict[Path, str]:
    """The last names of each path, as many as it takes until none of these labels equals or begins another."""
    # The letter of a drive counts; slashes and the colon cannot be in names of outputs.
    parts = {home: [one for one in (home.anchor.strip("\\/:"), *home.parts[1:]) if one] for home in homes}
    for length in range(1, max([1, *map(len, parts.values())]) + 1):
        labels = {home: tuple(one[-length:]) for home, one in parts.items()}
        taken = set(labels.values())
        begun = any(label[:count] in taken for label in taken for count in range(len(label)))
        if len(taken) == len(labels) and not begun:
            break
    return {home: "/".join(label) for home, label in labels.items()}

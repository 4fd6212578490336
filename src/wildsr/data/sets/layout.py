"""Arranges a data set by links into the folders that recipes and benchmarks read."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from wildsr.data.catalogue.published_set import PublishedSet
from wildsr.data.errors import DataUsageError
from wildsr.data.sets.groups import find_groups

SETS = "sets"
"""Folder for single data sets; classic test images go to ``testsets`` next to it."""


@dataclass(frozen=True)
class Arranged:
    """The folders with the number of images in each, and how files were linked."""

    folders: dict[Path, int]
    linked: str


def layout_folder(published: PublishedSet, group: str) -> Path:
    """The path of a group within the folder of ``wildsr data layout --output`` and ``wildsr benchmark --data``."""
    return Path(group) if group.startswith("testsets/") else Path(SETS, published.name, group)


def lay_out(published: PublishedSet, folder: Path, output: Path) -> Arranged:
    """Link the images of a data set in ``folder`` into ``output``, each group into its folder, pairs under equal names.

    Existing links are kept; broken ones are replaced. Links are symbolic; where the system refuses these, hard links or
    copies are made.

    Raises:
        DataError: ``folder`` has none of its images, two images of a group have the same name, or a path in ``output``
            is taken by another file.
        OSError: ``output`` cannot be written.
    """
    found = {name: group for name, group in find_groups(published, folder).items() if group.images}
    if not found:
        raise DataUsageError(
            f"{folder} holds no image that is named as those of '{published.name}' are; `wildsr data show "
            f"{published.name}` says what is expected"
        )
    for name, group in found.items():
        if group.twice:
            raise DataUsageError(
                f"{group.twice[0]} has the name of another image of {name}; give the folder of one copy of the data set"
            )
    folders: dict[Path, int] = {}
    ways = set()
    for name, group in found.items():
        place = output / layout_folder(published, name)
        place.mkdir(parents=True, exist_ok=True)
        for stem, image in group.images.items():
            ways.add(_link(image.resolve(), place / f"{stem}{image.suffix.lower()}"))
        folders[place] = len(group.images)
    return Arranged(folders, ", ".join(sorted(ways - {""})) or "there already")


def _link(image: Path, place: Path) -> str:
    """Link ``image`` at ``place``; returns how, or "" if it exists already."""
    if place.exists():
        if place.samefile(image) or _is_copy(image, place):
            return ""
        raise DataUsageError(f"{place} is another file than {image}; remove it or choose another --output")
    place.unlink(missing_ok=True)  # a broken link
    try:
        place.symlink_to(image)
    except (OSError, NotImplementedError):
        try:
            os.link(image, place)
        except OSError:
            shutil.copyfile(image, place)
            return "copied"
        return "hard links"
    return "symbolic links"


def _is_copy(image: Path, place: Path) -> bool:
    return place.stat().st_size == image.stat().st_size and place.read_bytes() == image.read_bytes()

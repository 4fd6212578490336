"""Finds the images of a published data set in a folder, at any level of subfolders."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from wildsr.data.catalogue.published_set import ImageGroup, PublishedSet
from wildsr.data.errors import DataError, DataUsageError
from wildsr.image.formats import READABLE_SUFFIXES
from wildsr.storage.walk import files_below


@dataclass(frozen=True)
class FoundGroup:
    """A group of a data set and its images by name; ``twice`` lists images with duplicate names."""

    group: ImageGroup
    images: dict[str, Path]
    twice: tuple[Path, ...] = ()


def find_groups(published: PublishedSet, folder: Path) -> dict[str, FoundGroup]:
    """The groups of a data set in ``folder`` by their folder names; empty ones included.

    Raises:
        DataError: there is no such folder, or it cannot be read.
    """
    if not folder.is_dir():
        raise DataUsageError(
            f"there is no folder {folder}; get the data with `wildsr data pull {published.name}`"
        )
    # The name of the folder itself may be that of the data set.
    try:
        places = [(f"{folder.resolve().name}/{place}", folder / place) for place in _images(folder)]
    except OSError as error:
        raise DataError(f"{error.filename or folder} cannot be read: {error.strerror or error}") from error
    found = {}
    for group in published.groups:
        pattern = re.compile(group.match, re.IGNORECASE)
        images: dict[str, Path] = {}
        twice = []
        for place, path in places:
            match = pattern.fullmatch(place)
            if match is None:
                continue
            if match["name"] in images:
                twice.append(path)
            else:
                images[match["name"]] = path
        found[group.folder] = FoundGroup(group, images, tuple(twice))
    return found


def _images(folder: Path) -> Iterator[str]:
    """The paths of all images below ``folder``, with ``/``, sorted; hidden folders are left out."""
    found = files_below(folder, READABLE_SUFFIXES, follow_links=True)
    return iter(sorted(path.relative_to(folder).as_posix() for path in found))

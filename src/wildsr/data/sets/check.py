"""Checks a published data set in a folder: counts, damaged images, and the sizes and names of pairs."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from wildsr.data.catalogue.published_set import PairedGroups, PublishedSet
from wildsr.data.sets.groups import FoundGroup, find_groups
from wildsr.image import ImageError, Size, probe, read_levels
from wildsr.storage.cores import usable_cores

OnChecked = Callable[[int, int], None]
"""Called with (images checked, images in all)."""


@dataclass
class Checked:
    """The result of a check.

    Attributes:
        counts: images by group.
        expected: published counts by group, if known.
        problems: messages for the user; empty if there are none.
    """

    counts: dict[str, int]
    expected: dict[str, int | None]
    problems: list[str] = field(default_factory=list)


def check_set(
    published: PublishedSet, folder: Path, *, headers_only: bool = False, on_checked: OnChecked | None = None
) -> Checked:
    """Check a data set in ``folder``.

    Args:
        published: the data set.
        folder: contains it, at any level above its images.
        headers_only: read sizes only, not the pixels; truncated images are then not found.
        on_checked: progress.

    Raises:
        DataError: there is no such folder.
    """
    found = find_groups(published, folder)
    result = Checked(
        {name: len(group.images) for name, group in found.items()},
        {name: group.group.images for name, group in found.items()},
    )
    if not any(result.counts.values()):
        result.problems.append(f"{folder} holds no image that is named as those of '{published.name}' are")
        return result
    sizes = _sizes(found, headers_only, on_checked, result.problems)
    for name, group in found.items():
        _count(name, group, result.problems)
    for pair in published.pairs:
        _compare(pair, found, sizes, result.problems)
    return result


def _count(name: str, found: FoundGroup, problems: list[str]) -> None:
    count, known = len(found.images), found.group.images
    for path in found.twice:
        problems.append(f"{name}: {path} has the name of another image of the group")
    if not count and not found.group.optional:
        problems.append(f"{name}: no image is there ({found.group.about})")
    elif count and known is not None and count != known:
        problems.append(f"{name}: {count} images are there, {known} were published")


def _sizes(
    found: dict[str, FoundGroup], headers_only: bool, on_checked: OnChecked | None, problems: list[str]
) -> dict[Path, Size]:
    """Sizes of all readable images; the others are added to the problems."""
    paths = list(dict.fromkeys(path for group in found.values() for path in group.images.values()))
    sizes: dict[Path, Size] = {}

    def look(path: Path) -> Size | str:
        try:
            size = probe(path)
            if not headers_only:
                read_levels(path)
        except (ImageError, OSError) as error:
            return str(error) if str(path) in str(error) else f"{path}: {error}"
        return size

    with ThreadPoolExecutor(usable_cores()) as pool:
        for done, (path, size) in enumerate(zip(paths, pool.map(look, paths), strict=True), 1):
            if isinstance(size, str):
                problems.append(size)
            else:
                sizes[path] = size
            if on_checked is not None:
                on_checked(done, len(paths))
    return sizes


def _compare(
    pair: PairedGroups, found: dict[str, FoundGroup], sizes: dict[Path, Size], problems: list[str]
) -> None:
    lrs, hrs = found[pair.lr].images, found[pair.hr].images
    if not lrs or not hrs:
        return
    for name in sorted(lrs.keys() ^ hrs.keys()):
        side, other = (pair.lr, pair.hr) if name in lrs else (pair.hr, pair.lr)
        problems.append(f"{side}: '{name}' has no partner in {other}")
    for name in sorted(lrs.keys() & hrs.keys()):
        lr, hr = sizes.get(lrs[name]), sizes.get(hrs[name])
        if lr is None or hr is None:
            continue
        # HR is often not a multiple of the scale.
        if (hr.width // pair.scale, hr.height // pair.scale) != tuple(lr):
            problems.append(f"{lrs[name]} is {lr} and {hrs[name]} is {hr}, which is not x{pair.scale}")

"""Matches files by name, never by their order."""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath, PurePosixPath
from typing import Generic, TypeVar

Named = TypeVar("Named")

# Labels that programs append to image names: _x4, x4 behind a digit, _SR, -HR, _out, _LR4, _SRF_4 ...
_LABEL = re.compile(
    r"(?:(?<=\d)x\d{1,2}|[ _.-]+(?:x\d{1,2}|\d{1,2}x|(?:lr|hr|sr|gt)(?:x?\d{1,2})?|srf[ _.-]?\d{1,2}|"
    r"out|output|fake|real|rlt|results?|upscaled|bicubic))$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Partners(Generic[Named]):
    """The result of matching two sides.

    Attributes:
        pairs: one item of the first and one of the second side each.
        only_first, only_second: items without a partner, including ambiguous ones.
        ambiguous: items of both sides that might match, more than one on at least one side; not paired.
    """

    pairs: tuple[tuple[Named, Named], ...]
    only_first: tuple[Named, ...]
    only_second: tuple[Named, ...]
    ambiguous: tuple[tuple[tuple[Named, ...], tuple[Named, ...]], ...]


def without_suffix(place: PurePath) -> str:
    """The path of an image within its folder without suffix, with ``/`` on every system."""
    return place.with_suffix("").as_posix()


def partners(first: Mapping[Named, str], second: Mapping[Named, str]) -> Partners[Named]:
    """Pair two sides by the names of their items, which are paths without suffix.

    Equal names match. The rest is compared again without labels such as ``_x4``, ``_SR`` or ``_HR`` at the end and
    without regard to case, and paired if exactly one item of each side matches.
    """
    pairs: list[tuple[Named, Named]] = []
    ambiguous: list[tuple[tuple[Named, ...], tuple[Named, ...]]] = []
    left = (dict(first), dict(second))
    for plain in (False, True):
        groups: dict[str, tuple[list[Named], list[Named]]] = defaultdict(lambda: ([], []))
        for side, items in enumerate(left):
            for item, name in items.items():
                groups[_plain(name) if plain else name][side].append(item)
        for ours, theirs in groups.values():
            if len(ours) == len(theirs) == 1:
                pairs.append((ours[0], theirs[0]))
                del left[0][ours[0]], left[1][theirs[0]]
            elif plain and ours and theirs:
                ambiguous.append((tuple(ours), tuple(theirs)))
    return Partners(tuple(pairs), tuple(left[0]), tuple(left[1]), tuple(ambiguous))


def _plain(name: str) -> str:
    """A name without the labels at its end, unless nothing would be left."""
    place, stem = PurePosixPath(name).parent, PurePosixPath(name).name
    while (shorter := _LABEL.sub("", stem)) != stem and shorter:
        stem = shorter
    return (place / stem).as_posix().lower()

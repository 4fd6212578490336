"""Which result belongs to which truth: by name, never by the order of files."""

import os
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from wildsr.image.formats import READABLE_SUFFIXES

# What programs append to the name of a picture: _x4, x4 behind a digit, _SR, -HR, _out, _LR4, _SRF_4 ...
_LABEL = re.compile(
    r"(?:(?<=\d)x\d{1,2}|[ _.-]+(?:x\d{1,2}|\d{1,2}x|(?:lr|hr|sr|gt)(?:x?\d{1,2})?|srf[ _.-]?\d{1,2}|"
    r"out|output|fake|real|rlt|results?|upscaled|bicubic))$",
    re.IGNORECASE,
)


class PairingError(ValueError):
    """Nothing can be compared; the message says what was looked for."""


@dataclass(frozen=True)
class Pair:
    """Two files of one picture, under the name that both share."""

    name: str
    first: Path
    second: Path


@dataclass(frozen=True)
class Pairing:
    """What belongs together, and what was left over.

    Attributes:
        pairs: in the order of their names.
        only_first, only_second: files without a partner.
        ambiguous: what might belong to several, a sentence each; not paired.
    """

    pairs: tuple[Pair, ...]
    only_first: tuple[Path, ...]
    only_second: tuple[Path, ...]
    ambiguous: tuple[str, ...]

    def mismatches(self) -> dict[str, list[str]]:
        """What was not paired, as data; empty when all was."""
        found = {
            "without_truth": [str(path) for path in self.only_first],
            "without_result": [str(path) for path in self.only_second],
            "ambiguous": list(self.ambiguous),
        }
        return {kind: items for kind, items in found.items() if items}


def pictures_in(folder: Path) -> list[Path]:
    """The pictures in a folder and its subfolders, in the order of their names; hidden ones are left out.

    Raises:
        PairingError: there is no such folder, or no picture in it.
    """
    if not folder.is_dir():
        raise PairingError(f"there is no folder {folder}")
    found = []
    for place, subfolders, files in os.walk(folder):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        found += [
            Path(place) / name
            for name in sorted(files)
            if not name.startswith(".") and Path(name).suffix.lower() in READABLE_SUFFIXES
        ]
    if not found:
        raise PairingError(f"there is no picture in {folder}")
    return sorted(found, key=lambda path: name_of(path, folder))


def name_of(path: Path, folder: Path) -> str:
    """The name of a picture in ``folder``: its place without the suffix, with ``/`` on every system."""
    return path.relative_to(folder).with_suffix("").as_posix()


def pair_folders(first: Path, second: Path, suffix: str = "") -> Pairing:
    """Pair the pictures of two folders, results and truths.

    Names without the suffix of the format decide, with the place within the folder. Equal names belong together.
    What is then left over is compared once more without labels such as ``_x4``, ``_SR`` or ``_HR`` at the end, upper
    and lower case alike, and paired where exactly one of each is left. ``suffix`` is cut off the results' names
    first, where they have it.

    Raises:
        PairingError: a folder is missing or empty, or nothing belongs together.
    """
    results, truths = pictures_in(first), pictures_in(second)
    names = {path: name_of(path, first).removesuffix(suffix) for path in results}
    names |= {path: name_of(path, second) for path in truths}
    pairing = _pair(results, truths, names)
    if not pairing.pairs:
        raise PairingError(
            f"no picture in {first} has the name of one in {second}: the first are '{names[results[0]]}' and "
            f"'{names[truths[0]]}'. Give the results the names of the originals, or say with --suffix what was "
            "added to them"
        )
    return pairing


def _pair(results: Sequence[Path], truths: Sequence[Path], names: dict[Path, str]) -> Pairing:
    pairs: list[Pair] = []
    ambiguous: list[str] = []
    for plain in (False, True):
        groups: dict[str, tuple[list[Path], list[Path]]] = defaultdict(lambda: ([], []))
        taken = {path for pair in pairs for path in (pair.first, pair.second)}
        for side, paths in enumerate((results, truths)):
            for path in paths:
                if path not in taken:
                    groups[_plain(names[path]) if plain else names[path]][side].append(path)
        for ours, theirs in groups.values():
            if len(ours) == len(theirs) == 1:
                pairs.append(Pair(names[theirs[0]], ours[0], theirs[0]))
            elif plain and ours and theirs:
                listed = [", ".join(str(path) for path in side) for side in (ours, theirs)]
                ambiguous.append(f"{listed[0]} might belong to {listed[1]}")
    taken = {path for pair in pairs for path in (pair.first, pair.second)}
    left = [tuple(path for path in paths if path not in taken) for paths in (results, truths)]
    return Pairing(tuple(sorted(pairs, key=lambda pair: pair.name)), left[0], left[1], tuple(ambiguous))


def _plain(name: str) -> str:
    """A name without the labels at its end, which must leave something."""
    place, stem = PurePosixPath(name).parent, PurePosixPath(name).name
    while (shorter := _LABEL.sub("", stem)) != stem and shorter:
        stem = shorter
    return (place / stem).as_posix().lower()

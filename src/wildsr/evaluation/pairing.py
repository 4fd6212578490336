"""Pairing of results and references by name."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from wildsr.data.names import partners, without_suffix
from wildsr.errors import UsageError
from wildsr.image.formats import READABLE_SUFFIXES
from wildsr.storage.walk import files_below


class PairingError(UsageError, ValueError):
    """No images can be paired; the message says what was searched for."""


@dataclass(frozen=True)
class ImagePair:
    """Two files of one image, and their common name."""

    name: str
    first: Path
    second: Path


@dataclass(frozen=True)
class Pairing:
    """Pairs, and files without a partner.

    Attributes:
        pairs: sorted by name.
        only_first, only_second: files without a partner.
        ambiguous: files with several possible partners, a sentence each; they are not paired.
    """

    pairs: tuple[ImagePair, ...]
    only_first: tuple[Path, ...]
    only_second: tuple[Path, ...]
    ambiguous: tuple[str, ...]

    def mismatches(self) -> dict[str, list[str]]:
        """Files that were not paired, by kind; empty if all were."""
        found = {
            "without_truth": [str(path) for path in self.only_first],
            "without_result": [str(path) for path in self.only_second],
            "ambiguous": list(self.ambiguous),
        }
        return {kind: items for kind, items in found.items() if items}


def images_in(folder: Path) -> list[Path]:
    """The images in a folder and its subfolders, sorted by name; hidden ones are left out.

    Raises:
        PairingError: there is no such folder, it cannot be read, or there is no image in it.
    """
    if not folder.is_dir():
        raise PairingError(f"there is no folder {folder}")
    try:
        found = list(files_below(folder, READABLE_SUFFIXES))
    except OSError as error:
        raise PairingError(f"{error.filename or folder} cannot be read: {error.strerror or error}") from error
    if not found:
        raise PairingError(f"there is no image in {folder}")
    return sorted(found, key=lambda path: name_of(path, folder))


def name_of(path: Path, folder: Path) -> str:
    """The name of an image: its path within ``folder`` without suffix, with ``/`` as separator."""
    return without_suffix(path.relative_to(folder))


def names_in(folder: Path, suffix: str = "") -> dict[Path, str]:
    """The images of :func:`images_in`, each with a name of its own: that of :func:`name_of`, without ``suffix``.

    Where several would have one name, as ``IMG_1.HEIC`` and ``IMG_1.JPG``, these keep all of their paths.

    Raises:
        PairingError: as :func:`images_in`.
    """
    names = {path: name_of(path, folder).removesuffix(suffix) for path in images_in(folder)}
    whole = {path: path.relative_to(folder).as_posix() for path in names}
    often = Counter(names.values())
    found = {path: name if often[name] == 1 else whole[path] for path, name in names.items()}
    return found if len(set(found.values())) == len(found) else whole  # a.jpg, a.png and a.jpg.png


def pair_folders(first: Path, second: Path, suffix: str = "", *, second_suffix: str = "") -> Pairing:
    """Pair the images of two folders, results and truths, by :func:`wildsr.data.names.partners`.

    ``suffix`` is removed from the names of results first, ``second_suffix`` from those of truths.

    Raises:
        PairingError: a folder is missing or empty, or no names match.
    """
    results = {path: name_of(path, first).removesuffix(suffix) for path in images_in(first)}
    truths = {path: name_of(path, second).removesuffix(second_suffix) for path in images_in(second)}
    found = partners(results, truths)
    if not found.pairs:
        raise PairingError(
            f"no image in {first} has the name of one in {second}: the first are '{next(iter(results.values()))}' "
            f"and '{next(iter(truths.values()))}'. Give the results the names of the originals, or name the addition "
            "with --suffix"
        )
    pairs = sorted(
        (ImagePair(truths[theirs], ours, theirs) for ours, theirs in found.pairs), key=lambda pair: pair.name
    )
    ambiguous = (
        " might belong to ".join(", ".join(str(path) for path in side) for side in sides)
        for sides in found.ambiguous
    )
    return Pairing(tuple(pairs), found.only_first, found.only_second, tuple(ambiguous))

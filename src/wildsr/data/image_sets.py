"""Sets of images of folders or stores, by index: found, checked, and kept in memory if they fit."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from wildsr.data.errors import DataError, listed
from wildsr.data.store import Store, is_store
from wildsr.image import ImageError, Size, probe, read_levels
from wildsr.image.formats import READABLE_SUFFIXES
from wildsr.storage.cores import usable_cores
from wildsr.storage.walk import files_below

BAD_SHARE = 0.05
"""A larger share of unreadable images is an error; fewer are skipped and listed."""


class ImageSource(Protocol):
    """A source of images: a folder or a store."""

    @property
    def names(self) -> Sequence[str]:
        """Names of all images, in order."""
        ...

    def size(self, name: str) -> Size:
        """Width and height; raises ``ImageError``."""
        ...

    def read(self, name: str) -> Tensor:
        """The image, uint8 (3, H, W); raises ``ImageError``."""
        ...


@dataclass(frozen=True)
class Folder:
    """The images in a folder and all folders below it, sorted by name."""

    path: Path
    names: tuple[str, ...]

    def size(self, name: str) -> Size:
        """Width and height, from the header."""
        return probe(self.path / name)

    def read(self, name: str) -> Tensor:
        """The image, uint8 (3, H, W)."""
        return read_levels(self.path / name)[0]


class Joined:
    """Several folders or stores as one; names begin with the path of the folder or store."""

    def __init__(self, sources: Mapping[Path, ImageSource]) -> None:
        self._found = {
            f"{path.as_posix()}/{name}": (source, name)
            for path, source in sources.items()
            for name in source.names
        }
        self.names = tuple(self._found)

    def size(self, name: str) -> Size:
        """Width and height."""
        source, inner = self._found[name]
        return source.size(inner)

    def read(self, name: str) -> Tensor:
        """The image, uint8 (3, H, W)."""
        source, inner = self._found[name]
        return source.read(inner)


@dataclass
class ImageSet:
    """Images by index, uint8 (3, H, W).

    Attributes:
        source: where they are read from.
        names: of the images, in order.
        sizes: in the same order.
        unreadable: skipped images, with the reason.
        small: names of images that were skipped because they are too small.
    """

    source: ImageSource
    names: list[str]
    sizes: list[Size]
    unreadable: list[str] = field(default_factory=list)
    small: list[str] = field(default_factory=list)
    _samples: Tensor | None = None
    _starts: list[int] = field(default_factory=list)
    _damaged: dict[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Tensor:
        """Image number ``index``. Raises ``ImageError`` if it cannot be read."""
        if self._samples is None:
            return self.source.read(self.names[index])
        if index in self._damaged:
            raise ImageError(self._damaged[index])
        width, height = self.sizes[index]
        start = self._starts[index]
        return self._samples[start : start + 3 * height * width].view(3, height, width)

    @property
    def bytes(self) -> int:
        """Size of all images in memory, in bytes."""
        return sum(3 * size.width * size.height for size in self.sizes)

    @property
    def kept(self) -> bool:
        """Whether the images are in memory."""
        return self._samples is not None

    def keep(self) -> None:
        """Read all images into memory shared with worker processes; unreadable ones are added to ``unreadable``.

        Raises:
            DataError: more than :data:`BAD_SHARE` of them cannot be read.
        """
        # One tensor for all, since each shared tensor needs an open file in every worker.
        samples: Tensor = torch.empty(self.bytes, dtype=torch.uint8).share_memory_()  # type: ignore[no-untyped-call]
        starts = [0]
        for size in self.sizes:
            starts.append(starts[-1] + 3 * size.width * size.height)

        def read_into(index: int) -> str | None:
            try:
                image = self.source.read(self.names[index])
            except ImageError as error:
                return str(error)
            samples[starts[index] : starts[index + 1]] = image.flatten()
            return None

        with ThreadPoolExecutor(usable_cores()) as pool:
            problems = list(pool.map(read_into, range(len(self))))
        damaged = {index: problem for index, problem in enumerate(problems) if problem is not None}
        total = len(self) + len(self.unreadable)
        self.unreadable += damaged.values()
        require_few(self.unreadable, total)
        self._samples, self._starts, self._damaged = samples, starts, damaged

    def only(self, names: Sequence[str]) -> "ImageSet":
        """A subset in the given order, not in memory yet."""
        size_of = dict(zip(self.names, self.sizes, strict=True))
        return ImageSet(
            self.source, list(names), [size_of[name] for name in names], self.unreadable, self.small
        )


def open_source(path: Path) -> ImageSource:
    """The images of a folder, or of a store made by :func:`wildsr.data.store.write_store`.

    Raises:
        DataError: there is no such folder or store, or it is empty.
    """
    if is_store(path):
        return Store(path)
    if not path.is_dir():
        what = "is neither a folder nor a store of images (.lmdb)" if path.exists() else "does not exist"
        raise DataError(f"{path} {what}; give the folder that holds the images")
    try:
        names = tuple(
            sorted(file.relative_to(path).as_posix() for file in files_below(path, READABLE_SUFFIXES))
        )
    except OSError as error:
        raise DataError(f"{error.filename or path} cannot be read: {error.strerror or error}") from error
    if not names:
        raise DataError(f"{path} holds no image; give a folder with JPEG, PNG, WebP or TIFF files")
    return Folder(path, names)


def find_images(paths: Path | Sequence[Path], least: int) -> ImageSet:
    """The readable images under one or several paths that are at least ``least`` pixels on both sides.

    Only headers are read.

    Raises:
        DataError: there are none, or more than :data:`BAD_SHARE` are unreadable.
    """
    several = (paths,) if isinstance(paths, Path) else tuple(paths)
    source = (
        open_source(several[0])
        if len(several) == 1
        else Joined({path: open_source(path) for path in several})
    )

    def size_of(name: str) -> Size | str:
        try:
            return source.size(name)
        except ImageError as error:
            return str(error)

    with ThreadPoolExecutor(usable_cores()) as pool:
        sizes = dict(zip(source.names, pool.map(size_of, source.names), strict=True))
    unreadable = [found for found in sizes.values() if isinstance(found, str)]
    require_few(unreadable, len(sizes))
    known = {name: size for name, size in sizes.items() if not isinstance(size, str)}
    small = [name for name, size in known.items() if min(size) < least]
    fit = {name: size for name, size in known.items() if min(size) >= least}
    if not fit:
        where = ", ".join(map(str, several))
        raise DataError(
            f"{where}: no image of at least {least}x{least} pixels was found here; the {len(small)} that can be "
            "read are smaller. Use larger images, or make the patches of the recipe smaller"
        )
    return ImageSet(source, list(fit), list(fit.values()), unreadable, small)


def require_few(unreadable: list[str], total: int) -> None:
    """Raise a ``DataError`` if more than :data:`BAD_SHARE` of ``total`` images are ``unreadable``."""
    if len(unreadable) > BAD_SHARE * total:
        raise DataError(
            f"{len(unreadable)} of {total} images cannot be read, more than {BAD_SHARE:.0%}; repair or remove "
            f"them:\n{listed(unreadable)}"
        )

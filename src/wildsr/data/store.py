"""Stores: many small images in one LMDB file, since folders of a million files are slow to list and to read."""

import json
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from torch import Tensor

from wildsr.data.errors import DataError
from wildsr.image import ImageError, Size, probe, read_levels
from wildsr.storage.atomic import replacing
from wildsr.storage.paths import join_untrusted

SUFFIX = ".lmdb"
_FORMAT, _VERSION = "wildsr pictures", 1
_INDEX = b"index"
_FIRST_SIZE = 1 << 28


def require_lmdb() -> Any:
    """The module ``lmdb``, which comes with the extra ``train``.

    Raises:
        DataError: it is not installed.
    """
    try:
        import lmdb
    except ImportError as error:
        raise DataError("for stores of images (.lmdb), run: pip install 'wildsr[train]'") from error
    return lmdb


def is_store(path: Path) -> bool:
    """Whether ``path`` has the suffix of a store."""
    return path.suffix.lower() == SUFFIX


def write_store(path: Path, images: Iterable[tuple[str, bytes]]) -> int:
    """Write named images, each the content of a file, atomically into the store ``path``, replacing an existing one.

    Returns the number of images.

    Raises:
        DataError: a name occurs twice, or ``path`` does not end in ``.lmdb``.
        ImageError: one of them is not an image.
    """
    if not is_store(path):
        raise DataError(f"{path} must end in {SUFFIX}, as stores of images do")
    index: list[tuple[str, int, int]] = []
    seen: set[str] = set()
    with (
        replacing(path) as partial,
        require_lmdb().open(str(partial), subdir=False, lock=False, map_size=_FIRST_SIZE) as environment,
    ):
        for name, content in images:
            if name in seen:
                raise DataError(f"the image {name} occurs twice; names in a store are unique")
            seen.add(name)
            size = probe(name, content)
            _put(environment, _key(len(index)), content)
            index.append((name, size.width, size.height))
        content = json.dumps({"format": _FORMAT, "version": _VERSION, "pictures": index}).encode()
        _put(environment, _INDEX, content)
    return len(index)


def contents(folder: Path, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Files of a folder as arguments of :func:`write_store`."""
    for name in names:
        try:
            path = join_untrusted(folder, name)
        except ValueError as error:
            raise DataError(f"{folder} cannot be packed: {error}") from error
        yield name, path.read_bytes()


class Store:
    """A store for reading. It can be sent to worker processes, each of which opens the file itself.

    Raises:
        DataError: the file is missing or is not a store.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file():
            raise DataError(f"{path} does not exist; `wildsr prepare` writes stores of images")
        content = _read(path, _INDEX)
        try:
            index = json.loads(content or b"")
            if index["format"] != _FORMAT:
                raise ValueError
            version = index["version"]
            images = [(str(name), int(width), int(height)) for name, width, height in index["pictures"]]
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{path} is not a store of images that wildsr wrote; write it again from the images"
            ) from error
        if version != _VERSION:
            raise DataError(
                f"{path} is a store of version {version!r}, this wildsr reads version {_VERSION}; write it "
                "again from the images"
            )
        self.names = [name for name, *_ in images]
        self._places = {
            name: (number, Size(width, height)) for number, (name, width, height) in enumerate(images)
        }

    def size(self, name: str) -> Size:
        """Width and height of an image, from the index of the store."""
        return self._places[name][1]

    def read(self, name: str) -> Tensor:
        """The image, uint8 (3, H, W). Raises ``ImageError`` if it is damaged."""
        label = f"{self.path}:{name}"
        try:
            content = _read(self.path, _key(self._places[name][0]))
        except DataError as error:
            raise ImageError(f"{label} cannot be read: {error}") from error
        if content is None:
            raise ImageError(f"{label} is missing from the store; write it again from the images.")
        return read_levels(label, content=content)[0]


def _key(number: int) -> bytes:
    return b"%010d" % number


def _read(path: Path, key: bytes) -> bytes | None:
    status = path.stat()
    environment = _opened(path, status.st_ino, status.st_mtime_ns, status.st_size)
    try:
        with environment.begin() as transaction:
            content: bytes | None = transaction.get(key)
            return content
    except require_lmdb().Error as error:
        raise _damaged(path, error) from error


@cache
def _opened(path: Path, _inode: int, _changed: int, size: int) -> Any:
    """LMDB requires that a process opens a file only once; a replaced file counts as another one."""
    lmdb = require_lmdb()
    try:
        environment = lmdb.open(str(path), subdir=False, readonly=True, lock=False, readahead=False)
    except lmdb.Error as error:
        raise _damaged(path, error) from error
    # The file is mapped into memory, and reading beyond its end would kill the process.
    if size < (environment.info()["last_pgno"] + 1) * environment.stat()["psize"]:
        environment.close()
        raise _damaged(path, "it is cut off")
    return environment


def _damaged(path: Path, reason: object) -> DataError:
    return DataError(
        f"{path} cannot be read as a store of images ({reason}); copy it again, or write it again from the images"
    )


def _put(environment: Any, key: bytes, content: bytes) -> None:
    while True:
        try:
            with environment.begin(write=True) as transaction:
                transaction.put(key, content)
            return
        except require_lmdb().MapFullError:
            environment.set_mapsize(2 * environment.info()["map_size"])

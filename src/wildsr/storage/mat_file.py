"""Reads MATLAB files (level 5, which MATLAB saves as ``-v6`` and ``-v7``). Loads no torch.

Such files come from strangers, and SciPy's reader trusts the types that they claim: a few changed bytes end the process
with a bus error. Here each size and type is checked against the bytes that are present.
"""

import math
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

_HEADER = 128
_MATRIX, _COMPRESSED = 14, 15
# Data types of elements, and classes of arrays, by their numbers in the file format.
_STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_CELL, _STRUCT = 1, 2
_NUMERIC = {
    6: "f8",
    7: "f4",
    8: "i1",
    9: "u1",
    10: "i2",
    11: "u2",
    12: "i4",
    13: "u4",
    14: "i8",
    15: "u8",
}
_MOST_DIMENSIONS, _MOST_FIELDS, _DEEPEST = 8, 1000, 16
_LEAST_UNPACKED, _LARGEST_RATIO, _MOST_UNPACKED = 64 << 20, 200, 4 << 30


class MatFileError(ValueError):
    """The file is damaged, or not a MATLAB file of this level."""


def read_mat(path: Path) -> dict[str, Array]:
    """The variables of a file, by name.

    Numeric arrays have their own type and shape. Cell arrays are arrays of objects, which are arrays again; structures
    are arrays of dictionaries. Texts, sparse arrays and other classes are left out (in cells and structures: empty).

    Raises:
        MatFileError: the file is not of level 5, is damaged, or unpacks to more than 64 MiB and 200 times its size.
        OSError: it cannot be read.
    """
    content = path.read_bytes()
    order = {b"IM": "<", b"MI": ">"}.get(content[126:128])
    if order is None or len(content) < _HEADER:
        raise MatFileError("not a MATLAB file of version 6 or 7; save it again with: save(..., '-v7')")
    reader = _Reader(order, min(max(_LEAST_UNPACKED, _LARGEST_RATIO * len(content)), _MOST_UNPACKED))
    found: dict[str, Array] = {}
    rest = memoryview(content)[_HEADER:]
    while len(rest):
        kind, data, rest = reader.element(rest)
        if kind == _COMPRESSED:
            kind, data, _ = reader.element(memoryview(reader.unpacked(data)))
        if kind != _MATRIX:
            raise MatFileError(f"a variable of type {kind}")
        name, value = reader.matrix(data, 0)
        if value is not None:
            found[name] = value
    return found


class _Reader:
    """Elements of a file with one byte ``order``; ``budget`` is how many bytes may still be unpacked."""

    def __init__(self, order: str, budget: int) -> None:
        self._order = order
        self._budget = budget

    def unpacked(self, data: memoryview) -> bytes:
        unpacker = zlib.decompressobj()
        try:
            found = unpacker.decompress(data, self._budget + 1)
        except zlib.error as error:
            raise MatFileError(f"a variable that cannot be unpacked: {error}") from error
        self._budget -= len(found)
        if self._budget < 0:
            raise MatFileError("it unpacks to more than such a file should")
        return found

    def element(self, data: memoryview) -> tuple[int, memoryview, memoryview]:
        """Type and content of the first element, and what follows it."""
        if len(data) < 8:
            raise MatFileError("the file is incomplete")
        kind, size = struct.unpack_from(self._order + "2I", data)
        if kind >> 16:  # up to 4 bytes, within the tag
            kind, size, begin, end = kind & 0xFFFF, kind >> 16, 4, 8
            if size > 4:
                raise MatFileError(f"a small element of {size} bytes")
        else:
            begin, end = 8, 8 + size + (-size % 8 if kind != _COMPRESSED else 0)
        if begin + size > len(data):
            raise MatFileError("the file is incomplete")
        return kind, data[begin : begin + size], data[end:]

    def numbers(self, data: memoryview) -> tuple[Array, memoryview]:
        """The numbers of the first element, and what follows it."""
        kind, content, rest = self.element(data)
        if kind not in _STORED:
            raise MatFileError(f"numbers of type {kind}")
        stored = np.dtype(self._order + _STORED[kind])
        if len(content) % stored.itemsize:
            raise MatFileError("the file is incomplete")
        return np.frombuffer(content, stored), rest

    def matrix(self, data: memoryview, depth: int) -> tuple[str, Array | None]:
        """Name and value of an array; None for a class that is left out."""
        if depth > _DEEPEST:
            raise MatFileError(f"arrays within arrays, deeper than {_DEEPEST}")
        if not len(data):
            return "", np.zeros((0, 0))
        flags, rest = self.numbers(data)
        if len(flags) != 2:
            raise MatFileError("an array without its flags")
        kind, imaginary = int(flags[0]) & 0xFF, int(flags[0]) & 0x800
        if kind not in (_CELL, _STRUCT, *_NUMERIC) or imaginary:
            return "", None
        sizes, rest = self.numbers(rest)
        _, name, rest = self.element(rest)
        shape = tuple(int(size) for size in sizes)
        if not 2 <= len(shape) <= _MOST_DIMENSIONS or min(shape) < 0:
            raise MatFileError(f"an array of {len(shape)} dimensions")
        count = math.prod(shape)
        if kind in _NUMERIC:
            values = self._converted(rest, kind, count)
        else:
            values = (
                self._cells(rest, count, depth) if kind == _CELL else self._structures(rest, count, depth)
            )
        return bytes(name).decode("ascii", "replace"), values.reshape(shape, order="F")

    def _converted(self, data: memoryview, kind: int, count: int) -> Array:
        values, _ = self.numbers(data)
        if len(values) != count:
            raise MatFileError(f"{len(values)} values instead of {count}")
        return values.astype(_NUMERIC[kind])

    def _cells(self, data: memoryview, count: int, depth: int) -> Array:
        found = self._matrices(data, count, depth)
        cells = np.empty(count, dtype=object)
        for index, value in enumerate(found):
            cells[index] = value
        return cells

    def _structures(self, data: memoryview, count: int, depth: int) -> Array:
        length, rest = self.numbers(data)
        _, names, rest = self.element(rest)
        if len(length) != 1 or not 1 <= (step := int(length[0])) <= 256 or len(names) % step:
            raise MatFileError("the names of a structure's fields cannot be read")
        fields = [
            bytes(names[begin : begin + step]).split(b"\0")[0].decode("ascii", "replace")
            for begin in range(0, len(names), step)
        ]
        if len(fields) > _MOST_FIELDS:
            raise MatFileError(f"{len(fields)} fields are more than {_MOST_FIELDS}")
        found = self._matrices(rest, count * len(fields), depth)
        structures = np.empty(count, dtype=object)
        for index in range(count if fields else 0):
            values = found[index * len(fields) : (index + 1) * len(fields)]
            structures[index] = dict(zip(fields, values, strict=True))
        return structures

    def _matrices(self, data: memoryview, count: int, depth: int) -> list[Array]:
        if 8 * count > len(data):
            raise MatFileError(f"{count} arrays within {len(data)} bytes")
        found = []
        for _ in range(count):
            kind, content, data = self.element(data)
            if kind != _MATRIX:
                raise MatFileError(f"an array of type {kind}")
            value = self.matrix(content, depth + 1)[1]
            found.append(np.zeros((0, 0)) if value is None else value)
        return found

"""MATLAB files against SciPy, which writes them here; damaged and hostile ones are refused."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from wildsr.storage.mat_file import MatFileError, read_mat

scipy_io = pytest.importorskip("scipy.io")

HEADER = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"


@pytest.mark.parametrize("packed", [False, True])
def test_equals_scipy(tmp_path: Path, packed: bool) -> None:
    rng = np.random.default_rng(0)
    cells = np.empty((1, 2), dtype=object)
    cells[0] = [rng.random((2, 3)), {"inner": np.arange(4, dtype=np.int16)}]
    given = {
        "Kernel": rng.random((5, 5)),
        "small": np.array([[1, 2]], dtype=np.uint8),
        "cube": rng.integers(-9, 9, (2, 3, 4)).astype(np.int32),
        "cells": cells,
        "nothing": np.zeros((0, 3)),
    }
    path = tmp_path / "a.mat"
    scipy_io.savemat(path, given | {"text": "left out", "sparse?": 1j}, do_compression=packed)
    found, expected = read_mat(path), scipy_io.loadmat(path)
    assert set(found) == set(given)
    for name in ("Kernel", "small", "cube", "nothing"):
        np.testing.assert_array_equal(found[name], expected[name])
        assert found[name].dtype == expected[name].dtype
    np.testing.assert_array_equal(found["cells"][0, 0], cells[0, 0])
    np.testing.assert_array_equal(found["cells"][0, 1][0, 0]["inner"].ravel(), np.arange(4))


def element(kind: int, content: bytes) -> bytes:
    return struct.pack("<2I", kind, len(content)) + content + bytes(-len(content) % 8)


def numeric(shape: tuple[int, ...], values: bytes, kind: int = 9, array: int = 6) -> bytes:
    flags = element(6, struct.pack("<2I", array, 0))
    sizes = element(5, struct.pack(f"<{len(shape)}i", *shape))
    return element(14, flags + sizes + element(1, b"Kernel") + element(kind, values))


def nested(depth: int) -> bytes:
    inner = numeric((1, 1), bytes(8))
    for _ in range(depth):
        sizes = element(5, struct.pack("<2i", 1, 1))
        inner = element(14, element(6, struct.pack("<2I", 1, 0)) + sizes + element(1, b"") + inner)
    return inner


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (numeric((1, 1), bytes(8), kind=42761), "numbers of type 42761"),  # SciPy ends in a bus error
        (numeric((1 << 30, 1 << 30), bytes(8)), "1 values instead of"),
        (numeric((-1, -1), bytes(8)), "dimensions"),
        (numeric((1, 1), bytes(8))[:-1], "incomplete"),
        (numeric((1, 1), bytes(7)), "incomplete"),
        (numeric((1 << 20, 1), bytes(8), array=1), "arrays within"),
        (nested(40), "arrays within arrays"),
        (element(15, zlib.compress(bytes(80 << 20))), "unpacks to more"),
        (element(15, b"not packed"), "cannot be unpacked"),
        (element(9, bytes(8)), "a variable of type 9"),
    ],
)
def test_hostile_files_are_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "a.mat"
    path.write_bytes(HEADER + content)
    with pytest.raises(MatFileError, match=reason):
        read_mat(path)


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    for content in (b"", bytes(200), b"\x89HDF\r\n\x1a\n" + bytes(600)):
        path.write_bytes(content)
        with pytest.raises(MatFileError, match="version 6 or 7"):
            read_mat(path)

"""Malicious pickles: programs, and data that takes unlimited time or memory."""

import builtins
import io
import os
import pickle
import pickletools
import random
import struct
import subprocess
from pathlib import Path
from typing import Any

from torch import Tensor


class _Calls:
    """Unpickling this calls something."""

    def __init__(self, function: Any, *arguments: object) -> None:
        self._call = (function, arguments)

    def __reduce__(self) -> Any:
        return self._call


def _harm(rng: random.Random, canary: Path) -> _Calls:
    """Something whose unpickling creates ``canary``."""
    command = f"touch '{canary}'"
    return rng.choice(
        [
            _Calls(builtins.open, str(canary), "w"),
            _Calls(os.system, command),
            _Calls(subprocess.check_call, ["touch", str(canary)]),
            _Calls(builtins.exec, f"open({str(canary)!r}, 'w')"),
            _Calls(builtins.eval, f"open({str(canary)!r}, 'w')"),
            _Calls(os.mkdir, str(canary)),
            _Calls(os.makedirs, str(canary)),
        ]
    )


def harmful_state(rng: random.Random, state: dict[str, Tensor], canary: Path) -> Any:
    """Weights with malicious objects among, before or after them."""
    harm = _harm(rng, canary)
    return rng.choice(
        [{**state, "extra": harm}, {"extra": harm, **state}, {"state_dict": state, "a": [harm]}, harm]
    )


def first_pickles(data: bytes, count: int) -> int:
    """Where the first ``count`` pickles end."""
    stream = io.BytesIO(data)
    for _ in range(count):
        list(pickletools.genops(stream))
    return stream.tell()


def harmful_pickle(rng: random.Random, canary: Path) -> bytes:
    """A whole pickle, in the opcodes of any protocol."""
    if rng.random() < 0.7:
        return pickle.dumps({"a": _harm(rng, canary)}, protocol=rng.randint(0, 4))
    path = str(canary).encode()
    return rng.choice(
        [
            b"cposix\nsystem\n(S'touch " + path + b"'\ntR.",
            b"(S'touch " + path + b"'\nios\nsystem\n.",
            b"(cos\nsystem\nS'touch " + path + b"'\no.",
            b"\x80\x02cbuiltins\nopen\n(X" + struct.pack("<I", len(path)) + path + b"X\1\0\0\0wtR.",
            b"\x80\x02ctorch.serialization\nload\n(X" + struct.pack("<I", len(path)) + path + b"tR.",
            b"\x80\x02ctorch.storage\n_load_from_bytes\n(C\x02\x80\x02tR.",
            b"\x80\x04\x8c\x08builtins\x8c\x04exec\x93\x8c\x04pass\x85R.",
            b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n)R.",
            b"\x80\x02ccollections\nOrderedDict\n)R}X\x09\0\0\0__class__cos\nsystem\nsb.",
        ]
    )


def odd_pickle(rng: random.Random, _: Path) -> bytes:
    """Data without a program that exhausts time or memory when it is read."""
    match rng.randrange(10):
        case 0:  # a tuple of tuples of tuples: 2 ** depth leaves when it is traversed
            return b"\x80\x02" + _doubled(rng.randint(20, 60)) + b"."
        case 1:  # the same as a key, which has to be hashed
            return b"\x80\x02}" + _doubled(rng.randint(30, 60)) + b"K\x01s."
        case 2:
            return b"\x80\x02" + b"(" * rng.choice([1000, 300_000]) + b"."
        case 3:
            depth = rng.choice([1000, 100_000])
            return b"\x80\x02" + b"]" * depth + b"a" * (depth - 1) + b"."
        case 4:  # memo numbers as large as they go
            return b"\x80\x02}r" + rng.choice([b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff"]) + b"."
        case 5:  # strings of claimed lengths
            return b"\x80\x04" + rng.choice([b"X", b"B", b"T"]) + b"\xff\xff\xff\x7f" + b"a."
        case 6:
            return b"\x80\x04" + rng.choice([b"\x8d", b"\x8e", b"\x96"]) + struct.pack("<Q", 1 << 50) + b"a."
        case 7:  # a number of two thousand million bits
            return (
                b"\x80\x02\x8b" + rng.choice([b"\xff\xff\xff\x0f", b"\xff\xff\xff\xff"]) + b"\1" * 64 + b"."
            )
        case 8:
            return _storage(rng)
        case _:
            return b"\x80\x02" + rng.randbytes(rng.randint(1, 300)) + b"."


def _doubled(depth: int) -> bytes:
    """A tuple, put in pairs with itself ``depth`` times."""
    return b")q\0" + b"h\0\x86q\0" * depth


def _storage(rng: random.Random) -> bytes:
    """A weight whose storage claims any number of values."""
    claimed = rng.choice([1 << 28, 1 << 33, 1 << 40, 1 << 62, -1, 0])
    number = b"\x8a\x09" + claimed.to_bytes(9, "little", signed=True)
    name = b"X\x0d\0\0\0body.0.weight"
    return (
        b"\x80\x02}" + name + b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\n"
        b"X\x01\0\0\0" + b"0X\x03\0\0\0cpu" + number + b"tQ" + b"K\0(" + number + b"t(K\x01t\x89N" + b"tRs."
    )

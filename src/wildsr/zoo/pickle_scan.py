"""Looks through a pickle without building anything, for what would exhaust whoever loads it.

``torch.load(weights_only=True)`` executes nothing, but it allocates whatever size a storage claims, and it walks
through tuples of tuples that a few bytes can make as long as the age of the universe.
"""

import pickletools
from typing import IO, NamedTuple

_MOST_LEAVES = 10_000
_MOST_NUMBERS = 16
_PUT = {"PUT", "BINPUT", "LONG_BINPUT"}
_GET = {"GET", "BINGET", "LONG_BINGET"}
# What may hold others and still be hashed, and so be walked through time and again.
_HASHABLE = {
    "TUPLE",
    "TUPLE1",
    "TUPLE2",
    "TUPLE3",
    "FROZENSET",
    "REDUCE",
    "NEWOBJ",
    "NEWOBJ_EX",
    "OBJ",
    "INST",
}


class Exhausting(Exception):
    """Loading would take more time or memory than the file can be worth."""


class _Value(NamedTuple):
    """An object on the pickle's stack: how much there is to walk through, and the numbers directly inside."""

    leaves: int = 1
    numbers: tuple[int, ...] = ()


_MARK = _Value(0)


def scan(stream: IO[bytes], largest: int) -> bool:
    """Look through the next pickle of ``stream``, whose storages may have up to ``largest`` values.

    False when it is damaged, which is for the loader to explain: it gets no further than this did.

    Raises:
        Exhausting: says why it must not be loaded.
    """
    stack: list[_Value] = []
    memo: dict[int, _Value] = {}
    try:
        for opcode, argument, _ in pickletools.genops(stream):
            name = opcode.name
            if name in _PUT:
                memo[int(str(argument))] = stack[-1]
            elif name == "MEMOIZE":
                memo[len(memo)] = stack[-1]
            elif name in _GET:
                stack.append(memo[int(str(argument))])
            elif name == "DUP":
                stack.append(stack[-1])
            elif name == "MARK":
                stack.append(_MARK)
            else:
                _apply(stack, opcode, argument, largest)
    except (ValueError, IndexError, KeyError, MemoryError, OverflowError, UnicodeError):
        return False
    return True


def _apply(stack: list[_Value], opcode: pickletools.OpcodeInfo, argument: object, largest: int) -> None:
    taken = _take(stack, opcode)
    if opcode.name == "BINPERSID" and any(number > largest for number in taken[0].numbers):
        raise Exhausting("it declares more values than it has bytes")
    for _ in opcode.stack_after:
        if opcode.name in _HASHABLE:
            made = _Value(
                1 + sum(value.leaves for value in taken),
                tuple(number for value in taken[:_MOST_NUMBERS] for number in value.numbers)[:_MOST_NUMBERS],
            )
            if made.leaves > _MOST_LEAVES:
                raise Exhausting("it nests data within data without end")
            stack.append(made)
        else:
            stack.append(_Value(numbers=(argument,)) if isinstance(argument, int) else _Value())


def _take(stack: list[_Value], opcode: pickletools.OpcodeInfo) -> list[_Value]:
    """What an opcode takes from the stack, down to the last mark if it wants that."""
    before, taken = opcode.stack_before, []
    if pickletools.markobject in before:
        while (value := stack.pop()) is not _MARK:
            taken.append(value)
        before = before[: before.index(pickletools.markobject)]
    return [*(stack.pop() for _ in before), *reversed(taken)]

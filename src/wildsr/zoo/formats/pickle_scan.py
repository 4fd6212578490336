"""Checks a pickle without unpickling it: only weights and plain data, of sizes that the file can hold.

``torch.load(weights_only=True)`` executes no foreign code, but it calls functions such as ``bytearray`` with any
argument, allocates whatever size a storage claims, and hashes tuples of tuples that a few bytes can make as large as
memory. Here every callable must be on a list, with arguments of the types that PyTorch itself writes.
"""

import pickletools
from collections.abc import Callable
from typing import IO, NamedTuple

_MOST_LEAVES = 10_000
_LONGEST_NAME = 1000
_PUT = {"PUT", "BINPUT", "LONG_BINPUT"}
_GET = {"GET", "BINGET", "LONG_BINGET"}
_TUPLES = {"EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "FROZENSET"}
# These update the object below their arguments, which stays on the stack.
_UPDATES = {"APPEND", "APPENDS", "SETITEM", "SETITEMS", "ADDITEMS", "BUILD"}
# These make an instance of any class.
_INSTANCES = {"NEWOBJ", "NEWOBJ_EX", "OBJ", "INST", "EXT1", "EXT2", "EXT4", "PERSID"}
_BYTES_OF_STORAGE = {
    "DoubleStorage": 8,
    "FloatStorage": 4,
    "HalfStorage": 2,
    "BFloat16Storage": 2,
    "LongStorage": 8,
    "IntStorage": 4,
    "ShortStorage": 2,
    "CharStorage": 1,
    "ByteStorage": 1,
    "BoolStorage": 1,
    "ComplexFloatStorage": 8,
    "ComplexDoubleStorage": 16,
    "UntypedStorage": 1,
}
_DTYPES = {
    *(f"float{bits}" for bits in (16, 32, 64)),
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
    *("bfloat16", "bool", "complex64", "complex128"),
    *(f"float8_{kind}" for kind in ("e4m3fn", "e4m3fnuz", "e5m2", "e5m2fnuz", "e8m0fnu")),
}


_ODD_TENSORS = {
    "_rebuild_meta_tensor_no_storage": "without values",
    "_rebuild_nested_tensor": "nested",
    "_rebuild_sparse_tensor": "sparse",
    "_rebuild_sparse_csr_tensor": "sparse",
    "_rebuild_qtensor": "quantised",
}


class RefusedPickle(Exception):
    """The pickle must not be loaded. The message continues a sentence that begins with the file name."""


FOREIGN = (
    "contains pickled code or objects besides weights; wildsr never executes code from a model file: ask for the "
    "weights alone, best as .safetensors"
)


def _harmful(reason: str) -> RefusedPickle:
    return RefusedPickle(f"is damaged, or made to do harm: {reason}")


class _Claims:
    """Bytes of memory that storages need, by key; all together must fit into the file."""

    def __init__(self, largest: int) -> None:
        self._bytes: dict[str, int] = {}
        self._left = largest

    def add(self, key: str, size: int) -> None:
        more = size - self._bytes.get(key, 0)
        if more > 0:
            self._bytes[key] = size
            self._left -= more
        if size < 0 or self._left < 0:
            raise _harmful("it declares more values than it has bytes")


class _Global(NamedTuple):
    """Names a function or class."""

    name: str


class _Storage(NamedTuple):
    """Memory of a tensor."""


class _Value(NamedTuple):
    """Describes an object on the pickle's stack.

    ``held`` is an int, a str, a tuple of values, a :class:`_Global` or :class:`_Storage`, and None for all else;
    ``leaves`` how many objects hashing it visits; ``shared`` is whether it came from the memo, perhaps repeatedly.
    """

    held: object = None
    leaves: int = 1
    shared: bool = False


_MARK = _Value(leaves=0)


def scan(stream: IO[bytes], largest: int) -> bool:
    """Check the next pickle of ``stream``, from a file of ``largest`` bytes.

    False when it is damaged, which the loader reports: it gets no further than this check.

    Raises:
        RefusedPickle: it is not weights and plain data alone, or claims sizes that it does not have.
    """
    stack: list[_Value] = []
    memo: dict[int, _Value] = {}
    claims = _Claims(largest)
    try:
        for opcode, argument, _ in pickletools.genops(stream):
            name = opcode.name
            if name in _PUT:
                memo[int(str(argument))] = stack[-1]
            elif name == "MEMOIZE":
                memo[len(memo)] = stack[-1]
            elif name in _GET:
                stack.append(memo[int(str(argument))]._replace(shared=True))
            elif name == "DUP":
                stack.append(stack[-1]._replace(shared=True))
            elif name == "MARK":
                stack.append(_MARK)
            else:
                taken = _take(stack, opcode)
                if opcode.stack_after:
                    stack.append(_made(name, argument, taken, claims))
    except (ValueError, IndexError, KeyError, MemoryError, OverflowError, UnicodeError):
        return False
    return True


def _take(stack: list[_Value], opcode: pickletools.OpcodeInfo) -> list[_Value]:
    """The arguments of an opcode from the stack, lowest first, down to the last mark if it takes that."""
    before, taken = opcode.stack_before, []
    if pickletools.markobject in before:
        while (value := stack.pop()) is not _MARK:
            taken.append(value)
        before = before[: before.index(pickletools.markobject)]
    taken += [stack.pop() for _ in before]
    return taken[::-1]


def _made(name: str, argument: object, taken: list[_Value], claims: _Claims) -> _Value:
    """The object that an opcode leaves on the stack."""
    if name in _INSTANCES:
        raise RefusedPickle(FOREIGN)
    if name in _TUPLES:
        leaves = 1 + sum(value.leaves for value in taken)
        if leaves > _MOST_LEAVES:
            raise _harmful("it nests data within data without end")
        return _Value(tuple(taken), leaves)
    if name in _UPDATES:
        return _Value(shared=taken[0].shared)
    if name == "GLOBAL":
        return _Value(_known(str(argument).replace(" ", ".")))
    if name == "STACK_GLOBAL":
        return _Value(_known(".".join(str(value.held) for value in taken)))
    if name == "REDUCE":
        return _called(*taken)
    if name == "BINPERSID":
        _claim(taken[0], claims)
        return _Value(_Storage())
    return _Value(argument if isinstance(argument, int | str) else None)


def _known(name: str) -> _Global:
    module, _, last = name.rpartition(".")
    plain = module == "torch" and (last in _BYTES_OF_STORAGE or last in _DTYPES)
    if name in _CALLABLES or plain or name in ("torch.storage.UntypedStorage", "torch.storage.TypedStorage"):
        return _Global(name)
    if last in _ODD_TENSORS:
        raise RefusedPickle(
            f"holds a tensor that is {_ODD_TENSORS[last]}; wildsr reads plain floating-point weights"
        )
    raise RefusedPickle(FOREIGN)


def _called(function: _Value, arguments: _Value) -> _Value:
    """The result of a call, if PyTorch writes such calls."""
    if not isinstance(function.held, _Global) or not isinstance(arguments.held, tuple):
        raise RefusedPickle(FOREIGN)
    accepts = _CALLABLES.get(function.held.name)
    if accepts is None:
        raise RefusedPickle(FOREIGN)
    if not accepts(arguments.held):
        raise _harmful(f"it calls {function.held.name} with arguments that PyTorch never writes")
    return _Value(leaves=arguments.leaves)


def _claim(identity: _Value, claims: _Claims) -> None:
    """Note the memory of a storage: ("storage", type, key, location, count), and a view in old files."""
    parts = identity.held if isinstance(identity.held, tuple) else ()
    if len(parts) not in (5, 6) or parts[0].held != "storage" or not isinstance(parts[1].held, _Global):
        raise RefusedPickle(FOREIGN)
    kind, key, count = parts[1].held.name.rpartition(".")[2], parts[2].held, parts[4].held
    if not isinstance(key, str) or len(key) > _LONGEST_NAME or not isinstance(count, int):
        raise _harmful("it has a storage without a plain name and size")
    claims.add(key, count * _BYTES_OF_STORAGE.get(kind, 1))


def _is_integers(value: _Value) -> bool:
    return isinstance(value.held, tuple) and all(isinstance(item.held, int) for item in value.held)


def _is_tensor_call(values: tuple[_Value, ...]) -> bool:
    """(storage, offset, size, stride, …): the beginning of the arguments of ``_rebuild_tensor``."""
    return (
        len(values) >= 4
        and isinstance(values[0].held, _Storage)
        and isinstance(values[1].held, int)
        and _is_integers(values[2])
        and _is_integers(values[3])
    )


def _is_parameter_call(values: tuple[_Value, ...]) -> bool:
    """(tensor, requires_grad, hooks)"""
    return len(values) == 3 and not isinstance(values[0].held, int | str | tuple | _Global)


def _is_dictionary_call(values: tuple[_Value, ...]) -> bool:
    """() as Python 3 writes it, or ([pairs],) as Python 2 did; the same list is not copied twice."""
    return not values or (len(values) == 1 and values[0].held is None and not values[0].shared)


_CALLABLES: dict[str, Callable[[tuple[_Value, ...]], bool]] = {
    "collections.OrderedDict": _is_dictionary_call,
    "torch._utils._rebuild_tensor": _is_tensor_call,
    "torch._utils._rebuild_tensor_v2": _is_tensor_call,
    "torch._utils._rebuild_parameter": _is_parameter_call,
    "torch.Size": lambda values: len(values) == 1 and _is_integers(values[0]),
    "torch.device": lambda values: len(values) in (1, 2) and isinstance(values[0].held, str),
}

"""Creates dataclasses from JSON values, with checks and readable errors."""

import dataclasses
import difflib
from collections.abc import Hashable, Mapping
from functools import cache
from typing import Any, Literal, TypeVar, cast, get_args, get_origin, get_type_hints

from wildsr.degradations.degradation import DegradationError

T = TypeVar("T")
_LARGEST = 2**63


def read_fields(kind: type[T], content: Mapping[str, Any], where: str) -> T:
    """Create a ``kind`` from JSON values. Its fields are float, int, bool, str, Literal or tuples of those.

    Args:
        kind: a dataclass; its ``__post_init__`` raises ``ValueError`` for invalid values.
        content: the fields by name; fields with a default may be missing.
        where: prefix of error messages.

    Raises:
        DegradationError: unknown, missing or wrong fields.
    """
    types, required = _fields(cast(Hashable, kind))
    for name in content:
        if name not in types:
            near = difflib.get_close_matches(str(name), types, 1)
            hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(types) or 'none'}"
            raise DegradationError(f"{where}: unknown field '{name}'; {hint}")
    for name in required:
        if name not in content:
            raise DegradationError(f"{where}: the field '{name}' is missing")
    values = {name: _value(types[name], value, f"{where}: '{name}'") for name, value in content.items()}
    try:
        return kind(**values)
    except DegradationError:
        raise
    except ValueError as error:
        raise DegradationError(f"{where}: {error}") from error


def require(holds: bool, rule: str, value: object) -> None:
    """Raise ``ValueError`` with the text of the ``rule`` unless it ``holds`` for ``value``."""
    if not holds:
        raise ValueError(f"{rule}, not {value}")


@cache
def _fields(kind: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    required = [
        field.name
        for field in dataclasses.fields(kind)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}, tuple(required)


def _value(expected: Any, value: Any, where: str) -> Any:
    if expected is float:
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST:
            return float(value)
        raise DegradationError(f"{where} must be a number, not {value!r}")
    if expected is int:
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST:
            return value
        raise DegradationError(f"{where} must be a whole number, not {value!r}")
    if expected in (bool, str):
        if isinstance(value, expected):
            return value
        raise DegradationError(
            f"{where} must be {'true or false' if expected is bool else 'text'}, not {value!r}"
        )
    if get_origin(expected) is Literal:
        if value in get_args(expected):
            return value
        raise DegradationError(
            f"{where} must be one of {', '.join(map(str, get_args(expected)))}, not {value!r}"
        )
    if get_origin(expected) is tuple:
        return _tuple(get_args(expected), value, where)
    raise TypeError(f"{where}: a field cannot be of type {expected}")


def _tuple(expected: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise DegradationError(f"{where} must be a list, not {value!r}")
    if len(expected) == 2 and expected[1] is Ellipsis:
        return tuple(_value(expected[0], one, where) for one in value)
    if len(value) != len(expected):
        raise DegradationError(f"{where} must be a list of {len(expected)}, not of {len(value)}")
    return tuple(_value(one, part, where) for one, part in zip(expected, value, strict=True))

"""Creates dataclasses from JSON values, with checks and readable errors."""

import dataclasses
import difflib
import math
from collections.abc import Hashable, Mapping
from functools import cache
from typing import Any, Literal, TypeVar, cast, get_args, get_origin, get_type_hints

from wildsr.degradations.degradation import DegradationError

T = TypeVar("T")


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


def _value(wanted: Any, value: Any, where: str) -> Any:
    if wanted is float:
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
        raise DegradationError(f"{where} must be a number, not {value!r}")
    if wanted is int:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        raise DegradationError(f"{where} must be a whole number, not {value!r}")
    if wanted in (bool, str):
        if isinstance(value, wanted):
            return value
        raise DegradationError(
            f"{where} must be {'true or false' if wanted is bool else 'text'}, not {value!r}"
        )
    if get_origin(wanted) is Literal:
        if value in get_args(wanted):
            return value
        raise DegradationError(
            f"{where} must be one of {', '.join(map(str, get_args(wanted)))}, not {value!r}"
        )
    if get_origin(wanted) is tuple:
        return _tuple(get_args(wanted), value, where)
    raise TypeError(f"{where}: a field cannot be of type {wanted}")


def _tuple(wanted: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise DegradationError(f"{where} must be a list, not {value!r}")
    if len(wanted) == 2 and wanted[1] is Ellipsis:
        return tuple(_value(wanted[0], one, where) for one in value)
    if len(value) != len(wanted):
        raise DegradationError(f"{where} must be a list of {len(wanted)}, not of {len(value)}")
    return tuple(_value(one, part, where) for one, part in zip(wanted, value, strict=True))

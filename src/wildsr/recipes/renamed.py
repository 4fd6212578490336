"""Keys and values of recipes that were renamed: the old ones stay accepted, with a warning."""

import warnings
from collections.abc import Mapping
from typing import Any

from wildsr.recipes.config.node import Place, dotted

KEYS: dict[tuple[str, ...], str] = {
    ("objective", "contest"): "adversarial",
    ("data", "drawn"): "rendered",
    ("validation", "pictures"): "images",
}
"""The new last key of each renamed place."""
VALUES: dict[tuple[str, ...], dict[Any, Any]] = {("data", "weighing"): {"picture": "image"}}
"""The new values of a place by the old ones."""


class RenamedKey(FutureWarning):
    """A recipe uses an old name, which a later version may reject. The message gives the new one."""


def current_place(place: Place) -> Place:
    """The place by its present name; warns if it was renamed."""
    for old, new in KEYS.items():
        if place[: len(old)] == old:
            now = (*old[:-1], new)
            _warn(f"{dotted(old)} is now called {dotted(now)}")
            return (*now, *place[len(old) :])
    return place


def current_value(place: Place, value: Any) -> Any:
    """The value of a place by its present name; warns if it was renamed."""
    for old, new in VALUES.get(tuple(str(step) for step in place), {}).items():
        if value == old:
            _warn(f"{dotted(place)}: '{old}' is now called '{new}'")
            return new
    return value


def current_values(values: dict[str, Any]) -> dict[str, Any]:
    """Plain values of a whole recipe by their present names; warns of each that was renamed."""
    for old in KEYS:
        holder = _holder(values, old)
        if holder is not None and old[-1] in holder:
            new = str(current_place(old)[-1])
            # The order of keys stays that of the file.
            renamed = {new if key == old[-1] else key: value for key, value in holder.items()}
            holder.clear()
            holder.update(renamed)
    for place in VALUES:
        holder = _holder(values, place)
        if holder is not None and place[-1] in holder:
            holder[place[-1]] = current_value(place, holder[place[-1]])
    return values


def current_identity(identity: Mapping[str, str]) -> dict[str, str]:
    """The identity of a checkpoint, values by dotted place, by present names. Warns of nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RenamedKey)
        found: dict[str, str] = {}
        for key, value in identity.items():
            place = current_place(tuple(key.split(".")))
            found[dotted(place)] = current_value(place, value)
        return found


def _holder(values: Any, place: tuple[str, ...]) -> dict[str, Any] | None:
    for step in place[:-1]:
        values = values.get(step) if isinstance(values, dict) else None
    return values if isinstance(values, dict) else None


def _warn(text: str) -> None:
    warnings.warn(f"{text}; the old name is still accepted", RenamedKey, stacklevel=2)

"""An option file of another program: its values by dotted place, and which of them were used."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from wildsr.recipes.errors import RecipeError
from wildsr.recipes.yaml import load_yaml

MISSING = object()


@dataclass(frozen=True)
class Leftover:
    """A value without a counterpart in a recipe, and why."""

    place: str
    value: Any
    reason: str

    def __str__(self) -> str:
        return f"{self.place}: {json.dumps(self.value)} ({self.reason})"


class OptionFile:
    """Values of an option file. Each is taken once; what was never taken is left over."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = dict(_leaves(values, ()))
        self._reasons: dict[str, str] = {}
        self._taken: set[str] = set()

    def take(self, place: str, default: Any = None) -> Any:
        """The value at ``place``, or ``default`` where it is not given."""
        self._taken.add(place)
        return self._values.get(place, default)

    def given(self, place: str) -> bool:
        """Whether the file has a value at ``place`` that is not null."""
        return self._values.get(place) is not None

    def expect(self, place: str, *allowed: Any) -> None:
        """Take a value that a recipe always has as one of ``allowed``; any other is left over."""
        if self._values.get(place, allowed[0]) in allowed:
            self._taken.add(place)
        else:
            self.leave(place, f"a recipe has {' or '.join(json.dumps(value) for value in allowed)}")

    def leave(self, place: str, reason: str) -> None:
        """Say why a value has no counterpart."""
        self._reasons[place] = reason

    @property
    def leftovers(self) -> tuple[Leftover, ...]:
        """Values without a counterpart; nulls say nothing and are left out."""
        return tuple(
            Leftover(place, value, self._reasons.get(place, "no counterpart"))
            for place, value in self._values.items()
            if (place not in self._taken or place in self._reasons) and value is not None
        )


def read_options(path: Path) -> dict[str, Any]:
    """The values of a ``.yml`` file (RealSR, RWSR-EDL, ESRGAN-FS) or of a ``.json`` file with comments (KAIR).

    Raises:
        RecipeError: the file cannot be read or holds no mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise RecipeError(f"{path} cannot be read: {reason}") from error
    try:
        values = json.loads(without_comments(text)) if path.suffix.lower() == ".json" else load_yaml(text)
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise RecipeError(f"{path} is not proper {path.suffix[1:].upper() or 'YAML'}: {error}") from error
    if not isinstance(values, dict):
        raise RecipeError(f"{path} holds no options")
    return values


def without_comments(text: str) -> str:
    """JSON without ``//`` comments, which do not begin within a string."""
    lines = []
    for line in text.splitlines():
        quoted = escaped = False
        for index, letter in enumerate(line):
            if escaped:
                escaped = False
            elif letter == "\\" and quoted:
                escaped = True
            elif letter == '"':
                quoted = not quoted
            elif not quoted and line.startswith("//", index):
                line = line[:index]
                break
        lines.append(line)
    return "\n".join(lines)


def _leaves(values: Mapping[str, Any], place: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        here = (*place, str(key))
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, here)
        else:
            yield ".".join(here), value

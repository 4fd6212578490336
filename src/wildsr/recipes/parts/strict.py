"""Strict values: an unknown key is an error that names the nearest known one, and every error says where it is."""

import json
import types
import typing
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError


class RecipeError(Exception):
    """A recipe is wrong, or does not fit what it is to be used for. The message says what, where, and what to do."""


class Part(BaseModel):
    """A part of a recipe: its fields are all there is, and do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


Place = tuple[str | int, ...]
"""Keys and indices that lead to a value."""
_Part = TypeVar("_Part", bound=Part)


class Problem(typing.NamedTuple):
    """What is wrong with one value."""

    place: Place
    text: str


def validated(kind: type[_Part], values: Mapping[str, Any]) -> _Part | list[Problem]:
    """The values as a ``kind``, or everything that is wrong with them.

    ``values`` is plain data, as JSON and YAML hold it. Types are taken strictly: "3" is no number, 1 no truth value.
    """
    try:
        return kind.model_validate_json(json.dumps(values), strict=True)
    except ValidationError as error:
        return _problems(kind, error)


def dotted(place: Place) -> str:
    """A place as people write it: ``data.degradation.scale``."""
    return ".".join(str(step) for step in place)


def _problems(kind: type[Part], error: ValidationError) -> list[Problem]:
    found: list[Problem] = []
    for one in error.errors(include_url=False):
        place, parent = _walked(kind, one["loc"])
        text = one["msg"].removeprefix("Value error, ")
        if one["type"] == "extra_forbidden":
            text = f"there is no such key{_nearest(str(place[-1]), _keys(parent))}"
        elif one["type"] == "missing":
            text = "is missing"
        elif one["type"] == "union_tag_invalid":
            tags = [tag.strip("'") for tag in str(one["ctx"]["expected_tags"]).split(", ")]
            place = (*place, _discriminator_of(one))
            text = f"'{one['ctx']['tag']}' is none of {', '.join(tags)}"
        elif one["type"] == "union_tag_not_found":
            place = (*place, _discriminator_of(one))
            text = "is missing; it says which kind this is"
        elif isinstance(one["input"], str | int | float | bool):
            text = f"{text[0].lower()}{text[1:]}, not {one['input']!r}"
        else:
            text = text[0].lower() + text[1:]
        found.append(Problem(place, text))
    return found


def _discriminator_of(error: Any) -> str:
    return str(error["ctx"]["discriminator"]).strip("'")


def _nearest(key: str, known: Sequence[str]) -> str:
    close = get_close_matches(key, known, 1)
    return f"; did you mean '{close[0]}'?" if close else f"; there are {', '.join(known)}" if known else ""


def _keys(annotation: Any) -> list[str]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return list(annotation.model_fields)
    return []


def _walked(kind: type[Part], location: Sequence[str | int]) -> tuple[Place, Any]:
    """Where a location of pydantic's leads, which also names the members of unions, and the type that holds it."""
    place: list[str | int] = []
    annotation: Any = kind
    holder: Any = kind
    for step in location:
        annotation = _plain(annotation)
        member = next((one for one in _members(annotation) if step in (*_tags(one), _name(one))), None)
        if member is not None:
            annotation = member
            continue
        holder = annotation if not _members(annotation) else holder
        place.append(step)
        annotation = _below(annotation, step)
    return tuple(place), holder


def _plain(annotation: Any) -> Any:
    """Without ``Annotated`` and ``| None``."""
    if get_origin(annotation) is typing.Annotated:
        return _plain(get_args(annotation)[0])
    if get_origin(annotation) in (typing.Union, types.UnionType):
        others = [one for one in get_args(annotation) if one is not type(None)]
        if len(others) == 1:
            return _plain(others[0])
    return annotation


def _members(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) in (typing.Union, types.UnionType):
        return tuple(_plain(one) for one in get_args(annotation))
    return ()


def _tags(member: Any) -> list[Any]:
    """The values of the fields that tell a member of a union from the others."""
    if not (isinstance(member, type) and issubclass(member, BaseModel)):
        return []
    literals = (f.annotation for f in member.model_fields.values() if get_origin(f.annotation) is Literal)
    return [value for literal in literals for value in get_args(literal)]


def _name(member: Any) -> str:
    return member.__name__ if isinstance(member, type) else str(member)


def _below(annotation: Any, step: str | int) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        field = annotation.model_fields.get(str(step))
        return field.annotation if field else None
    arguments = get_args(annotation)
    return (
        arguments[-1] if arguments and arguments[-1] is not Ellipsis else arguments[0] if arguments else None
    )

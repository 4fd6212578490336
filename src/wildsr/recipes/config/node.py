"""Base of all recipe nodes: strict pydantic models whose errors name the place and the nearest known key. No torch."""

import json
import types
import typing
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import reduce
from operator import or_
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, SerializationInfo, ValidationError
from pydantic_core import CoreSchema, core_schema

from wildsr.recipes.errors import RecipeError


class Node(BaseModel):
    """A part of a recipe with its settings. Immutable; unknown keys are errors.

    The docstring of a class and those of its fields become descriptions in the JSON schema, which editors show.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class OneOf:
    """Annotates a field that holds one of several nodes, told apart by their key ``by`` (``kind``, ``architecture``).

    In YAML and JSON only ``members`` are accepted. In Python any instance of the annotated base class is, so that
    a class defined outside the package takes part without registration.
    """

    def __init__(self, by: str, *members: type[Node]) -> None:
        self.by, self.members = by, members

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Accepts instances of ``source`` as they are, and reads everything else as one of the members."""

        def read(value: Any, read_member: core_schema.ValidatorFunctionWrapHandler) -> Any:
            return value if isinstance(value, source) else read_member(value)

        def write(node: Node, info: SerializationInfo) -> Any:
            return node.model_dump(mode=info.mode)

        known = handler.generate_schema(typing.Annotated[self.union, Field(discriminator=self.by)])
        return core_schema.json_or_python_schema(
            json_schema=known,
            python_schema=core_schema.no_info_wrap_validator_function(read, known),
            serialization=core_schema.plain_serializer_function_ser_schema(write, info_arg=True),
        )

    @property
    def union(self) -> Any:
        """The union of the members."""
        return reduce(or_, self.members)


Place = tuple[str | int, ...]
"""The keys and indices that lead to a value."""
_Node = TypeVar("_Node", bound=BaseModel)


class InvalidValue(typing.NamedTuple):
    """An invalid value: its place, and the reason."""

    place: Place
    text: str


def validated(kind: type[_Node], values: Mapping[str, Any]) -> _Node | list[InvalidValue]:
    """The values as a ``kind``, or a list of all their errors.

    ``values`` is plain data, as JSON and YAML hold it. Types are strict: "3" is not a number, 1 is not a boolean.
    """
    try:
        return kind.model_validate_json(json.dumps(values), strict=True)
    except ValidationError as error:
        return _problems(kind, error)


def replaced(root: _Node, values: Mapping[str, Any]) -> _Node:
    """``root`` with other values, given as Python objects by dotted place. A null removes an entry of a mapping.

    Raises:
        RecipeError: an unknown key, or a value that does not suit.
    """
    for dotted_place, value in values.items():
        root = _replaced(root, tuple(dotted_place.split(".")), value, dotted_place)
    return root


def dotted(place: Place) -> str:
    """A place as users write it: ``data.degradation.name``."""
    return ".".join(str(step) for step in place)


def nearest(key: str, known: Sequence[str]) -> str:
    """The end of a message about an unknown key: the nearest of the known ones, or all of them."""
    close = get_close_matches(key, known, 1)
    return f"; did you mean '{close[0]}'?" if close else f"; there are {', '.join(known)}" if known else ""


def _replaced(holder: Any, place: Place, value: Any, whole: str) -> Any:
    key, *rest = place
    if isinstance(holder, Mapping):
        if not rest and value is None:
            return {name: one for name, one in holder.items() if name != key}
        inner = holder.get(key)
        return {**holder, key: _replaced(inner, tuple(rest), value, whole) if rest else value}
    if not isinstance(holder, BaseModel):
        raise RecipeError(f"{whole}: there is nothing below {dotted(tuple(whole.split('.'))[: -len(place)])}")
    fields = type(holder).model_fields
    if key not in fields:
        raise RecipeError(f"{whole}: there is no such key{nearest(str(key), list(fields))}")
    inner = getattr(holder, str(key))
    now = {name: getattr(holder, name) for name in fields}
    now[str(key)] = _replaced(inner, tuple(rest), value, whole) if rest else value
    try:
        return type(holder).model_validate(now)
    except ValidationError as error:
        problems = "\n".join(f"{dotted(p.place)}: {p.text}" for p in _problems(type(holder), error))
        raise RecipeError(f"{whole}: {problems}") from error


def _problems(kind: type[BaseModel], error: ValidationError) -> list[InvalidValue]:
    found: list[InvalidValue] = []
    for one in error.errors(include_url=False):
        place, parent = _walked(kind, one["loc"])
        text = one["msg"].removeprefix("Value error, ")
        if one["type"] == "extra_forbidden":
            text = f"there is no such key{nearest(str(place[-1]), _keys(parent))}"
        elif one["type"] == "missing":
            text = "is missing"
        elif one["type"] == "union_tag_invalid":
            tags = [tag.strip("'") for tag in str(one["ctx"]["expected_tags"]).split(", ")]
            place = (*place, _discriminator_of(one))
            text = f"'{one['ctx']['tag']}' is not one of {', '.join(tags)}"
        elif one["type"] == "union_tag_not_found":
            place = (*place, _discriminator_of(one))
            text = "is missing; it says which kind this is"
        elif isinstance(one["input"], str | int | float | bool):
            text = f"{text[0].lower()}{text[1:]}, not {one['input']!r}"
        else:
            text = text[0].lower() + text[1:]
        found.append(InvalidValue(place, text))
    return found


def _discriminator_of(error: Any) -> str:
    return str(error["ctx"]["discriminator"]).strip("'")


def _keys(annotation: Any) -> list[str]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return list(annotation.model_fields)
    return []


def _walked(kind: type[BaseModel], location: Sequence[str | int]) -> tuple[Place, Any]:
    """The place of a pydantic location, which also names members of unions, and the type that holds the value."""
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
    """Without ``Annotated`` and ``| None``; the union of members for :class:`OneOf`."""
    if get_origin(annotation) is typing.Annotated:
        inner, *metadata = get_args(annotation)
        return next((one.union for one in metadata if isinstance(one, OneOf)), None) or _plain(inner)
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
    """The values of the fields by which a member of a union is told from the others."""
    if not (isinstance(member, type) and issubclass(member, BaseModel)):
        return []
    literals = (f.annotation for f in member.model_fields.values() if get_origin(f.annotation) is Literal)
    return [value for literal in literals for value in get_args(literal)]


def _name(member: Any) -> str:
    return member.__name__ if isinstance(member, type) else str(member)


def _below(annotation: Any, step: str | int) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        field = annotation.model_fields.get(str(step))
        if field is None:
            return None
        return next((one.union for one in field.metadata if isinstance(one, OneOf)), field.annotation)
    arguments = get_args(annotation)
    return (
        arguments[-1] if arguments and arguments[-1] is not Ellipsis else arguments[0] if arguments else None
    )

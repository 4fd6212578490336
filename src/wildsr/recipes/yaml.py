"""Reads recipes from YAML, changes single values (``--set``), and writes them. Imports no torch."""

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

from wildsr.recipes.config.node import InvalidValue, Place, dotted, validated
from wildsr.recipes.config.recipe import Recipe
from wildsr.recipes.errors import RecipeError
from wildsr.recipes.renamed import current_place, current_value, current_values

_KINDS = ("kind", "architecture")
"""Keys that tell one node of a group from the others."""
_COLLECTIONS = ("networks", "optimizers", "terms", "pixel_terms")
"""Sections in which a null removes an entry."""
_TAGS = "tag:yaml.org,2002:"
_KINDS_OF_VALUES = {"map", "seq", "str", "int", "float", "bool", "null"}
_DEEPEST, _MOST_NODES, _MOST_DIGITS = 50, 100_000, 30


class _Loader(yaml.SafeLoader):
    """YAML where 1e-4 is a number, a number with a leading 0 is decimal, and a key given twice is an error.

    Aliases are refused where they would make the document larger than ``_MOST_NODES`` or refer to themselves.
    """

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise yaml.YAMLError("it is nested too deeply")
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def get_single_node(self) -> yaml.Node | None:
        node = super().get_single_node()
        if node is not None:
            _require_modest(node)
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(None, None, "a key is a list or a mapping", key_node.start_mark)
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.MarkedYAMLError(None, None, f"the key '{key}' stands twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)

    def construct_yaml_int(self, node: yaml.ScalarNode) -> Any:
        text = str(node.value).replace("_", "")
        if not re.fullmatch(r"[-+]?\d+", text):
            return super().construct_yaml_int(node)
        if len(text) > _MOST_DIGITS:
            raise yaml.MarkedYAMLError(None, None, f"a number has {len(text)} digits", node.start_mark)
        return int(text)


# Dates stay text: no value of a recipe is one.
_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern) for tag, pattern in resolvers if not tag.endswith((":timestamp", ":merge", ":value"))
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    f"{_TAGS}float",
    re.compile(r"^[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$"),
    list("-+.0123456789"),
)
_Loader.add_constructor(f"{_TAGS}int", _Loader.construct_yaml_int)


def _require_modest(root: yaml.Node) -> None:
    """Refuse aliases that refer to themselves or multiply the document, and values that recipes do not have."""
    sizes: dict[yaml.Node, int] = {}
    open_nodes: set[yaml.Node] = set()

    def size(node: yaml.Node) -> int:
        if node in open_nodes:
            raise yaml.MarkedYAMLError(None, None, "an alias refers to itself", node.start_mark)
        if node.tag.removeprefix(_TAGS) not in _KINDS_OF_VALUES:
            raise yaml.MarkedYAMLError(
                None, None, f"recipes have no values of type {node.tag}", node.start_mark
            )
        if node not in sizes:
            open_nodes.add(node)
            pairs = node.value if isinstance(node, yaml.MappingNode) else []
            inner = (
                node.value if isinstance(node, yaml.SequenceNode) else [one for pair in pairs for one in pair]
            )
            sizes[node] = 1 + sum(map(size, inner))
            open_nodes.remove(node)
        if sizes[node] > _MOST_NODES:
            raise yaml.MarkedYAMLError(None, None, "its aliases make it far too large", node.start_mark)
        return sizes[node]

    size(root)


def load_yaml(text: str) -> Any:
    """The plain values of an untrusted YAML text. Raises ``yaml.YAMLError``, also for aliases that multiply it."""
    return yaml.load(text, _Loader)


def load_recipe(path: Path, changes: Sequence[str] = ()) -> Recipe:
    """The recipe in a YAML file, with ``changes`` as in :func:`changed`.

    Raises:
        RecipeError: lists everything that is wrong, with line numbers.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise RecipeError(f"{path} cannot be read: {reason}") from error
    return parse_recipe(text, str(path), changes)


def parse_recipe(text: str, origin: str, changes: Sequence[str] = ()) -> Recipe:
    """The recipe in a YAML text, with ``changes``; ``origin`` is its name in messages.

    Raises:
        RecipeError: lists everything that is wrong, with line numbers.
    """
    try:
        root = yaml.compose(text, _Loader)
        values = load_yaml(text)
    except yaml.YAMLError as error:
        raise RecipeError(f"{origin} is not proper YAML: {_described(error)}") from error
    if not isinstance(values, dict):
        raise RecipeError(f"{origin} is not a recipe; `wildsr recipe show NAME` prints one to start from")
    return _recipe({str(key): value for key, value in values.items()}, changes, origin, root)


def changed(recipe: Recipe, changes: Sequence[str], origin: str) -> Recipe:
    """A copy of the recipe with other values: ``train.steps=1000``, ``networks.generator.start=null``, as in YAML.

    A null removes a network, an optimizer or a loss. A change of a ``kind`` or ``architecture`` resets the node to the
    defaults of that kind; changes after it fill it.

    Raises:
        RecipeError: a malformed change, an unknown key, or a value that does not suit.
    """
    return _recipe(recipe.model_dump(mode="json"), changes, origin, None) if changes else recipe


def dump_recipe(recipe: Recipe) -> str:
    """The recipe as YAML with every value, as :func:`load_recipe` reads it."""
    values = _kinds_first(recipe.model_dump(mode="json"))
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=110)


def _kinds_first(value: Any) -> Any:
    """The keys that identify a node come first."""
    if not isinstance(value, dict):
        return value
    order = sorted(value, key=lambda key: key not in _KINDS)
    return {key: _kinds_first(value[key]) for key in order}


def flat(recipe: Recipe) -> dict[str, Any]:
    """All single values of a recipe by dotted place."""
    found: dict[str, Any] = {}

    def walk(value: Any, place: Place) -> None:
        if isinstance(value, Mapping):
            for key, one in value.items():
                walk(one, (*place, str(key)))
        else:
            found[dotted(place)] = value

    walk(recipe.model_dump(mode="json"), ())
    return found


def _recipe(values: dict[str, Any], changes: Sequence[str], origin: str, root: yaml.Node | None) -> Recipe:
    values = current_values(deepcopy(values))
    set_here: dict[Place, str] = {}
    for change in changes:
        given, value = _parsed(change)
        place = current_place(given)
        value = current_value(place, value)
        _put(values, place, value, change)
        set_here[place] = change
    outcome = validated(Recipe, values)
    if isinstance(outcome, Recipe):
        return outcome
    lines = [_told(problem, origin, set_here, root) for problem in outcome]
    raise RecipeError("\n".join(dict.fromkeys(lines)))


def _parsed(change: str) -> tuple[Place, Any]:
    key, equals, text = change.partition("=")
    if not equals or not key.strip():
        raise RecipeError(f"--set {change}: write a key and a value, such as train.steps=1000")
    try:
        value = load_yaml(text)
    except yaml.YAMLError as error:
        raise RecipeError(f"--set {change}: the value is not proper YAML: {_described(error)}") from error
    return tuple(key.strip().split(".")), value


def _put(values: dict[str, Any], place: Place, value: Any, change: str) -> None:
    for step in place[:-1]:
        inner = values.setdefault(str(step), {})
        if inner is None:
            inner = values[str(step)] = {}
        if not isinstance(inner, dict):
            raise RecipeError(f"--set {change}: {step} is a single value and has nothing below it")
        values = inner
    last = str(place[-1])
    if value is None and len(place) > 1 and place[-2] in _COLLECTIONS:
        values.pop(last, None)
        return
    if last in _KINDS and values.get(last) not in (None, value):
        values.clear()  # another kind has other fields
    values[last] = value


def _told(problem: InvalidValue, origin: str, set_here: Mapping[Place, str], root: yaml.Node | None) -> str:
    for place, change in set_here.items():
        # A change of a kind makes other keys of the node necessary.
        beside = problem.text.startswith("is missing") and problem.place[:-1] == place[:-1]
        if beside or problem.place[: len(place)] == place:
            return f"--set {change}: {dotted(problem.place)}: {problem.text}"
    line = _line(root, problem.place)
    where = f"{origin}, line {line}" if line else origin
    return (
        f"{where}: {dotted(problem.place)}: {problem.text}" if problem.place else f"{where}: {problem.text}"
    )


def _line(node: yaml.Node | None, place: Place) -> int | None:
    """The line of a place; if it is missing, that of the section around it."""
    if node is None:
        return None
    line = node.start_mark.line + 1
    if not place:
        return line
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(place[0]):
                inner = _line(value, place[1:])
                return key.start_mark.line + 1 if len(place) == 1 else inner
    if isinstance(node, yaml.SequenceNode) and isinstance(place[0], int) and place[0] < len(node.value):
        return _line(node.value[place[0]], place[1:])
    return line


def _described(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        return f"line {error.problem_mark.line + 1}: {error.problem}"
    return str(error).replace("\n", " ")

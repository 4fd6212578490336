"""Which recipe is meant: one of ours by name, or a file; and what the command line changes in it. Imports no torch."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from wildsr.recipes.builtin import RECIPES
from wildsr.recipes.parts.data import Degraded, Dual, Unpaired
from wildsr.recipes.parts.files import changed, load_recipe
from wildsr.recipes.parts.recipe import Recipe
from wildsr.recipes.parts.strict import RecipeError

SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True)
class Wishes:
    """What has options of its own, because everybody needs it.

    Attributes:
        data: folders of images; several are mixed.
        validation: folder to validate on.
        init: models to start from, a name or a file each; NETWORK=MODEL for another network than the result.
        steps: how many.
        changes: as :func:`wildsr.recipes.parts.files.changed` takes them; they come first.
    """

    data: tuple[Path, ...] = ()
    validation: Path | None = None
    init: tuple[str, ...] = ()
    steps: int | None = None
    changes: tuple[str, ...] = ()


def choose_recipe(name: str, wishes: Wishes | None = None) -> Recipe:
    """The recipe of a name or a YAML file, with the wishes in it.

    Raises:
        RecipeError: for an unknown name, with the nearest; a file that is wrong; or a wish that does not suit.
    """
    path = Path(name)
    if name in RECIPES:
        recipe = RECIPES[name]
    elif path.suffix.lower() in SUFFIXES or path.is_file():
        recipe = load_recipe(path)
    else:
        close = get_close_matches(name, RECIPES, 1)
        hint = f"did you mean '{close[0]}'?" if close else f"there are {', '.join(RECIPES)}."
        raise RecipeError(f"there is no recipe '{name}'; {hint} A file must end in .yaml")
    if wishes is None:
        return recipe
    # Another network or kind of data brings defaults of its own, which must not take back what has an option.
    recipe = changed(recipe, wishes.changes, name)
    return changed(recipe, _changes(recipe, wishes), name)


def result_of(recipe: Recipe) -> str:
    """The network that the run is for."""
    return "up" if recipe.objective.kind == "ddnsr" else "generator"


def _changes(recipe: Recipe, wishes: Wishes) -> Sequence[str]:
    found: list[str] = []
    if len(wishes.data) > 1:
        if not isinstance(recipe.data, Degraded | Unpaired | Dual):
            raise RecipeError(f"{recipe.data.kind} data are in one folder; give --data once")
        found.append(_change("data.hr", [str(path) for path in wishes.data]))
    elif wishes.data:
        found.append(_change("data.folder", str(wishes.data[0])))
    if wishes.validation is not None:
        found.append(_change("validation.folder", str(wishes.validation)))
    for one in wishes.init:
        name, equals, model = one.partition("=")
        if not equals or name not in recipe.networks:
            name, model = result_of(recipe), one
        found.append(_change(f"networks.{name}.start", model))
    if wishes.steps is not None:
        found.append(_change("train.steps", wishes.steps))
    return found


def _change(place: str, value: str | int | list[str]) -> str:
    # JSON is YAML, and takes every character of a path for what it is.
    return f"{place}={json.dumps(value, ensure_ascii=False)}"

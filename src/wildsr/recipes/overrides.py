"""Chooses a recipe by name or file, and applies the options of the command line. Imports no torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from wildsr.recipes.builtin import RECIPES
from wildsr.recipes.config.recipe import Recipe
from wildsr.recipes.errors import RecipeError
from wildsr.recipes.yaml import changed, load_recipe

SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True)
class Overrides:
    """Values that replace those of a recipe.

    Attributes:
        data: folders of images; several are mixed.
        validation: folder to validate on.
        init: models to start from, a name or a file each; NETWORK=MODEL for another network than the result.
        steps: number of training steps.
        changes: single values as :func:`wildsr.recipes.yaml.changed` takes them; they are applied first.
    """

    data: tuple[Path, ...] = ()
    validation: Path | None = None
    init: tuple[str, ...] = ()
    steps: int | None = None
    changes: tuple[str, ...] = ()

    def applied(self, recipe: Recipe) -> Recipe:
        """The recipe with these values. Raises ``RecipeError`` for a value that does not suit."""
        # Changing an architecture or a kind of data resets the node, so the values with options of their own come last.
        recipe = changed(recipe, self.changes, recipe.name)
        values: dict[str, Any] = dict(recipe.data.given(self.data))
        if self.validation is not None:
            values["validation.folder"] = self.validation
        for one in self.init:
            name, equals, model = one.partition("=")
            if not equals or name not in recipe.networks:
                name, model = recipe.objective.result, one
            values[f"networks.{name}.start"] = model
        if self.steps is not None:
            values["train.steps"] = self.steps
        return recipe.replaced(values)


def choose_recipe(name: str, overrides: Overrides | None = None) -> Recipe:
    """The built-in recipe of a name, or that of a YAML file, with ``overrides``.

    Raises:
        RecipeError: an unknown name, with the nearest known one; a wrong file; or an override that does not suit.
    """
    path = Path(name)
    if name in RECIPES:
        recipe = RECIPES[name]
    elif path.suffix.lower() in SUFFIXES or path.is_file():
        recipe = load_recipe(path)
    else:
        raise RecipeError(
            f"there is no recipe '{name}'; {_hint(name, list(RECIPES))} A file must end in .yaml"
        )
    return recipe if overrides is None else overrides.applied(recipe)


def _hint(name: str, known: Sequence[str]) -> str:
    close = get_close_matches(name, known, 1)
    return f"did you mean '{close[0]}'?" if close else f"there are {', '.join(known)}."

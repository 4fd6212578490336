"""Recipes: complete descriptions of training runs, as YAML or in Python.

``RECIPES`` holds the built-in ones, :func:`train` trains one; :mod:`wildsr.recipes.config` has the nodes that recipes
consist of. Names are imported on first use, so that looking at recipes loads no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wildsr.recipes.builtin import RECIPES as RECIPES
    from wildsr.recipes.config.recipe import Recipe as Recipe
    from wildsr.recipes.errors import RecipeError as RecipeError
    from wildsr.recipes.overrides import Overrides as Overrides
    from wildsr.recipes.overrides import choose_recipe as choose_recipe
    from wildsr.recipes.renamed import RenamedKey as RenamedKey
    from wildsr.recipes.run import Built as Built
    from wildsr.recipes.run import build as build
    from wildsr.recipes.run import train as train
    from wildsr.recipes.yaml import changed as changed
    from wildsr.recipes.yaml import dump_recipe as dump_recipe
    from wildsr.recipes.yaml import load_recipe as load_recipe
    from wildsr.recipes.yaml import parse_recipe as parse_recipe

_HOME_OF = {
    "Built": "wildsr.recipes.run",
    "Overrides": "wildsr.recipes.overrides",
    "RECIPES": "wildsr.recipes.builtin",
    "Recipe": "wildsr.recipes.config.recipe",
    "RecipeError": "wildsr.recipes.errors",
    "RenamedKey": "wildsr.recipes.renamed",
    "build": "wildsr.recipes.run",
    "changed": "wildsr.recipes.yaml",
    "choose_recipe": "wildsr.recipes.overrides",
    "dump_recipe": "wildsr.recipes.yaml",
    "load_recipe": "wildsr.recipes.yaml",
    "parse_recipe": "wildsr.recipes.yaml",
    "train": "wildsr.recipes.run",
}

__all__ = [
    "RECIPES",
    "Built",
    "Overrides",
    "Recipe",
    "RecipeError",
    "RenamedKey",
    "build",
    "changed",
    "choose_recipe",
    "dump_recipe",
    "load_recipe",
    "parse_recipe",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'wildsr.recipes' has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)

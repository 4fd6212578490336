"""``wildsr recipe``."""

import json
from typing import Annotated

import typer

from wildsr.cli import options
from wildsr.cli.console import exits, literal, output, say, table
from wildsr.cli.recipe_import import import_options
from wildsr.cli.train import renamed_keys_noted, training_extra
from wildsr.errors import UsageError

app = typer.Typer(no_args_is_help=True, help="List and print training recipes.")


@app.command("list")
def list_recipes() -> None:
    """List the built-in recipes."""
    with exits():
        with training_extra():
            from wildsr.recipes.builtin import RECIPES
        rows = table(padding=(0, 2, 0, 0))
        for name, recipe in RECIPES.items():
            rows.add_row(literal(name), literal(recipe.about))
        output().print(rows, soft_wrap=False)


@app.command("show")
def show(
    name: Annotated[
        str | None,
        typer.Argument(help="A name from `wildsr recipe list`, or a YAML file.", show_default=False),
    ] = None,
    change: options.Overrides = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema of recipes, for editors.")
    ] = False,
) -> None:
    """Print a recipe as YAML with all its values. The output is itself a recipe, to be changed and trained."""
    with exits():
        with training_extra():
            from wildsr.recipes.config import Recipe
            from wildsr.recipes.overrides import Overrides, choose_recipe
            from wildsr.recipes.yaml import dump_recipe
        if schema:
            typer.echo(json.dumps(Recipe.model_json_schema(), indent=2))
        elif name is None:
            raise UsageError("give the name of a recipe; `wildsr recipe list` lists them")
        else:
            with renamed_keys_noted():
                recipe = choose_recipe(name, Overrides(changes=tuple(change or ())))
            say(dump_recipe(recipe).removesuffix("\n"))


app.command("import", no_args_is_help=True)(import_options)

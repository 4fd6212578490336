"""``wildsr recipe``: the recipes that come with wildsr, to look at and to start from."""

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from wildsr.cli.exit_codes import USAGE
from wildsr.cli.train import renamed_keys_noted, training_parts

app = typer.Typer(no_args_is_help=True, help="Recipes for training.")


@app.command("list")
def list_recipes() -> None:
    """All recipes, and what each is for."""
    with training_parts():
        from wildsr.recipes.builtin import RECIPES
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, recipe in RECIPES.items():
        table.add_row(name, recipe.about)
    Console().print(table)


@app.command("show")
def show(
    name: Annotated[
        str | None,
        typer.Argument(help="A name from 'wildsr recipe list', or a YAML file.", show_default=False),
    ] = None,
    change: Annotated[
        list[str] | None, typer.Option("--set", help="A value to change, such as train.steps=1000.")
    ] = None,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema of all recipes, for editors.")
    ] = False,
) -> None:
    """Print a recipe as YAML, every value written out; what it prints is a recipe to change and train."""
    with training_parts():
        from wildsr.recipes.config import Recipe
        from wildsr.recipes.errors import RecipeError
        from wildsr.recipes.overrides import Overrides, choose_recipe
        from wildsr.recipes.yaml import dump_recipe
    if schema:
        typer.echo(json.dumps(Recipe.model_json_schema(), indent=2))
        return
    if name is None:
        typer.echo("Error: which recipe? See `wildsr recipe list`.", err=True)
        raise typer.Exit(2)
    try:
        with renamed_keys_noted():
            recipe = choose_recipe(name, Overrides(changes=tuple(change or ())))
        typer.echo(dump_recipe(recipe), nl=False)
    except RecipeError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(USAGE) from error

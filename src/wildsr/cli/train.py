"""``wildsr train``: a model from a folder of photographs."""

from pathlib import Path
from typing import Annotated

import typer


def train(
    data: Annotated[
        Path, typer.Option("--data", help="Folder of sharp photographs.", exists=True, file_okay=False)
    ],
    out: Annotated[
        Path, typer.Option("-o", "--out", help="Folder for the checkpoint, the state and the log.")
    ],
    steps: Annotated[
        int | None, typer.Option(min=1, help="By default the recipe's own.", show_default=False)
    ] = None,
) -> None:
    """Train the compact ×4 model; run it again to go on where it stopped."""
    from wildsr.recipes.compact_x4 import CompactX4, train, with_steps

    recipe = CompactX4() if steps is None else with_steps(CompactX4(), steps)
    try:
        checkpoint = train(recipe, data, out)
    except (FileNotFoundError, FloatingPointError) as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(1) from error
    typer.echo(f"{checkpoint}")

"""``wildsr train``: a model from a folder of photographs."""

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from wildsr.image.errors import PictureError


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
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    try:
        with Progress(*columns, transient=True) as progress:
            task = progress.add_task("reading photographs", total=recipe.schedule.steps)

            def show(step: int, losses: dict[str, float]) -> None:
                told = "  ".join(f"{name} {value:.4f}" for name, value in losses.items())
                progress.update(task, completed=step, description=told)

            checkpoint = train(recipe, data, out, show)
    except KeyboardInterrupt as error:
        typer.echo(f"Interrupted; the same command goes on from the last state saved in {out}.", err=True)
        raise typer.Exit(130) from error
    except (FileNotFoundError, FloatingPointError, PictureError) as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(1) from error
    typer.echo(f"{checkpoint}")

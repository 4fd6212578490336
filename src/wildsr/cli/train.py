"""``wildsr train``: a model from images, by a recipe."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from wildsr.cli.exit_codes import FAILED, INTERRUPTED, SIGNALLED, USAGE
from wildsr.image.errors import ImageError

if TYPE_CHECKING:
    from wildsr.recipes.run import Built
    from wildsr.training.events import Event
    from wildsr.training.processes import Hardware


class Accelerator(str, Enum):
    """What to compute on."""

    auto = "auto"
    cpu = "cpu"
    gpu = "gpu"
    mps = "mps"


def train(
    recipe: Annotated[
        str, typer.Argument(help="A name from 'wildsr recipe list', or a YAML file.", show_default=False)
    ],
    out: Annotated[
        Path,
        typer.Option("-o", "--out", help="Folder for the model, the states and the log.", show_default=False),
    ],
    data: Annotated[
        list[Path] | None,
        typer.Option(
            "--data", help="Folder of images, or store (.lmdb); several are mixed.", show_default=False
        ),
    ] = None,
    validation: Annotated[
        Path | None, typer.Option("--val", help="Folder of images to validate on.", show_default=False)
    ] = None,
    init: Annotated[
        list[str] | None,
        typer.Option(
            help="Model to start from, a name or a file; NETWORK=MODEL for others.", show_default=False
        ),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="By default the recipe's own.", show_default=False)
    ] = None,
    change: Annotated[
        list[str] | None,
        typer.Option("--set", help="A value to change, such as train.batch_size=8.", show_default=False),
    ] = None,
    features: Annotated[
        Path | None,
        typer.Option(
            help="Folder with vgg19.pth and other feature networks.",
            exists=True,
            file_okay=False,
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Say what would be done, and write the first batch as an image."),
    ] = False,
    accelerator: Annotated[Accelerator, typer.Option(help="What to compute on.")] = Accelerator.auto,
    devices: Annotated[int, typer.Option(min=1, help="How many of them on each machine.")] = 1,
    nodes: Annotated[int, typer.Option(min=1, help="How many machines.")] = 1,
) -> None:
    """Train a model; the same command goes on where it stopped.

    Exit codes: 0 done, 1 it cannot go on, 2 wrong usage, 130 interrupted, 143 terminated.
    """
    with training_parts():
        from wildsr.data.errors import DataError
        from wildsr.recipes.errors import RecipeError
        from wildsr.recipes.overrides import Overrides, choose_recipe
        from wildsr.recipes.run import build
        from wildsr.training.errors import Interrupted, TrainingError
        from wildsr.training.processes import Hardware
    for path in data or ():
        if not path.exists():
            typer.echo(f"Error: --data: there is no {path}", err=True)
            raise typer.Exit(USAGE)
    overrides = Overrides(tuple(data or ()), validation, tuple(init or ()), steps, tuple(change or ()))
    try:
        with renamed_keys_noted():
            chosen = choose_recipe(recipe, overrides)
        with Console(stderr=True).status("reading images"):
            built = build(chosen, features)
        if dry_run:
            from wildsr.recipes.dry_run import dry_run as say

            typer.echo("\n".join(say(built, out)))
            return
        hardware = Hardware(accelerator.value, devices, nodes, chosen.train.precision)
        _train(built, hardware, out)
    except Interrupted as error:
        typer.echo(f"Interrupted: {error}", err=True)
        raise typer.Exit(SIGNALLED + error.signal) from error
    except KeyboardInterrupt as error:
        typer.echo(f"Interrupted; the same command goes on from the last state in {out}.", err=True)
        raise typer.Exit(INTERRUPTED) from error
    except (RecipeError, DataError, TrainingError, ImageError) as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(USAGE if isinstance(error, RecipeError) else FAILED) from error


@contextmanager
def training_parts() -> Iterator[None]:
    """Around imports of what only the extra ``train`` brings: a missing package is an error for people."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("wildsr"):
            raise
        typer.echo(
            f"Error: training needs one more package, {error.name}: pip install 'wildsr[train]'", err=True
        )
        raise typer.Exit(FAILED) from error


@contextmanager
def renamed_keys_noted() -> Iterator[None]:
    """Print a note for every old name in a recipe that is read within."""
    from wildsr.recipes.renamed import RenamedKey

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", RenamedKey)
        yield
    for text in dict.fromkeys(str(warning.message) for warning in caught):
        typer.echo(f"Note: {text}", err=True)


def _train(built: "Built", hardware: "Hardware", out: Path) -> None:
    """Train, show how it goes, and print the model file; of several processes only the first speaks."""
    from wildsr.training.processes import start

    fabric = start(hardware)
    console = Console(stderr=True, quiet=not fabric.is_global_zero)
    for note in built.notes:
        console.print(escape(note), highlight=False)
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[left]}"),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("first step", total=built.recipe.train.steps, left="")

        def show(event: "Event") -> None:
            _show(progress, task, event)

        model = built.train(fabric, out, show, lambda problem: console.print(f"left out: {escape(problem)}"))
    if fabric.is_global_zero:
        typer.echo(f"{model}")


def _show(progress: Progress, task: TaskID, event: "Event") -> None:
    from wildsr.training import events

    match event:
        case events.Progress():
            losses = "  ".join(f"{name} {value:.4f}" for name, value in event.losses.items())
            progress.update(
                task, completed=event.step, description=losses, left=_duration(event.seconds_left)
            )
        case events.Validated():
            values = "  ".join(f"{name} {value:.4f}" for name, value in event.metrics.items())
            progress.console.print(
                f"step {event.step}: {values}{'  (best)' if event.best else ''}", highlight=False
            )
        case events.Note():
            progress.console.print(f"step {event.step}: {escape(event.text)}", highlight=False)
        case events.Saved():
            pass


def _duration(seconds: float) -> str:
    minutes = int(seconds) // 60
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02} min left"
    return f"{minutes} min left" if minutes else f"{int(seconds)} s left"

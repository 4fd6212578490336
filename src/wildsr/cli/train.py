"""``wildsr train``."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wildsr.cli import options
from wildsr.cli.console import FAILED, Bars, complain, errors, exits, literal, progress, say, status, warn
from wildsr.errors import UsageError

if TYPE_CHECKING:
    from wildsr.recipes.run import Built
    from wildsr.training.events import Event
    from wildsr.training.processes import Hardware


class Accelerator(str, Enum):
    """Kind of device."""

    auto = "auto"
    cpu = "cpu"
    gpu = "gpu"
    mps = "mps"


def train(
    recipe: Annotated[
        str, typer.Argument(help="A name from `wildsr recipe list`, or a YAML file.", show_default=False)
    ],
    out: Annotated[
        Path,
        typer.Option(
            "-o", "--out", help="Folder for the model, the checkpoints and the log.", show_default=False
        ),
    ],
    data: Annotated[
        list[Path] | None,
        typer.Option(
            "--data", help="Folder of images, or an .lmdb store. May be repeated.", show_default=False
        ),
    ] = None,
    validation: Annotated[
        Path | None, typer.Option("--val", help="Folder of validation images.", show_default=False)
    ] = None,
    init: Annotated[
        list[str] | None,
        typer.Option(
            help="Model to start from: a name or a file. NETWORK=MODEL for networks other than the generator.",
            show_default=False,
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(min=1, help="Training steps. By default those of the recipe.", show_default=False),
    ] = None,
    change: options.Overrides = None,
    features: options.Features = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Print what would be done, and write the first batch as an image."),
    ] = False,
    accelerator: Annotated[Accelerator, typer.Option(help="Kind of device.")] = Accelerator.auto,
    devices: Annotated[int, typer.Option(min=1, help="Devices per machine.")] = 1,
    nodes: Annotated[int, typer.Option(min=1, help="Machines.")] = 1,
) -> None:
    """Train a model. The same command continues an interrupted run.

    Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted, 143 terminated.
    """
    with exits(f"Interrupted; the same command continues from the last checkpoint in {out}."):
        with training_extra():
            from wildsr.recipes.overrides import Overrides, choose_recipe
            from wildsr.recipes.run import build
            from wildsr.training.processes import Hardware
        for path in data or ():
            if not path.exists():
                raise UsageError(f"--data: there is no {path}")
        overrides = Overrides(tuple(data or ()), validation, tuple(init or ()), steps, tuple(change or ()))
        with renamed_keys_noted():
            chosen = choose_recipe(recipe, overrides)
        with status("reading images"):
            built = build(chosen, features)
        if dry_run:
            from wildsr.recipes.dry_run import dry_run as describe

            for line in describe(built, out):
                say(line)
            return
        _train(built, Hardware(accelerator.value, devices, nodes, chosen.train.precision), out)


@contextmanager
def training_extra() -> Iterator[None]:
    """Context manager: turns a missing package of the extra ``train`` into an error that says how to install it."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("wildsr"):
            raise
        complain(f"training needs one more package, {error.name}: pip install 'wildsr[train]'")
        raise typer.Exit(FAILED) from error


@contextmanager
def renamed_keys_noted() -> Iterator[None]:
    """Print a note for every old name in a recipe that is read within."""
    from wildsr.recipes.renamed import RenamedKey

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", RenamedKey)
        yield
    for text in dict.fromkeys(str(warning.message) for warning in caught):
        warn(f"Note: {text}")


def _train(built: "Built", hardware: "Hardware", out: Path) -> None:
    """Train, show the progress, and print the model file; of several processes only the first prints."""
    from wildsr.training.processes import start

    fabric = start(hardware)
    console = errors()
    console.quiet = not fabric.is_global_zero
    for note in built.notes:
        console.print(literal(note))
    with progress(quiet=not fabric.is_global_zero) as bars:
        bars("training", 0, built.recipe.train.steps, unit="steps", note="first step")

        def show(event: "Event") -> None:
            if line := _show(bars, built.recipe.train.steps, event):
                console.print(literal(line))

        model = built.train(fabric, out, show, lambda problem: console.print(f"left out: {literal(problem)}"))
    if fabric.is_global_zero:
        say(model)


def _show(bars: Bars, steps: int, event: "Event") -> str:
    """Update the progress; returns the line to print, if any."""
    from wildsr.training import events

    match event:
        case events.TrainingProgress():
            losses = "  ".join(f"{name} {value:.4f}" for name, value in event.losses.items())
            bars(
                "training", event.step, steps, unit="steps", note=f"{duration(event.seconds_left)}  {losses}"
            )
        case events.Validated():
            values = "  ".join(f"{name} {value:.4f}" for name, value in event.metrics.items())
            return f"step {event.step}: {values}{'  (best)' if event.best else ''}"
        case events.TrainingNote():
            return f"step {event.step}: {event.text}"
        case events.Saved():
            pass
    return ""


def duration(seconds: float) -> str:
    """Such as ``12 min left``."""
    minutes = int(seconds) // 60
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02} min left"
    return f"{minutes} min left" if minutes else f"{int(seconds)} s left"

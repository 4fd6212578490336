"""``wildsr models``: what there is to upscale with, and how to get more."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table
from rich.text import Text

from wildsr.cli.exit_codes import FAILED, INTERRUPTED, USAGE
from wildsr.cli.feature_files import feature_file, pull_feature_files
from wildsr.storage.digest import sha256_of
from wildsr.zoo.catalogue import ModelEntry, catalogue, describe, models_folder
from wildsr.zoo.download import add as add_file
from wildsr.zoo.download import pull as pull_one
from wildsr.zoo.errors import ModelError

app = typer.Typer(help="List, describe and fetch models.")
_COMMERCIAL = {
    "yes": "allowed by that licence",
    "no": "not allowed by that licence",
    "unknown": "unknown; ask the authors",
}

Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a file that is already there.")]


@app.callback(invoke_without_command=True)
def models(context: typer.Context) -> None:
    """List the models that are here, and the published ones that can be fetched."""
    if context.invoked_subcommand is not None:
        return
    console = _console()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("name", "here", "scale", "licence", "good at"):
        table.add_column(heading, no_wrap=heading != "good at")
    for entry in catalogue():
        table.add_row(
            escape(entry.name),
            _whereabouts(entry),
            f"x{entry.scale}" if entry.scale else "?",
            escape(entry.licence),
            Text(entry.good_at, no_wrap=True, overflow="ellipsis"),  # the one column that gives way
        )
    console.print(table)
    console.print(f"\nYour models: {escape(str(models_folder()))}")
    console.print("`wildsr models show NAME` tells more, `wildsr models pull NAME` fetches.", style="dim")


@app.command(no_args_is_help=True)
def show(
    name: Annotated[str, typer.Argument(help="A name from `wildsr models`.", show_default=False)],
) -> None:
    """Tell what is known about a model, and how to get it."""
    try:
        entry = describe(name)
    except ModelError as error:
        raise _usage(error) from error
    console = _console()
    console.print(f"[bold]{escape(entry.name)}[/]")
    for label, fact in _facts(entry):
        console.print(f"{label:<16}{escape(fact)}")


@app.command(no_args_is_help=True)
def pull(
    names: Annotated[list[str], typer.Argument(help="Names from `wildsr models`.", show_default=False)],
    overwrite: Overwrite = False,
) -> None:
    """Download published models into your models folder; run it again to go on where it stopped.

    Files that training and metrics need go to its folder 'metrics': vgg19, vgg16, alexnet, lpips_alex ...
    WILDSR_MIRROR=https://host/path is asked first. Exit codes: 0 all here, 1 some could not be had, 2 wrong
    usage, 130 interrupted.
    """
    try:
        files = [file for name in names if (file := feature_file(name))]
        entries = [describe(name) for name in names if not feature_file(name)]
    except ModelError as error:
        raise _usage(error) from error
    console = _console()
    try:
        failed = not pull_feature_files(console, files, overwrite)
        for entry in entries:
            failed = not _pull(console, entry, overwrite) or failed
    except KeyboardInterrupt as error:
        console.print("Interrupted; run the same again to go on where it stopped.")
        raise typer.Exit(INTERRUPTED) from error
    raise typer.Exit(FAILED if failed else 0)


@app.command(no_args_is_help=True)
def add(
    file: Annotated[Path, typer.Argument(help="A model file.", show_default=False)],
    name: Annotated[str, typer.Option("--as", help="The name it gets.", show_default=False)],
    overwrite: Overwrite = False,
) -> None:
    """Check a model file and copy it into your models folder.

    Under the name of a published model it must be that very file.
    """
    try:
        path = add_file(file, name, overwrite=overwrite)
    except ModelError as error:
        raise _usage(error) from error
    _console().print(f"[green]{escape(name)}[/] [dim]{escape(str(path))}[/]")


def _pull(console: Console, entry: ModelEntry, overwrite: bool) -> bool:
    if entry.path is not None and not (overwrite and entry.checkpoint):
        console.print(f"{escape(entry.name)} [dim]is here already: {escape(str(entry.path))}[/]")
        return True
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    try:
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task(escape(entry.name), total=None)
            path = pull_one(
                entry.name,
                overwrite=overwrite,
                on_bytes=lambda done, total: progress.update(task, completed=done, total=total),
            )
    except ModelError as error:
        console.print(f"[red]failed[/] {escape(str(error))}")
        return False
    console.print(f"[green]{escape(entry.name)}[/] [dim]{escape(str(path))}, {escape(entry.licence)}[/]")
    if entry.checkpoint and not entry.checkpoint.sha256:
        console.print("[yellow]note[/] no checksum of this file is known, so only its contents were checked")
    elif entry.checkpoint and sha256_of(path) != entry.checkpoint.sha256:
        console.print(
            "[yellow]note[/] a copy that others offer, with other bytes than the published file; its architecture and "
            "sizes were checked"
        )
    return True


def _whereabouts(entry: ModelEntry) -> str:
    if entry.path is not None:
        return "[green]yes[/]"
    return "pull" if entry.checkpoint and entry.checkpoint.direct else "by hand"


def _facts(entry: ModelEntry) -> list[tuple[str, str]]:
    """What the card of a model says, line by line."""
    facts = [
        ("good at", entry.good_at or "unknown"),
        ("architecture", entry.architecture or "known when it is loaded"),
        ("scale", f"x{entry.scale}" if entry.scale else "known when it is loaded"),
        ("licence", entry.licence),
    ]
    checkpoint = entry.checkpoint
    if checkpoint is not None:
        facts += [
            ("commercial use", _COMMERCIAL[checkpoint.project.commercial]),
            (
                "",
                "The licence is that of the repository; whether it covers the weights, the authors do not say.",
            ),
            ("paper", checkpoint.project.paper),
            ("value range", f"0 to {checkpoint.value_range:g}"),
            ("file", f"{checkpoint.file}, {_size(checkpoint.size)}"),
            ("SHA-256", checkpoint.sha256 or "unknown"),
        ]
    if entry.trained_on:
        facts.append(("trained on", ", ".join(entry.trained_on)))
    facts.append(("origin", entry.origin))
    if entry.path is not None:
        facts.append(("here", str(entry.path)))
    elif checkpoint is not None:
        facts.append(("how to get it", checkpoint.how_to_get))
    return facts


def _size(size: int | None) -> str:
    return f"{size / 1e6:.1f} MB" if size else "size unknown"


def _usage(error: ModelError) -> typer.Exit:
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"[red]Error:[/] {escape(str(error))}")
    return typer.Exit(USAGE)


def _console() -> Console:
    console = Console(highlight=False, soft_wrap=True)
    # Programs and pagers get whole lines.
    return console if console.is_terminal else Console(highlight=False, soft_wrap=True, width=200)

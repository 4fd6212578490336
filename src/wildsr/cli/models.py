"""``wildsr models``."""

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from wildsr.cli import options
from wildsr.cli.console import FAILED, exits, literal, output, progress, safe, table
from wildsr.cli.feature_files import feature_file, pull_feature_file
from wildsr.storage.digest import sha256_of
from wildsr.zoo.catalogue import ModelEntry, catalogue, describe, models_folder
from wildsr.zoo.download import add as add_file
from wildsr.zoo.download import pull as pull_one
from wildsr.zoo.download import remove as remove_one
from wildsr.zoo.errors import ModelError

_Names = Annotated[list[str], typer.Argument(help="Names from `wildsr models`.", show_default=False)]
app = typer.Typer(help="List, describe, fetch and remove models.")
_COMMERCIAL = {
    "yes": "allowed by that licence",
    "no": "not allowed by that licence",
    "unknown": "unknown; ask the authors",
}


@app.callback(invoke_without_command=True)
def models(context: typer.Context) -> None:
    """List the installed models, and the published ones that can be downloaded."""
    if context.invoked_subcommand is not None:
        return
    with exits():
        entries = table(pad_edge=False)
        entries.show_header = True
        for heading in ("name", "installed", "scale", "licence", "good at"):
            entries.add_column(heading, no_wrap=heading != "good at")
        for entry in catalogue():
            entries.add_row(
                literal(entry.name),
                _availability(entry),
                f"x{entry.scale}" if entry.scale else "?",
                literal(entry.licence),
                Text(safe(entry.good_at), no_wrap=True, overflow="ellipsis"),  # the one column that is cut
            )
        console = output()
        console.print(entries)
        console.print(f"\nYour models: {literal(models_folder())}")
        console.print(
            "`wildsr models show NAME` describes a model, `wildsr models pull NAME` downloads it.",
            style="dim",
        )


@app.command(no_args_is_help=True)
def show(
    name: Annotated[str, typer.Argument(help="A name from `wildsr models`.", show_default=False)],
) -> None:
    """Print what is known about a model, and how to get it."""
    with exits():
        entry = describe(name)
        console = output()
        console.print(f"[bold]{literal(entry.name)}[/]")
        for label, fact in _facts(entry):
            console.print(f"{label:<16}{literal(fact)}")


@app.command(no_args_is_help=True)
def pull(
    names: _Names,
    overwrite: options.Overwrite = False,
) -> None:
    """Download published models into your models folder. The same command continues an interrupted download.

    Files that training and metrics need are stored in its folder 'metrics': vgg19, vgg19-keras, alexnet, lpips_alex ...
    With WILDSR_MIRROR=https://host/path, that address is tried first. Exit codes: 0 all installed, 1 some downloads
    failed, 2 wrong usage, 130 interrupted.
    """
    with exits("Interrupted; the same command continues the download."):
        files = [file for name in names if (file := feature_file(name))]
        entries = [describe(name) for name in names if not feature_file(name)]
        pulled = [pull_feature_file(file, overwrite) for file in files]
        pulled += [_pull(entry, overwrite) for entry in entries]
        raise typer.Exit(0 if all(pulled) else FAILED)


@app.command(no_args_is_help=True)
def add(
    file: Annotated[Path, typer.Argument(help="A model file.", show_default=False)],
    name: Annotated[
        str, typer.Option("--as", help="Name under which the copy is found.", show_default=False)
    ],
    overwrite: options.Overwrite = False,
) -> None:
    """Check a model file, and copy it into your models folder.

    The name of a published model is only accepted for exactly that file.
    """
    with exits():
        path = add_file(file, name, overwrite=overwrite)
        output().print(f"[green]{literal(name)}[/] [dim]{literal(path)}[/]")


@app.command(no_args_is_help=True)
def remove(
    names: _Names,
) -> None:
    """Delete installed models from your models folder.

    Models that come with wildsr stay. Exit codes: 0 all deleted, 1 some were not installed or could not be deleted,
    2 wrong usage.
    """
    with exits():
        entries = [describe(name) for name in names]
        removed = [_remove(entry.name) for entry in entries]
        raise typer.Exit(0 if all(removed) else FAILED)


def _remove(name: str) -> bool:
    try:
        files = remove_one(name)
    except ModelError as error:
        output().print(f"[red]failed[/] {literal(error)}")
        return False
    output().print(f"[green]removed[/] {literal(name)} [dim]{literal(', '.join(map(str, files)))}[/]")
    return True


def _pull(entry: ModelEntry, overwrite: bool) -> bool:
    console = output()
    if entry.path is not None and not (overwrite and entry.checkpoint):
        console.print(f"{literal(entry.name)} [dim]is installed already: {literal(entry.path)}[/]")
        return True
    try:
        with progress() as bars:
            path = pull_one(
                entry.name,
                overwrite=overwrite,
                on_bytes=lambda done, total: bars(entry.name, done, total, unit="B"),
            )
    except ModelError as error:
        console.print(f"[red]failed[/] {literal(error)}")
        return False
    console.print(f"[green]{literal(entry.name)}[/] [dim]{literal(path)}, {literal(entry.licence)}[/]")
    if entry.checkpoint and not entry.checkpoint.sha256:
        console.print("[yellow]note[/] no checksum of this file is known; only its contents were checked")
    elif entry.checkpoint and sha256_of(path) != entry.checkpoint.sha256:
        console.print(
            "[yellow]note[/] a copy that others offer, with other bytes than the published file; its architecture and "
            "sizes were checked"
        )
    return True


def _availability(entry: ModelEntry) -> str:
    if entry.path is not None:
        return "[green]yes[/]"
    return "pull" if entry.checkpoint and entry.checkpoint.direct else "by hand"


def _facts(entry: ModelEntry) -> list[tuple[str, str]]:
    """The description of a model, as labels and facts."""
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
                "The licence is that of the repository; the authors do not say whether it covers the weights.",
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
        facts.append(("installed", str(entry.path)))
    elif checkpoint is not None:
        facts.append(("how to get it", checkpoint.how_to_get))
    return facts


def _size(size: int | None) -> str:
    return f"{size / 1e6:.1f} MB" if size else "size unknown"

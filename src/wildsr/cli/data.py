"""``wildsr data``: published data sets: what they are, how to get them, whether they are complete."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from wildsr.cli.exit_codes import FAILED, INTERRUPTED, USAGE
from wildsr.data.errors import DataError

if TYPE_CHECKING:
    from wildsr.data.catalogue.published_set import PublishedSet

app = typer.Typer(
    help="List, describe, download, check and arrange published data sets.", no_args_is_help=True
)

Name = Annotated[str, typer.Argument(help="A name from `wildsr data list`.", show_default=False)]
Folder = Annotated[Path, typer.Argument(help="The folder where the data set lies.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for other programs.")]


@app.command("list")
def list_sets(as_json: Json = False) -> None:
    """List the data sets of the catalogue."""
    from wildsr.data.catalogue.published import PUBLISHED_SETS

    if as_json:
        typer.echo(json.dumps([_as_json(one) for one in PUBLISHED_SETS.values()], indent=1))
        return
    console = _console()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("name", "get", "download", "licence", "what"):
        table.add_column(heading, no_wrap=heading != "what")
    for one in PUBLISHED_SETS.values():
        table.add_row(
            escape(one.name),
            "pull" if one.direct else "by hand",
            _size(one.size),
            escape(one.licence),
            Text(one.title, no_wrap=True, overflow="ellipsis"),
        )
    console.print(table)
    console.print(
        "`wildsr data show NAME` prints all that is known, `wildsr data pull NAME` downloads.", style="dim"
    )


@app.command(no_args_is_help=True)
def show(name: Name, as_json: Json = False) -> None:
    """Print what is known about a data set: terms, files, folders, and what uses it."""
    one = _described(name)
    if as_json:
        typer.echo(json.dumps(_as_json(one), indent=1))
        return
    console = _console()
    console.print(f"[bold]{escape(one.name)}[/]")
    for label, fact in _facts(one):
        console.print(f"{label:<12}{escape(fact)}")


@app.command(no_args_is_help=True)
def pull(
    names: Annotated[list[str], typer.Argument(help="Names from `wildsr data list`.", show_default=False)],
    to: Annotated[
        Path | None,
        typer.Option(
            help="Folder for the data set. By default NAME in WILDSR_DATA, or in your user data folder.",
            show_default=False,
        ),
    ] = None,
    file: Annotated[
        list[str] | None,
        typer.Option(help="Only this file of the data set. May be repeated.", show_default=False),
    ] = None,
    archive: Annotated[
        list[Path] | None,
        typer.Option(
            help="An archive that you downloaded in a browser: it is verified and unpacked. May be repeated.",
            show_default=False,
        ),
    ] = None,
    keep_archives: Annotated[
        bool, typer.Option("--keep-archives", help="Keep downloaded archives after unpacking.")
    ] = False,
) -> None:
    """Download data sets, verify and unpack them; run it again to go on where it stopped.

    WILDSR_DATA_MIRROR=https://host/path is asked first, for path/NAME/FILE. Exit codes: 0 complete, 1 something could
    not be had or has to be fetched by hand, 2 wrong usage, 130 interrupted.
    """
    from wildsr.data.sets.pull import pull_set, sets_folder, steps_by_hand

    sets = [_described(name) for name in names]
    if len(sets) > 1 and (to or file or archive):
        raise _usage("--to, --file and --archive go with one data set; pull the others on their own")
    console, failed = _console(), False
    try:
        for one in sets:
            folder = to or sets_folder() / one.name
            with _bytes_bar(console) as step:
                pulled = pull_set(
                    one,
                    folder,
                    only=file or (),
                    archives=archive or (),
                    keep_archives=keep_archives,
                    on_progress=step,
                )
            for name, reason in pulled.failed.items():
                console.print(f"[red]failed[/] {escape(name)}: {escape(reason)}")
            by_hand = [
                *pulled.by_hand,
                *(each for each in one.files if each.path in pulled.failed and each.by_hand),
            ]
            if by_hand:
                console.print(f"[yellow]by hand[/] {escape(one.name)}:")
                for line in steps_by_hand(one, folder, by_hand):
                    console.print(f"  {escape(line)}")
            if pulled.done:
                console.print(
                    f"[green]{escape(one.name)}[/] [dim]{escape(str(folder))}, {len(pulled.done)} files[/]"
                )
            failed = failed or bool(pulled.failed or pulled.by_hand)
    except DataError as error:
        raise _usage(str(error)) from error
    except OSError as error:
        _complain(f"cannot write {error.filename or to or ''}: {error.strerror or error}")
        raise typer.Exit(FAILED) from error
    except KeyboardInterrupt as error:
        console.print("Interrupted; run the same again to go on where it stopped.")
        raise typer.Exit(INTERRUPTED) from error
    raise typer.Exit(FAILED if failed else 0)


@app.command(no_args_is_help=True)
def check(
    name: Name,
    folder: Folder,
    headers_only: Annotated[
        bool,
        typer.Option(
            "--headers-only", help="Read sizes only: fast, but an image that breaks off goes unnoticed."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Check counts, damaged images, and the names and sizes of pairs.

    Exit codes: 0 all as published, 1 problems, 2 wrong usage.
    """
    from wildsr.data.sets.check import check_set

    one, console = _described(name), _console()
    try:
        with _count_bar(console) as step:
            found = check_set(one, folder, headers_only=headers_only, on_checked=step)
    except DataError as error:
        raise _usage(str(error)) from error
    if as_json:
        typer.echo(
            json.dumps(
                {"counts": found.counts, "expected": found.expected, "problems": found.problems}, indent=1
            )
        )
    else:
        for group, count in found.counts.items():
            expected = found.expected[group]
            if count:
                console.print(
                    f"{escape(group):<20} {count} images, "
                    f"{f'{expected} published' if expected else 'published number unknown'}"
                )
        for problem in found.problems:
            console.print(f"[red]problem[/] {escape(problem)}")
        if not found.problems:
            console.print(f"[green]{escape(name)}[/] is as published, as far as that is known")
    raise typer.Exit(FAILED if found.problems else 0)


@app.command(no_args_is_help=True)
def layout(
    name: Name,
    folder: Folder,
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", help="Folder that `wildsr benchmark --data` then takes.", show_default=False
        ),
    ],
) -> None:
    """Link a data set into the folders that recipes and benchmarks read, pairs under equal names."""
    from wildsr.data.sets.layout import lay_out

    one, console = _described(name), _console()
    try:
        arranged = lay_out(one, folder, output)
    except DataError as error:
        raise _usage(str(error)) from error
    except OSError as error:
        _complain(f"cannot write {error.filename or output}: {error.strerror or error}")
        raise typer.Exit(FAILED) from error
    for place, count in arranged.folders.items():
        console.print(f"{count:>6}  {escape(str(place))}")
    console.print(f"[dim]{arranged.linked}[/]")


def _facts(one: "PublishedSet") -> Iterator[tuple[str, str]]:
    yield "what", one.title
    yield "paper", one.paper
    yield "page", one.page
    yield "licence", one.licence
    yield "terms", one.terms
    yield "download", _size(one.size)
    yield "recipes", ", ".join(one.recipes) or "none in particular"
    yield "benchmarks", ", ".join(one.protocols) or "none"
    several = len(one.files) > 12
    for index, file in enumerate(one.files[:3] if several else one.files):
        facts = [
            file.path + (" (not with the whole set; --file)" if file.optional else ""),
            _size(file.size),
            f"SHA-256 {file.sha256 or 'unknown'}",
            file.urls[0] if file.urls else f"by hand: {file.by_hand or one.page}",
        ]
        yield "files" if not index else "", ", ".join(facts)
    if several:
        yield "", f"... and {len(one.files) - 3} more, `--json` lists all"
    for index, group in enumerate(one.groups):
        count = f"{group.images} images" if group.images else "number unknown"
        yield "folders" if not index else "", f"{group.folder}: {count}; {group.about}"
    for pair in one.pairs:
        yield "pairs", f"{pair.lr} and {pair.hr}, x{pair.scale}"
    for index, note in enumerate(one.notes):
        yield "notes" if not index else "", note


def _as_json(one: "PublishedSet") -> dict[str, Any]:
    from dataclasses import asdict

    content = asdict(one)
    return {**content, "size": one.size, "direct": one.direct}


def _described(name: str) -> "PublishedSet":
    from wildsr.data.catalogue.published import describe_set

    try:
        return describe_set(name)
    except DataError as error:
        raise _usage(str(error)) from error


def _size(size: int | None) -> str:
    if size is None:
        return "size unknown"
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


@contextmanager
def _bytes_bar(console: Console) -> Iterator[Callable[[str, int, int | None], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=None)
        yield lambda what, done, total: progress.update(
            task, description=escape(what), completed=done, total=total
        )


@contextmanager
def _count_bar(console: Console) -> Iterator[Callable[[int, int], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("checking", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _usage(message: str) -> typer.Exit:
    _complain(message)
    return typer.Exit(USAGE)


def _complain(message: str) -> None:
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"[red]Error:[/] {escape(message)}")


def _console() -> Console:
    console = Console(highlight=False, soft_wrap=True)
    return console if console.is_terminal else Console(highlight=False, soft_wrap=True, width=200)

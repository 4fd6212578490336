"""``wildsr data``."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from wildsr.cli.console import FAILED, exits, literal, output, print_json, progress, safe, table
from wildsr.errors import UsageError

if TYPE_CHECKING:
    from wildsr.data.catalogue.published_set import PublishedSet

app = typer.Typer(
    help="List, describe, download, check and arrange published data sets.", no_args_is_help=True
)

Name = Annotated[str, typer.Argument(help="A name from `wildsr data list`.", show_default=False)]
Folder = Annotated[Path, typer.Argument(help="Folder of the data set.", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for other programs.")]


@app.command("list")
def list_sets(as_json: Json = False) -> None:
    """List the data sets of the catalogue."""
    from wildsr.data.catalogue.published import PUBLISHED_SETS

    if as_json:
        typer.echo(json.dumps([_as_json(one) for one in PUBLISHED_SETS.values()], indent=1))
        return
    sets = table(pad_edge=False)
    sets.show_header = True
    for heading in ("name", "get", "download", "licence", "what"):
        sets.add_column(heading, no_wrap=heading != "what")
    for one in PUBLISHED_SETS.values():
        sets.add_row(
            literal(one.name),
            "pull" if one.direct else "by hand",
            _size(one.size),
            literal(one.licence),
            Text(safe(one.title), no_wrap=True, overflow="ellipsis"),
        )
    console = output()
    console.print(sets)
    console.print(
        "`wildsr data show NAME` describes a data set, `wildsr data pull NAME` downloads it.", style="dim"
    )


@app.command(no_args_is_help=True)
def show(name: Name, as_json: Json = False) -> None:
    """Print what is known about a data set: terms, files, folders, and what uses it."""
    with exits():
        from wildsr.data.catalogue.published import describe_set

        one = describe_set(name)
        if as_json:
            typer.echo(json.dumps(_as_json(one), indent=1))
            return
        console = output()
        console.print(f"[bold]{literal(one.name)}[/]")
        for label, fact in _facts(one):
            console.print(f"{label:<12}{literal(fact)}")


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
    """Download data sets, verify and unpack them. The same command continues an interrupted download.

    With WILDSR_DATA_MIRROR=https://host/path, path/NAME/FILE at that address is tried first. Exit codes: 0 complete,
    1 a download failed or is only possible by hand, 2 wrong usage, 130 interrupted.
    """
    with exits("Interrupted; the same command continues the download."):
        from wildsr.data.catalogue.published import describe_set
        from wildsr.data.sets.pull import sets_folder

        sets = [describe_set(name) for name in names]
        if len(sets) > 1 and (to or file or archive):
            raise UsageError("--to, --file and --archive go with one data set; pull the others on their own")
        complete = [
            _pull(one, to or sets_folder() / one.name, file or [], archive or [], keep_archives)
            for one in sets
        ]
        raise typer.Exit(0 if all(complete) else FAILED)


def _pull(
    one: "PublishedSet", folder: Path, only: list[str], archives: list[Path], keep_archives: bool
) -> bool:
    from wildsr.data.sets.pull import pull_set, steps_by_hand

    with progress() as bars:
        pulled = pull_set(
            one,
            folder,
            only=only,
            archives=archives,
            keep_archives=keep_archives,
            on_progress=lambda what, done, total: bars("download", done, total, unit="B", label=what),
        )
    console = output()
    for name, reason in pulled.failed.items():
        console.print(f"[red]failed[/] {literal(name)}: {literal(reason)}")
    failed = (each for each in one.files if each.path in pulled.failed and each.by_hand)
    if by_hand := [*pulled.by_hand, *failed]:
        console.print(f"[yellow]by hand[/] {literal(one.name)}:")
        for line in steps_by_hand(one, folder, by_hand):
            console.print(f"  {literal(line)}")
    if pulled.done:
        console.print(f"[green]{literal(one.name)}[/] [dim]{literal(folder)}, {len(pulled.done)} files[/]")
    return not (pulled.failed or pulled.by_hand)


@app.command(no_args_is_help=True)
def check(
    name: Name,
    folder: Folder,
    headers_only: Annotated[
        bool,
        typer.Option("--headers-only", help="Read sizes only: fast, but truncated images are not noticed."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Check counts, damaged images, and the names and sizes of pairs.

    Exit codes: 0 complete and undamaged, 1 problems, 2 wrong usage.
    """
    with exits():
        from wildsr.data.catalogue.published import describe_set
        from wildsr.data.sets.check import check_set

        one, console = describe_set(name), output()
        with progress() as bars:
            found = check_set(
                one,
                folder,
                headers_only=headers_only,
                on_checked=lambda done, total: bars("checking", done, total, unit="images"),
            )
        if as_json:
            print_json(counts=found.counts, expected=found.expected, problems=found.problems)
            raise typer.Exit(FAILED if found.problems else 0)
        for group, count in found.counts.items():
            expected = found.expected[group]
            published = f"{expected} published" if expected else "published number unknown"
            if count:
                console.print(f"{literal(group):<20} {count} images, {published}")
        for problem in found.problems:
            console.print(f"[red]problem[/] {literal(problem)}")
        if not found.problems:
            console.print(f"[green]{literal(name)}[/] is complete and undamaged, as far as is known")
        raise typer.Exit(FAILED if found.problems else 0)


@app.command(no_args_is_help=True)
def layout(
    name: Name,
    folder: Folder,
    out: Annotated[
        Path,
        typer.Option(
            "-o", "--output", help="Output folder, for `wildsr benchmark --data`.", show_default=False
        ),
    ],
) -> None:
    """Link a data set into the folders that recipes and benchmarks read, with equal names for the images of a pair."""
    with exits():
        from wildsr.data.catalogue.published import describe_set
        from wildsr.data.sets.layout import lay_out

        arranged = lay_out(describe_set(name), folder, out)
        console = output()
        for place, count in arranged.folders.items():
            console.print(f"{count:>6}  {literal(place)}")
        console.print(f"[dim]{literal(arranged.linked)}[/]")


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


def _size(size: int | None) -> str:
    if size is None:
        return "size unknown"
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"

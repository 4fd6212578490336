"""``wildsr manifest``: manifests of runs that were divided into shards."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wildsr.cli.console import (
    FAILED,
    exits,
    list_failures,
    literal,
    output,
    plural,
    print_json,
    progress,
    say,
    table,
    warn,
)

if TYPE_CHECKING:
    from wildsr.inference.entries import Entries
    from wildsr.inference.run_manifest import Head

app = typer.Typer(help="Merge, check and summarize the manifests of runs.", no_args_is_help=True)

Manifests = Annotated[
    list[Path], typer.Argument(help="Manifests of shards of one run.", exists=True, dir_okay=False)
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for other programs.")]


@app.command("merge")
def merge(
    manifests: Manifests,
    target: Annotated[
        Path, typer.Option("-o", "--output", help="The manifest to write.", show_default=False)
    ],
) -> None:
    """Merge the manifests of several shards into one.

    Those of `wildsr prepare` become the manifest of the prepared folder.
    """
    with exits():
        from wildsr.data.manifest import is_manifest_of_pairs, merge_manifests_of_pairs

        if is_manifest_of_pairs(manifests[0]):
            say(f"{target}: {plural(merge_manifests_of_pairs(manifests, target), 'image')}")
            return
        from wildsr.inference.manifest_checks import merge_files, missing_shards

        head, entries = merge_files(manifests, target)
        say(f"{target}: {plural(len(entries), 'image')}, shards {head.shard}")
        _warn_missing(missing_shards(head))


@app.command("check")
def check(
    manifests: Manifests,
    quick: Annotated[
        bool, typer.Option("--quick", help="Compare sizes only, not the content of files.")
    ] = False,
    json: Json = False,
) -> None:
    """Check that every shard and every result is present and undamaged.

    Exit codes: 0 everything is as recorded, 1 something is missing, damaged or failed.
    """
    with exits():
        from wildsr.inference.manifest_checks import check, missing_shards

        head, entries = _read(manifests)
        absent = missing_shards(head)
        with progress(quiet=json) as bars:
            count = 0

            def tell() -> None:
                nonlocal count
                count += 1
                bars("files", count, len(entries), unit="files")

            found = check(entries, quick=quick, on_image=tell)
        if json:
            problems = [{"name": name, "reason": reason} for name, reason in found.problems]
            print_json(good=found.good, missing_shards=absent, problems=problems)
        else:
            say(f"{plural(found.good, 'result')} as recorded")
            _warn_missing(absent)
            list_failures("[red]not as recorded[/]", found.problems)
        raise typer.Exit(FAILED if absent or found.problems else 0)


@app.command("summary")
def summary(manifests: Manifests, json: Json = False) -> None:
    """Summarize manifests: images, failures, bytes, time, and one digest of all results."""
    with exits():
        from wildsr.inference.manifest_checks import summary

        numbers = summary(*_read(manifests))
        if json:
            print_json(**numbers)
            return
        failures = numbers.pop("failures")
        shown = table()
        for name, value in numbers.items():
            shown.add_row(literal(name.replace("_", " ")), literal(value))
        output().print(shown)
        list_failures("[red]failed[/]", [(one["input"], one["error"]) for one in failures])


def _read(manifests: list[Path]) -> "tuple[Head, Entries]":
    from wildsr.inference.manifest_checks import merge

    return merge(manifests)


def _warn_missing(shards: list[str]) -> None:
    if shards:
        some = ", ".join(shards[:10]) + (f" and {len(shards) - 10} more" if len(shards) > 10 else "")
        warn(f"Missing shards: {some}")

"""``wildsr prepare``: folders of images as pairs for training."""

import os
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from wildsr.cli.exit_codes import FAILED, INTERRUPTED, USAGE
from wildsr.cli.report import said
from wildsr.image.errors import ImageError

if TYPE_CHECKING:
    from wildsr.data.prepare import Prepared
    from wildsr.estimation.sources import Source


class CleanUp(str, Enum):
    """How images of the source domain become HR images."""

    realsr = "realsr"
    ddnsr = "ddnsr"
    none = "none"


class Format(str, Enum):
    """What is written."""

    folders = "folders"
    lmdb = "lmdb"


def prepare(
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", help="The folder for HR/, LR/ and manifest.jsonl.", show_default=False
        ),
    ],
    sources: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Folders of images of the source domain: as noisy and soft as those the model is for.",
            show_default=False,
        ),
    ] = None,
    target: Annotated[
        list[Path] | None,
        typer.Option(help="A folder of sharp, clean images, HR as they are; repeatable.", show_default=False),
    ] = None,
    scale: Annotated[int, typer.Option(min=1, help="HR pixels for each LR pixel.")] = 4,
    clean_up: Annotated[
        CleanUp,
        typer.Option(help="Source images at half their size as RealSR or DDNSR has it, or as they are."),
    ] = CleanUp.realsr,
    kernels: Annotated[
        Path | None,
        typer.Option(
            help="LR by kernels of this pool, rather than bicubic.",
            exists=True,
            dir_okay=False,
            show_default=False,
        ),
    ] = None,
    noise: Annotated[
        Path | None,
        typer.Option(
            help="Add noise of this pool now. RealSR adds it anew whenever a pair is used in training.",
            exists=True,
            dir_okay=False,
            show_default=False,
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(help="LR by a degradation of `wildsr degrade`, such as bsrgan.", show_default=False),
    ] = None,
    patch: Annotated[
        int | None,
        typer.Option(
            min=1, help="Cut pairs into sub-images of so many HR pixels a side.", show_default=False
        ),
    ] = None,
    stride: Annotated[
        int | None,
        typer.Option(
            min=1, help="HR pixels between them; without it they do not overlap.", show_default=False
        ),
    ] = None,
    min_side: Annotated[int, typer.Option(min=1, help="HR images with a shorter side are left out.")] = 64,
    format: Annotated[
        Format, typer.Option(help="folders of PNG files, or lmdb: HR.lmdb and LR.lmdb.")
    ] = Format.folders,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes; one for each core by default.", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of everything that is drawn.")] = 0,
) -> None:
    """Make HR and LR pairs for training.

    Run it again to go on where it stopped: what is done and undamaged is kept.

    Exit codes: 0 all done, 1 some images failed, 2 wrong usage, 130 interrupted.
    """
    from wildsr.data.errors import DataError
    from wildsr.data.making import Preparation, degradation_of
    from wildsr.data.prepare import items_of
    from wildsr.data.prepare import prepare as prepare_pairs
    from wildsr.degradations.pools import PoolError
    from wildsr.estimation.errors import EstimationError
    from wildsr.estimation.sources import find_sources

    places, others = sources or [], target or []
    if not places and not others:
        _fail("give a folder of images, or --target with one of sharp images")
        raise typer.Exit(USAGE)
    try:
        how = Preparation(scale, clean_up.value, preset, kernels, noise, patch, stride, min_side, seed)
        degradation_of(how)
    except (DataError, PoolError) as error:
        _fail(str(error))
        raise typer.Exit(USAGE) from error
    try:
        items = items_of(
            *(_not_ours(find_sources(some), output, some) if some else [] for some in (places, others))
        )
        columns = (
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("pictures"),
            TimeRemainingColumn(compact=True),
        )
        with Progress(*columns, transient=True, console=Console(stderr=True)) as progress:
            task = progress.add_task("", total=len(items))
            done = prepare_pairs(
                items,
                output,
                how,
                workers=workers or os.cpu_count() or 1,
                on_image=lambda: progress.advance(task),
            )
    except KeyboardInterrupt as error:
        _fail("interrupted; the same command goes on")
        raise typer.Exit(INTERRUPTED) from error
    except (DataError, EstimationError, ImageError, PoolError, OSError) as error:
        _fail(said(error))
        raise typer.Exit(FAILED) from error
    _report(output, done, format)


def _not_ours(found: "list[Source]", output: Path, places: list[Path]) -> "list[Source]":
    """What an earlier run wrote is no source of the next, where the output lies within the images."""
    home = output.resolve()
    same = home in {place.resolve() for place in places}
    ours = {home / "HR", home / "LR"} if same else {home}
    return [one for one in found if ours.isdisjoint(one.path.resolve().parents)]


def _report(output: Path, done: "Prepared", format: Format) -> None:
    from wildsr.data.errors import DataError

    kept = f", {done.kept} of them from before" if done.kept else ""
    typer.echo(f"{output}: {done.pairs} pairs of {done.done + done.kept} images{kept}")
    if format is Format.lmdb and done.pairs:
        try:
            _pack(output, renew=done.done > 0)
        except (DataError, OSError) as error:
            _fail(str(error))
            raise typer.Exit(FAILED) from error
    _list("too small, left out", done.small)
    if done.left_over:
        _say(
            f"{len(done.left_over)} images of an earlier run are not among these, and their pairs are still there; "
            f"to be rid of them, delete {output} and prepare again"
        )
    _list("[red]failed[/]", done.failures)
    if done.failures or not done.pairs:
        if not done.pairs:
            _fail("there is no pair")
        raise typer.Exit(FAILED)


def _pack(output: Path, renew: bool) -> None:
    from wildsr.data.errors import DataError
    from wildsr.data.manifest import names_of

    try:
        from wildsr.data.store import contents, write_store
    except ImportError as error:
        raise DataError("to write lmdb files, run: pip install 'wildsr[train]'") from error
    for kind in ("HR", "LR"):
        path = output / f"{kind}.lmdb"
        if renew or not path.is_file():
            write_store(path, contents(output / kind, names_of(output)))
    typer.echo(
        f"{output}: HR.lmdb and LR.lmdb; HR/ and LR/ are only needed to add images without starting anew"
    )


def _list(what: str, named: list[tuple[str, str]]) -> None:
    if named:
        _say(f"{len(named)} {what}:")
    for name, reason in named:
        _say(f"  {escape(reason if name in reason else f'{name}: {reason}')}")


def _fail(text: str) -> None:
    _say(f"[red]Error:[/] {escape(text)}")


def _say(text: str) -> None:
    Console(stderr=True, highlight=False, soft_wrap=True).print(text)

"""``wildsr compare``: blind comparisons of results by people."""

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wildsr.cli import options
from wildsr.cli.console import exits, literal, output, plural, progress, table
from wildsr.evaluation.compare import QUESTION

if TYPE_CHECKING:
    from wildsr.evaluation.compare.windows import Comparison
    from wildsr.evaluation.evaluate import OnStep, RunOptions
    from wildsr.evaluation.preference import Tally

_OUTPUT = Path("compare.html")


def compare(
    given: Annotated[
        list[str],
        typer.Argument(
            metavar="A B [C]... [INPUTS]",
            help="Models (name, file, or 'bicubic') or folders of results, optionally as NAME=...; then the photos "
            "to upscale. With --tally, files of votes.",
            show_default=False,
        ),
    ],
    inputs: Annotated[
        Path | None,
        typer.Option(
            "-i", "--inputs", help="Folder of photos, instead of the last argument.", show_default=False
        ),
    ] = None,
    target: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="The page, by default compare.html; with --tally, a JSON file of the results.",
            show_default=False,
        ),
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option(
            help="Write the pairs as PNG files into this folder, and the key next to it, instead of a page.",
            show_default=False,
        ),
    ] = None,
    tally: Annotated[
        bool, typer.Option("--tally", help="Count the votes that the page saved, or a sheet's answers.csv.")
    ] = False,
    key: Annotated[
        Path | None,
        typer.Option(
            help="Key of the sheet, by default FOLDER-key.json next to its folder.", show_default=False
        ),
    ] = None,
    window: Annotated[
        int,
        typer.Option(
            min=0,
            help="Side in pixels of the crop shown of larger images, where results differ most; 0: whole images.",
        ),
    ] = 768,
    pairs: Annotated[
        int | None,
        typer.Option(min=1, help="Maximum number of pairs. By default all.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of sides and order.")] = 0,
    question: Annotated[str, typer.Option(help="Question shown to the judges.")] = QUESTION,
    suffix: Annotated[
        str, typer.Option(help="Suffix that results add to the names of their inputs, such as _x4.")
    ] = "",
    device: options.Device = "auto",
    precision: options.Precision = options.PrecisionName.auto,
    cache: options.Cache = None,
    fresh: options.Fresh = False,
) -> None:
    """Make a page for a blind comparison: pairs of results on random sides, from which people choose.

    The page is one HTML file with the images in it. It needs no server and no network, and can be sent to judges. It
    shows preferences with 95 % intervals at the end and saves the votes; --tally counts the votes of several judges.

    \b
      wildsr compare default realesr-general-x4v3.pth photos/
      wildsr compare ours=results_a/ theirs=results_b/ -o compare.html
      wildsr compare default bicubic mine.safetensors photos/ --sheet pairs/
      wildsr compare --tally votes-*.json -o preferences.json
      wildsr compare --tally pairs/answers.csv

    Exit codes: 0 done, 1 a file could not be written, 2 wrong usage, 130 interrupted.
    """
    with exits("Interrupted; results so far are cached, and the same command continues."):
        from wildsr.evaluation.candidates import InferenceSettings, evaluation_cache
        from wildsr.evaluation.evaluate import RunOptions

        if tally:
            _count([Path(path).expanduser() for path in given], key, target)
            return
        working = RunOptions(InferenceSettings(device, precision.value), cache or evaluation_cache(), fresh)
        page = _page(target, sheet)
        with progress() as bars:
            comparison = _prepare(given, inputs, (window, pairs, seed), suffix, working, bars)
        _write(comparison, page, sheet, question)


def _page(output: Path | None, sheet: Path | None) -> Path:
    """The path of the page; raises an error before the work if it could not be written after it."""
    if output is not None and sheet is not None:
        raise ValueError("--output names a page and --sheet a folder that replaces it; use one of them")
    if sheet is not None:
        from wildsr.evaluation.compare.sheet import check_folder

        check_folder(sheet)
    target = output or _OUTPUT
    if sheet is None and target.is_dir():
        raise ValueError(f"-o {target} is a folder; name an HTML file in it")
    if sheet is None and not target.absolute().parent.is_dir():
        raise ValueError(f"-o {target}: there is no folder {target.parent}; create it first")
    return target


def _prepare(
    given: list[str],
    inputs: Path | None,
    shown: tuple[int, int | None, int],
    suffix: str,
    working: "RunOptions",
    step: "OnStep",
) -> "Comparison":
    from wildsr.evaluation.compare.contenders import collect, open_contenders, split_arguments
    from wildsr.evaluation.compare.windows import prepare

    texts, inputs = split_arguments(given, inputs)
    if inputs is not None and not inputs.exists():
        raise ValueError(f"there is no {inputs}; name the folder of the photos")
    contenders = open_contenders(texts)
    found = collect(contenders, inputs, working, suffix=suffix, on_step=step)
    side, most, seed = shown
    comparison = prepare(
        [one.name for one in contenders],
        found.subjects,
        side=side,
        seed=seed,
        most=most,
        on_image=lambda done, total: step("preparing pairs", done, total),
    )
    return replace(comparison, notes=(*found.notes, *comparison.notes))


def _write(comparison: "Comparison", page: Path, sheet: Path | None, question: str) -> None:
    console = output()
    what = plural(len(comparison.key.pairs), "pair")
    names = ", ".join(comparison.key.contenders)
    for note in comparison.notes:
        console.print(f"[yellow]note[/] {literal(note)}")
    if sheet is not None:
        from wildsr.evaluation.compare.sheet import write_sheet

        key = write_sheet(comparison, sheet, question=question)
        console.print(f"[green]{literal(sheet)}[/]: {what} of {literal(names)}")
        console.print(f"The key is {literal(key)}; keep it from the judges.")
        return
    from wildsr.evaluation.compare.page import write_page

    write_page(comparison, page, question=question)
    size = f"{page.stat().st_size / 1e6:.1f} MB"
    console.print(f"[green]{literal(page)}[/]: {what} of {literal(names)}, {size}; open it in a browser")


def _count(paths: list[Path], key: Path | None, target: Path | None) -> None:
    from wildsr.evaluation.compare.votes import load_votes
    from wildsr.evaluation.preference import tally

    votes = load_votes(paths, key)
    found = tally(votes.votes, votes.contenders)
    if target is not None:
        from wildsr.storage.atomic import write_text

        write_text(target, json.dumps(found.as_json(), indent=1, ensure_ascii=False) + "\n")
    _print_tally(found, len(paths))
    if target is not None:
        output().print(f"[green]{literal(target)}[/]")


def _print_tally(found: "Tally", files: int) -> None:
    from wildsr.evaluation.preference import probability

    console = output()
    of = f" from {files} files" if files > 1 else ""
    console.print(f"{plural(found.votes, 'vote')} on {plural(found.images, 'image')}{of}")
    if found.strengths:
        strengths = table(
            ("contender", "share", "95 % interval"),
            title="Preferred over an average contender",
            title_justify="left",
        )
        for name, one in found.strengths.items():
            low, high = probability(one.low), probability(one.high)
            strengths.add_row(literal(name), f"{probability(one.mean):.0%}", f"{low:.0%} to {high:.0%}")
        console.print(strengths)
    matches = table(("preferred", "over", "wins", "losses", "ties", "share of decided", "95 % interval", "p"))
    for match in found.preferences:
        numbers = (str(match.wins), str(match.losses), str(match.ties))
        share = ("–", "–", "–")
        if match.wins + match.losses:
            interval = f"{match.share.low:.0%} to {match.share.high:.0%}"
            share = (f"{match.share.mean:.0%}", interval, _p(match.p))
        matches.add_row(literal(match.first), literal(match.second), *numbers, *share)
    console.print(matches)


def _p(value: float) -> str:
    return "< 0.0001" if value < 1e-4 else f"{value:.2g}"

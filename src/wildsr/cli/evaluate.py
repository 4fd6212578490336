"""``wildsr evaluate``: how good are these images, or these models?"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wildsr.cli import options
from wildsr.cli.evaluation_report import (
    check_places,
    complain,
    plain_console,
    print_problems,
    print_results,
    progress_bar,
    write_files,
)
from wildsr.cli.exit_codes import FAILED, INTERRUPTED, USAGE
from wildsr.image.errors import ImageError
from wildsr.zoo.errors import ModelError

if TYPE_CHECKING:
    from wildsr.evaluation.datasets import Dataset
    from wildsr.evaluation.evaluate import Measuring, OnStep, Working
    from wildsr.evaluation.methods import Choice
    from wildsr.evaluation.results import Results


def evaluate(
    results: Annotated[
        list[str] | None,
        typer.Argument(help="Folders of results, FOLDER or NAME=FOLDER.", show_default=False),
    ] = None,
    truth: Annotated[
        list[str] | None,
        typer.Option(
            "-t",
            "--truth",
            help="Folder of the ground truth, FOLDER or NAME=FOLDER. With models there may be several.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "-m",
            "--model",
            help="A model to run: a name, a file, 'bicubic', or NAME= before one of these. May be repeated.",
            show_default=False,
        ),
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "-i",
            "--inputs",
            help="Folder of images for the models; without it they are made from the truth, see --degradation.",
            show_default=False,
        ),
    ] = None,
    degradation: Annotated[
        str,
        typer.Option(help="How inputs are made from the truth: bicubic, or a name from `wildsr degrade`."),
    ] = "bicubic",
    seed: Annotated[int, typer.Option(help="Seed of the degradation.")] = 0,
    metrics: Annotated[
        str | None,
        typer.Option(
            help="Names with commas between, such as psnr-y,lpips-alex,niqe. By default the usual ones.",
            show_default=False,
        ),
    ] = None,
    border: Annotated[
        int | None,
        typer.Option(
            min=0, help="Pixels that PSNR and SSIM leave out. By default the scale.", show_default=False
        ),
    ] = None,
    scale: Annotated[
        int | None,
        typer.Option(
            min=1, help="Scale of the results. By default the models' own, or 4.", show_default=False
        ),
    ] = None,
    suffix: Annotated[str, typer.Option(help="What was added to the names of the results.")] = "",
    crop: Annotated[
        bool, typer.Option("--crop", help="Cut images of different sizes to what both have.")
    ] = False,
    against: Annotated[
        str | None,
        typer.Option(
            help="The method the others are compared with. By default the first.", show_default=False
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="Folder for results.json, results.csv and results.md.", show_default=False
        ),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write a report with images: one HTML file.", show_default=False)
    ] = None,
    weights_dir: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the metrics' weights. By default WILDSR_METRICS, or 'metrics' in the models folder.",
            show_default=False,
        ),
    ] = None,
    pull: Annotated[
        bool, typer.Option("--pull", help="Download the weights that are missing for --metrics.")
    ] = False,
    device: options.Device = "auto",
    precision: options.Precision = options.PrecisionName.auto,
    ensemble: Annotated[
        bool, typer.Option("--ensemble", help="Models average over eight flips and turns.")
    ] = False,
    cache: options.Cache = None,
    fresh: options.Fresh = False,
) -> None:
    """Measure results against a ground truth, models on images, or real photographs without a truth.

    \b
      wildsr evaluate results/ --truth originals/
      wildsr evaluate -m default -m bicubic --truth originals/ --report report.html
      wildsr evaluate -m default -m other.pth --inputs photos/

    Exit codes: 0 all measured, 1 some images could not be, 2 wrong usage, 130 interrupted.
    """
    from wildsr.evaluation.evaluate import Measuring, Working
    from wildsr.evaluation.methods import Enlarging, evaluation_cache

    console = plain_console()
    names = tuple(name.strip() for name in metrics.split(",") if name.strip()) if metrics else None
    try:
        check_places(output, report)
        if pull:
            _pull(names, weights_dir)
        measuring = Measuring(names, border, weights_dir, _metric_device(device), crop)
        enlarging = Enlarging(device, precision.value, ensemble=ensemble)
        working = Working(enlarging, cache or evaluation_cache(), fresh)
        with progress_bar(console) as step:
            if results and not model and not inputs:
                found = _measure(results, truth or [], measuring, scale or 4, suffix, against, step)
            elif model and not results:
                places = (truth or [], inputs or [], (degradation, seed))
                found = _run(model, *places, measuring, working, scale, against, step)
            else:
                raise ValueError("give either folders of results, or models with --truth or --inputs")
        if not found.metrics:
            left_out = found.protocol.get("left_out", {})
            reasons = "".join(f"\n  {name}: {why}" for name, why in left_out.items())
            raise ValueError(f"there is no metric to measure with:{reasons}")
        written = write_files(found, output, report, against)
    except (FileNotFoundError, ModelError, ImageError, ValueError) as error:
        complain(str(error))
        raise typer.Exit(USAGE) from error
    except KeyboardInterrupt as error:
        console.print("Interrupted; results so far are kept, the same command goes on from there.")
        raise typer.Exit(INTERRUPTED) from error
    print_results(console, found)
    failed = print_problems(console, found)
    for path in written:
        console.print(f"[green]{path}[/]", markup=True)
    raise typer.Exit(FAILED if failed else 0)


def _measure(
    results: list[str],
    truth: list[str],
    measuring: "Measuring",
    scale: int,
    suffix: str,
    against: str | None,
    step: "OnStep",
) -> "Results":
    from wildsr.evaluation.evaluate import evaluate_results

    if len(truth) > 1:
        raise ValueError("folders of results are measured against one --truth; give one at a time")
    folders = dict(_named(given) for given in results)
    if len(folders) < len(results):
        raise ValueError("two folders of results have the same name; give one another name: OTHER=FOLDER")
    _check_against(against, list(folders))
    return evaluate_results(
        folders,
        _named(truth[0])[1] if truth else None,
        measuring,
        scale=scale,
        suffix=suffix,
        on_step=step,
    )


def _run(
    models: list[str],
    truth: list[str],
    inputs: list[str],
    degradation: tuple[str, int],
    measuring: "Measuring",
    working: "Working",
    scale: int | None,
    against: str | None,
    step: "OnStep",
) -> "Results":
    from wildsr.evaluation.evaluate import evaluate_methods
    from wildsr.evaluation.methods import apart, choose, scale_of

    choices: list[Choice] = apart([choose(given) for given in models])
    _check_against(against, [choice.name for choice in choices])
    scale = scale or scale_of(choices)
    datasets = _datasets(truth, inputs, degradation, working.cache, scale, step)
    return evaluate_methods(choices, datasets, measuring, working, scale=scale, on_step=step)


def _check_against(against: str | None, methods: list[str]) -> None:
    if against is not None and against not in methods:
        raise ValueError(f"--against {against}: there are {', '.join(methods)}")


def _datasets(
    truth: list[str],
    inputs: list[str],
    degradation: tuple[str, int],
    cache: Path,
    scale: int,
    step: "OnStep",
) -> "list[Dataset]":
    from wildsr.evaluation import datasets

    if not truth and not inputs:
        raise ValueError("the models need images: --truth, --inputs, or both")
    if truth and inputs:
        if len(truth) != len(inputs):
            raise ValueError(f"{len(inputs)} --inputs and {len(truth)} --truth: give as many of each")
        pairs = zip(map(_named, truth), inputs, strict=True)
        return [datasets.paired(name, _named(lr)[1], hr) for (name, hr), lr in pairs]
    if inputs:
        return [datasets.real(*_named(given)) for given in inputs]
    name, seed = degradation
    made: Callable[[int, int], None] = lambda done, total: step("making inputs", done, total)  # noqa: E731
    if name == "bicubic":
        return [datasets.shrunk(*_named(given), scale, cache, made) for given in truth]
    from wildsr.degradations.presets import preset

    return [
        datasets.degraded(*_named(given), preset(name, scale), name, seed, cache, on_made=made)
        for given in truth
    ]


def _named(given: str) -> tuple[str, Path]:
    """The name and the folder of FOLDER or NAME=FOLDER."""
    name, found, folder = given.partition("=")
    if not found or "/" in name or "\\" in name or Path(given).is_dir():
        name, folder = "", given
    path = Path(folder).expanduser()
    return name or path.name or path.resolve().name, path


def _metric_device(device: str) -> str:
    from wildsr.storage.devices import pick_device

    picked = str(pick_device(device))
    return picked if picked.startswith("cuda") else "cpu"  # float64, which MPS lacks


def _pull(names: tuple[str, ...] | None, weights_dir: Path | None) -> None:
    """Download what the metrics lack; a metric with nothing to download is left to tell so itself."""
    from wildsr.evaluation.evaluate import USUAL
    from wildsr.evaluation.metrics import METRICS, Settings
    from wildsr.evaluation.weights import pull_file

    for name in names or USUAL:
        kind = METRICS.get(name)
        if kind is None:
            continue
        try:
            kind.files(Settings(weights=weights_dir))
        except FileNotFoundError:
            for file in kind.pulls:
                pull_file(file, weights_dir)

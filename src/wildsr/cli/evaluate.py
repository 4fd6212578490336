"""``wildsr evaluate``."""

from pathlib import Path
from typing import Annotated

import typer

from wildsr.cli import options
from wildsr.cli.console import FAILED, exits, literal, output, progress
from wildsr.cli.evaluation_report import print_problems, print_results


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
            help="Folder of the ground truth, FOLDER or NAME=FOLDER. May be repeated with models.",
            show_default=False,
        ),
    ] = None,
    model: options.Model = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "-i",
            "--inputs",
            help="Folder of images for the models. By default they are made from the truth, see --degradation.",
            show_default=False,
        ),
    ] = None,
    degradation: Annotated[
        str,
        typer.Option(
            help="How inputs are made from the truth: bicubic, or a name that `wildsr degrade` takes."
        ),
    ] = "bicubic",
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the degradation.")] = 0,
    metrics: Annotated[
        str | None,
        typer.Option(
            help="Metrics, separated by commas, such as psnr-y,lpips-alex,niqe. By default the usual ones.",
            show_default=False,
        ),
    ] = None,
    border: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Border in pixels that PSNR and SSIM leave out. By default the scale.",
            show_default=False,
        ),
    ] = None,
    scale: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Scale factor of the results. By default that of the models, or 4.",
            show_default=False,
        ),
    ] = None,
    suffix: Annotated[
        str,
        typer.Option(help="Suffix that results add to the names of the originals, such as _x4."),
    ] = "",
    crop: Annotated[
        bool, typer.Option("--crop", help="Crop images of different sizes to their common size.")
    ] = False,
    against: Annotated[
        str | None,
        typer.Option(
            help="Method that the others are compared with. By default the first.", show_default=False
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="Folder for results.json, results.csv and results.md.", show_default=False
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(help="Write a report with images, as a single HTML file.", show_default=False),
    ] = None,
    features: options.Features = None,
    pull: Annotated[bool, typer.Option("--pull", help="Download missing files of the metrics.")] = False,
    device: options.Device = "auto",
    precision: options.Precision = options.PrecisionName.auto,
    ensemble: Annotated[
        bool, typer.Option("--ensemble", help="Average each model over eight flips and rotations.")
    ] = False,
    cache: options.Cache = None,
    fresh: options.Fresh = False,
) -> None:
    """Measure results against a ground truth, or models on images or on photos without a ground truth.

    \b
      wildsr evaluate results/ --truth originals/
      wildsr evaluate -m default -m bicubic --truth originals/ --report report.html
      wildsr evaluate -m default -m other.pth --inputs photos/

    Exit codes: 0 all measured, 1 some images could not be measured, 2 wrong usage, 130 interrupted.
    """
    with exits("Interrupted; results so far are cached, and the same command continues."):
        from wildsr.evaluation.candidates import InferenceSettings, evaluation_cache
        from wildsr.evaluation.evaluate import MeasureOptions, RunOptions
        from wildsr.evaluation.output import check_output, write_output
        from wildsr.evaluation.requests import (
            EvaluationRequest,
            evaluate_request,
            metric_device,
            pull_missing,
        )

        names = tuple(name.strip() for name in metrics.split(",") if name.strip()) if metrics else None
        check_output(out, report)
        if pull:
            pull_missing(names, features)
        request = EvaluationRequest(
            tuple(results or ()),
            tuple(model or ()),
            tuple(truth or ()),
            tuple(inputs or ()),
            degradation,
            seed,
            scale,
            suffix,
            against,
            MeasureOptions(names, border, features, metric_device(device), crop),
            RunOptions(
                InferenceSettings(device, precision.value, ensemble=ensemble),
                cache or evaluation_cache(),
                fresh,
            ),
        )
        with progress() as bars:
            found = evaluate_request(request, bars)
        written = write_output(found, out, report, against)
        print_results(found)
        failed = print_problems(found)
        for path in written:
            output().print(f"[green]{literal(path)}[/]")
        raise typer.Exit(FAILED if failed else 0)

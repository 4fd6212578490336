"""``wildsr upscale``: images in, larger ones out."""

import signal
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from wildsr.cli import options
from wildsr.cli.exit_codes import FAILED, INTERRUPTED, USAGE
from wildsr.cli.report import JsonReport, PersonReport, Report
from wildsr.image.errors import ImageError
from wildsr.inference.jobs import JobsError, Naming, existing_outputs, find_jobs
from wildsr.inference.sizing import Wanted
from wildsr.zoo.catalogue import ALIASES, available
from wildsr.zoo.errors import ModelError


class FitName(str, Enum):
    """The ways to meet a width and a height together."""

    inside = "inside"
    outside = "outside"
    crop = "crop"
    stretch = "stretch"


def upscale(
    inputs: options.Inputs,
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            help="A file, a folder, or a pattern such as 'out/{folder}/{stem}_{scale}{suffix}'. "
            "By default photo.jpg becomes photo_x4.jpg, and folder becomes folder_x4.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[
        str, typer.Option("-m", "--model", help="A name from 'wildsr models', or a model file.")
    ] = "default",
    scale: Annotated[
        float | None,
        typer.Option(
            "-s",
            "--scale",
            help="How many times larger; 2.5 is fine too. By default the model's own.",
            show_default=False,
        ),
    ] = None,
    width: Annotated[
        int | None, typer.Option(help="Width of the result in pixels.", show_default=False)
    ] = None,
    height: Annotated[
        int | None, typer.Option(help="Height of the result in pixels.", show_default=False)
    ] = None,
    fit: Annotated[FitName, typer.Option(help="How to meet --width and --height together.")] = FitName.inside,
    megapixels: Annotated[
        float | None, typer.Option(help="Size of the result in millions of pixels.", show_default=False)
    ] = None,
    format: Annotated[
        str | None,
        typer.Option("-f", "--format", help="Write jpg, png, webp, tiff, avif or gif.", show_default=False),
    ] = None,
    quality: options.Quality = None,
    ensemble: Annotated[
        bool,
        typer.Option(
            "--ensemble", help="Average over eight flips and turns: a little better, eight times slower."
        ),
    ] = False,
    back_projection: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Weight of one back-projection step; RealSR uses 0.2.")
    ] = 0.0,
    strength: Annotated[
        float,
        typer.Option(
            min=0.0, max=1.0, help="1: all of the model; lower blends toward a plain resize, or --toward."
        ),
    ] = 1.0,
    toward: Annotated[
        str | None,
        typer.Option(
            help="What a lower --strength blends toward: a model of the same architecture, such as "
            "wildsr-faithful-x4 for the default.",
            show_default=False,
        ),
    ] = None,
    tile: Annotated[
        int | None,
        typer.Option(
            help="Side of the largest tile in input pixels; smaller needs less memory.", show_default=False
        ),
    ] = None,
    overlap: Annotated[
        int | None,
        typer.Option(
            help="Overlap of the tiles in input pixels. By default the model's own.", show_default=False
        ),
    ] = None,
    device: options.Device = "auto",
    precision: options.Precision = options.PrecisionName.auto,
    overwrite: options.Overwrite = False,
    skip_existing: options.SkipExisting = False,
    json: options.JsonLines = False,
) -> None:
    """Upscale photographs.

    Exit codes: 0 all done, 1 some images failed, 2 wrong usage, 130 interrupted.
    """
    report: Report = JsonReport() if json else PersonReport()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        existing = options.existing(overwrite, skip_existing)
        wanted = Wanted(scale, width, height, fit.value, megapixels)
        label = _label(model, wanted)
        jobs, problems = find_jobs(inputs, Naming(output, format, Path(model).stem, label))
        jobs, there = existing_outputs(jobs, existing)
        for problem in problems:
            report.fail(problem.source, problem.reason)
        for job in there:
            report.already_there(job, skipped=existing == "skip")
        if jobs:
            from wildsr.inference.batch import run
            from wildsr.inference.files import Saving
            from wildsr.inference.upscaler import Upscaler
            from wildsr.zoo.load import load

            with report.loading(model):
                upscaler = Upscaler(
                    load(model),
                    device=device,
                    precision=precision.value,
                    tile=tile,
                    overlap=overlap,
                    ensemble=ensemble,
                    back_projection=back_projection,
                    strength=strength,
                    toward=None if toward is None else load(toward),
                )
            with report.working(len(jobs), upscaler.model.contract.name, upscaler.engine):
                run(jobs, upscaler, wanted, Saving(format, quality), report.on_event)
    except (JobsError, ModelError, ImageError, ValueError) as error:
        report.usage(str(error))
        raise typer.Exit(USAGE) from error
    except KeyboardInterrupt as error:
        report.interrupted()
        raise typer.Exit(INTERRUPTED) from error
    raise typer.Exit(FAILED if report.close() else 0)


def _label(model: str, wanted: Wanted) -> str:
    """What is added to the name of a result: x4 where the scale is known before the model is loaded."""
    if wanted.scale is not None:
        return f"x{wanted.scale:g}"
    if wanted != Wanted(fit=wanted.fit):
        return "upscaled"
    known = {entry.name: entry.scale for entry in available()}
    scale = known.get(ALIASES.get(model, model))
    return f"x{scale}" if scale else "upscaled"

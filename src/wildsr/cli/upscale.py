"""``wildsr upscale``."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from wildsr.cli import options
from wildsr.cli.console import exits
from wildsr.cli.report import BatchReport
from wildsr.inference.jobs import Naming, existing_outputs, find_jobs
from wildsr.inference.sizing import OutputSize
from wildsr.zoo.catalogue import ALIASES, available


class FitName(str, Enum):
    """Ways to meet a width and a height together."""

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
            help="Scale factor, such as 2 or 2.5. By default that of the model.",
            show_default=False,
        ),
    ] = None,
    width: Annotated[
        int | None, typer.Option(help="Width of the result in pixels.", show_default=False)
    ] = None,
    height: Annotated[
        int | None, typer.Option(help="Height of the result in pixels.", show_default=False)
    ] = None,
    fit: Annotated[FitName, typer.Option(help="How --width and --height are met together.")] = FitName.inside,
    megapixels: Annotated[
        float | None, typer.Option(help="Size of the result in megapixels.", show_default=False)
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(
            "-f", "--format", help="File format: jpg, png, webp, tiff, avif or gif.", show_default=False
        ),
    ] = None,
    quality: options.Quality = None,
    ensemble: Annotated[
        bool,
        typer.Option(
            "--ensemble", help="Average over eight flips and rotations: slightly better, eight times slower."
        ),
    ] = False,
    back_projection: Annotated[
        float,
        typer.Option(min=0.0, max=1.0, help="Weight of one back-projection step, 0 to 1; RealSR uses 0.2."),
    ] = 0.0,
    strength: Annotated[
        float,
        typer.Option(
            min=0.0,
            max=1.0,
            help="Strength of the model: 1 is the full effect, lower values blend toward a plain resize, or --toward.",
        ),
    ] = 1.0,
    toward: Annotated[
        str | None,
        typer.Option(
            help="Blend toward this model with a --strength below 1. It must have the same architecture, such as "
            "wildsr-faithful-x4 for wildsr-compact-x4.",
            show_default=False,
        ),
    ] = None,
    tile: Annotated[
        int | None,
        typer.Option(
            help="Largest tile side in input pixels; smaller tiles need less memory.", show_default=False
        ),
    ] = None,
    overlap: Annotated[
        int | None,
        typer.Option(help="Tile overlap in input pixels. By default that of the model.", show_default=False),
    ] = None,
    device: options.Device = "auto",
    precision: options.Precision = options.PrecisionName.auto,
    overwrite: options.Overwrite = False,
    skip_existing: options.SkipExisting = False,
    json: options.JsonLines = False,
) -> None:
    """Upscale photos.

    Exit codes: 0 all done, 1 some images failed, 2 wrong usage, 130 interrupted.
    """
    report = BatchReport(json)
    with exits(reporting=report):
        existing = options.existing(overwrite, skip_existing)
        size = OutputSize(scale, width, height, fit.value, megapixels)
        naming = Naming(output, format, Path(model).stem, _label(model, size))
        jobs, problems = find_jobs(inputs, naming)
        jobs, existing_jobs = existing_outputs(jobs, existing)
        for problem in problems:
            report.fail(problem.source, problem.reason)
        for job in existing_jobs:
            if existing == "skip":
                report.skip(job.source, job.target)
            else:
                report.fail(job.source, f"{job.target} exists already; use --overwrite or --skip-existing")
        if jobs:
            from wildsr.inference.batch import run
            from wildsr.inference.files import SaveOptions
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
                run(jobs, upscaler, size, SaveOptions(format, quality, overwrite), report.on_event)
        raise typer.Exit(report.close())


def _label(model: str, size: OutputSize) -> str:
    """The addition to the names of results: the scale, such as ``x4``, if it is known before the model is loaded."""
    if size.scale is not None:
        return f"x{size.scale:g}"
    if size != OutputSize(fit=size.fit):
        return "upscaled"
    known = {entry.name: entry.scale for entry in available()}
    scale = known.get(ALIASES.get(model, model))
    return f"x{scale}" if scale else "upscaled"

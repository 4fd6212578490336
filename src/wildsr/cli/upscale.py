"""``wildsr upscale``."""

from collections.abc import Iterable
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wildsr.cli import options
from wildsr.cli.console import exits, importing
from wildsr.cli.on_ray import run_on_ray
from wildsr.cli.report import BatchReport
from wildsr.errors import UsageError
from wildsr.inference.jobs import Job, Naming, find_jobs
from wildsr.inference.recorded import manifest_or_none, pending, recording
from wildsr.inference.run_manifest import Head, RunManifest
from wildsr.inference.shards import Shard, parse_shard, stream_jobs
from wildsr.inference.sizing import OutputSize
from wildsr.storage.object_path import is_address
from wildsr.zoo.catalogue import ALIASES, available

if TYPE_CHECKING:
    from wildsr.inference.upscaler import Upscaler


class FitName(str, Enum):
    """How a width and a height are combined."""

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
    fit: Annotated[FitName, typer.Option(help="How --width and --height are combined.")] = FitName.inside,
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
    truncate: Annotated[
        bool,
        typer.Option(
            "--truncate",
            help="Truncate 8-bit values instead of rounding them, as the authors of DDNSR do. Darker by half a level.",
        ),
    ] = False,
    strength: Annotated[
        float,
        typer.Option(
            min=0.0,
            max=1.0,
            help="Strength of the model: 1 is the full effect; lower values blend with a plain resize or --toward.",
        ),
    ] = 1.0,
    toward: Annotated[
        str | None,
        typer.Option(
            help="Blend toward this model with a --strength below 1. It must have the same architecture, such as "
            "wildsr-photo-faithful-x4 for the default.",
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
    shard: options.ShardOf = None,
    manifest: options.Manifest = None,
    ray: options.RayAddress = None,
    ray_cpus: Annotated[float, typer.Option(min=0, help="CPUs for each actor of --ray.")] = 1,
    ray_gpus: Annotated[float, typer.Option(min=0, help="GPUs for each actor of --ray.")] = 0,
    json: options.JsonLines = False,
) -> None:
    """Upscale photos.

    Inputs and outputs may be in object stores: s3://, gs://, az://, and http:// or https:// for inputs.

    Exit codes: 0 all done, 1 some images failed, 2 wrong usage, 130 interrupted.
    """
    report = BatchReport(json)
    with exits(reporting=report):
        existing = options.existing(overwrite, skip_existing)
        size = OutputSize(scale, width, height, fit.value, megapixels)
        naming = Naming(output, format, Path(model).stem, _label(model, size))
        part = parse_shard(shard) if shard is not None else None

        def loaded() -> "Upscaler":
            with importing(), report.loading(model):
                from wildsr.inference.upscaler import Upscaler
                from wildsr.zoo.load import load

                return Upscaler(
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

        saving = (format, quality, overwrite, truncate)
        # What decides on the content of results; engines and devices are not among it.
        settings: dict[str, Any] = {
            "model": model,
            "size": asdict(size),
            "format": format,
            "quality": quality,
            "truncate": truncate,
            "ensemble": ensemble,
            "back_projection": back_projection,
            "strength": strength,
            "toward": toward,
            "tile": tile,
            "overlap": overlap,
            "precision": precision.value,
        }
        if ray is not None:
            if part is not None:
                raise UsageError("--ray divides the images by itself; leave out --shard")
            if output is None or "{" in output:
                raise UsageError("--ray needs a folder for the results with -o")
            engine = {name: settings[name] for name in _ENGINE} | {"device": device}
            task = (tuple(inputs), output, model, size, format, quality, existing, engine, truncate)
            run_on_ray(task, ray, (ray_cpus, ray_gpus), report, manifest)
        elif (
            manifest is None and part is None and not any(is_address(one) for one in (*inputs, output or ""))
        ):
            jobs, problems = find_jobs(inputs, naming)
            todo = list(pending([*problems, *jobs], existing, report))
            if todo:
                _run(todo, len(todo), loaded(), size, saving, report)
        else:
            upscaler = loaded()
            settings["model_sha256"] = upscaler.model.contract.sha256
            head = Head("upscale", settings, str(part or Shard()))
            with manifest_or_none(manifest, head) as record:
                stream = pending(stream_jobs(inputs, naming, part), existing, report, record)
                _run(stream, None, upscaler, size, saving, report, record)
        raise typer.Exit(report.close())


_ENGINE = ("ensemble", "back_projection", "strength", "toward", "tile", "overlap", "precision")


def _run(
    jobs: Iterable[Job],
    count: int | None,
    upscaler: "Upscaler",
    size: OutputSize,
    saving: tuple[str | None, int | None, bool, bool],
    report: BatchReport,
    manifest: RunManifest | None = None,
) -> None:
    from wildsr.inference.batch import run
    from wildsr.inference.files import SaveOptions

    on_event = recording(report.on_event, manifest)
    with report.working(count, upscaler.model.contract.name, upscaler.engine):
        run(jobs, upscaler, size, SaveOptions(*saving), on_event, digests=manifest is not None)


def _label(model: str, size: OutputSize) -> str:
    """The addition to the names of results: the scale, such as ``x4``, if it is known before the model is loaded."""
    if size.scale is not None:
        return f"x{size.scale:g}"
    if size != OutputSize(fit=size.fit):
        return "upscaled"
    known = {entry.name: entry.scale for entry in available()}
    scale = known.get(ALIASES.get(model, model))
    return f"x{scale}" if scale else "upscaled"

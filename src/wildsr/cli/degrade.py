"""``wildsr degrade``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wildsr.cli import options
from wildsr.cli.console import exits, say
from wildsr.cli.report import BatchReport
from wildsr.errors import UsageError
from wildsr.image.errors import ImageError
from wildsr.inference.jobs import Existing, Job, Naming, find_jobs
from wildsr.inference.recorded import manifest_or_none, pending, recording
from wildsr.inference.run_manifest import Head, RunManifest
from wildsr.inference.shards import Shard, parse_shard, stream_jobs
from wildsr.storage.digest import digest_of, sha256_of
from wildsr.storage.object_path import is_address

if TYPE_CHECKING:
    from wildsr.degradations.degradation import Record
    from wildsr.degradations.files import Degraded, DegradeJob, DegradeSettings


def _list_presets(asked: bool) -> None:
    if asked:
        from wildsr.degradations.presets import PRESETS

        for name, entry in PRESETS.items():
            say(f"{name:18} {entry.about}")
        say("Also blur-SIGMA, noise-SIGMA and jpeg-QUALITY, which '+' joins, as in blur-1.5+jpeg-60.")
        say("Also a model of DSGAN, by name or file, and MODEL@FOLDER: one of DDNSR with real LR images.")
        raise typer.Exit


def degrade(
    inputs: options.Inputs,
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            help="A file, a folder, or a pattern such as 'out/{folder}/{stem}_{model}{suffix}', {model} being the "
            "degradation. By default photo.jpg becomes photo_degraded.png, and folder becomes folder_degraded.",
            show_default=False,
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            "-p",
            "--preset",
            help="Degradation: a name that --presets lists, a model of DSGAN, or MODEL@FOLDER for DDNSR's with real LR "
            "images; bsrgan by default.",
            show_default=False,
        ),
    ] = None,
    profile: options.CameraProfile = None,
    general: options.General = None,
    presets: Annotated[  # noqa: ARG001
        bool,
        typer.Option("--presets", callback=_list_presets, is_eager=True, help="List the presets and stop."),
    ] = False,
    scale: Annotated[
        int | None,
        typer.Option("-s", "--scale", min=1, help="Downscaling factor; 4 by default.", show_default=False),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Random seed; an image's degradation depends on it and on the image's name. 0 by default.",
            show_default=False,
        ),
    ] = None,
    params: Annotated[
        Path | None,
        typer.Option(help="Replay a degradations.json on images of the same names.", show_default=False),
    ] = None,
    grid: Annotated[
        bool, typer.Option("--grid", help="Write a contact sheet with many samples of one photo.")
    ] = False,
    samples: Annotated[int, typer.Option(min=1, max=399, help="Number of samples that --grid shows.")] = 15,
    format: Annotated[
        str | None,
        typer.Option(
            "-f",
            "--format",
            help="File format: png (the default), jpg, webp, tif or avif.",
            show_default=False,
        ),
    ] = None,
    quality: options.Quality = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "-w",
            "--workers",
            min=1,
            help="Worker processes; results do not depend on their number. By default one per core for many images.",
            show_default=False,
        ),
    ] = None,
    overwrite: options.Overwrite = False,
    skip_existing: options.SkipExisting = False,
    shard: options.ShardOf = None,
    manifest: options.Manifest = None,
    json: options.JsonLines = False,
) -> None:
    """Degrade photos, and record the parameters in degradations.json next to the results.

    Exit codes: 0 all done, 1 some images failed, 2 wrong usage, 130 interrupted.
    """
    report = BatchReport(json)
    with exits(reporting=report):
        existing = options.existing(overwrite, skip_existing)
        if params is not None and (
            grid or any(given is not None for given in (preset, profile, scale, seed))
        ):
            raise UsageError(
                "--params determines the degradation; leave out --preset, --profile, --scale, --seed and --grid"
            )
        preset = options.preset_or_profile(preset, profile, general)
        from wildsr.data.learned import label_of, named_degradation, recorded_degradation
        from wildsr.degradations.degradation import load_record
        from wildsr.degradations.files import DegradeJob, DegradeSettings

        replay = load_record(params) if params is not None else None
        name, by = (replay.degradation, replay.scale) if replay else (preset or "bsrgan", scale or 4)
        find = recorded_degradation if replay else named_degradation
        find(name, by)
        settings = DegradeSettings(name, by, seed or 0, format, quality, find)
        label = "samples" if grid else "degraded"
        naming = Naming(output, format, label_of(name), label, suffix=".png")
        if not grid and (
            shard is not None or manifest is not None or any(map(is_address, (*inputs, output or "")))
        ):
            part = parse_shard(shard) if shard is not None else Shard()
            kept = {"preset": name, "scale": by, "seed": seed or 0, "format": format, "quality": quality}
            if replay is not None:
                kept["params"] = sha256_of(params) if params is not None else None
            with manifest_or_none(manifest, Head("degrade", kept, str(part))) as record:
                stream = pending(stream_jobs(inputs, naming, part), existing, report, record)
                _write_shard(list(stream), part, settings, replay, workers, report, record)
            raise typer.Exit(report.close())
        jobs, problems = find_jobs(inputs, naming)
        for problem in problems:
            report.fail(problem.source, problem.reason)
        if grid and len(jobs) != 1:
            raise UsageError(f"--grid shows one photo; {len(jobs)} were given")
        orders = [DegradeJob(job.name, job.source, job.target) for job in jobs]
        with report.working(len(orders), name, f"x1/{by}", tiles=False):
            if grid:
                _write_grid(orders[0], settings, samples, overwrite, report)
            elif orders:
                _write_all(orders, settings, existing, replay, workers, report)
        raise typer.Exit(report.close())


def _write_shard(
    jobs: list[Job],
    part: Shard,
    settings: "DegradeSettings",
    replay: "Record | None",
    workers: int | None,
    report: BatchReport,
    manifest: RunManifest | None,
) -> None:
    """Write the jobs that are to be done, whose older results may be replaced, and a record for this shard."""
    from wildsr.degradations.files import DegradeJob

    orders = [DegradeJob(job.name, job.source, job.target) for job in jobs]
    label = "" if part.count == 1 else f".{part.number}-of-{part.count}"
    with report.working(len(orders), settings.preset, f"x1/{settings.scale}", tiles=False):
        if orders:
            _write_all(orders, settings, "overwrite", replay, workers, report, manifest, label)


def _write_all(
    orders: "list[DegradeJob]",
    settings: "DegradeSettings",
    existing: Existing,
    replay: "Record | None",
    workers: int | None,
    report: BatchReport,
    manifest: RunManifest | None = None,
    label: str = "",
) -> None:
    from wildsr.degradations.batch import degrade_batch
    from wildsr.inference.events import Failed, Finished, Note, reason

    on_event = recording(report.on_event, manifest)

    def on_outcome(index: int, order: "DegradeJob", outcome: "Degraded | Exception | None") -> None:
        if outcome is None:
            report.skip(order.source, order.target)
        elif isinstance(outcome, Exception):
            on_event(Failed(index, order.source, reason(outcome)))
        else:
            for note in outcome.notes:
                report.on_event(Note(index, order.source, note))
            digests = (digest_of(order.source), digest_of(order.target)) if manifest is not None else ()
            on_event(Finished(index, order.source, order.target, *outcome.size, outcome.seconds, *digests))

    degrade_batch(
        orders, settings, on_outcome, existing=existing, replay=replay, workers=workers, label=label
    )


def _write_grid(
    job: "DegradeJob", settings: "DegradeSettings", samples: int, overwrite: bool, report: BatchReport
) -> None:
    from wildsr.degradations.batch import degrade_grid
    from wildsr.degradations.degradation import DegradationError
    from wildsr.inference.events import Finished

    try:
        sheet = degrade_grid(job, settings, samples, overwrite=overwrite)
    except (ImageError, DegradationError) as error:
        report.fail(job.source, str(error))
        return
    report.on_event(Finished(0, job.source, job.target, *sheet.size, sheet.seconds))

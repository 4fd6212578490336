"""``wildsr degrade``: photographs in, small bad images out, with what was done to them."""

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wildsr.cli import options
from wildsr.cli.exit_codes import FAILED, INTERRUPTED, USAGE
from wildsr.cli.report import JsonReport, PersonReport, Report
from wildsr.image.errors import ImageError
from wildsr.inference.jobs import Existing, Job, JobsError, Naming, existing_outputs, find_jobs

if TYPE_CHECKING:
    from wildsr.degradations.degradation import Record, Sample
    from wildsr.degradations.files import Manner

RECORD = "degradations.json"
MANY = 8
"""From so many images on, processes are worth starting."""


def _list_presets(wanted: bool) -> None:
    if wanted:
        from wildsr.degradations.presets import PRESETS

        for name, entry in PRESETS.items():
            typer.echo(f"{name:18} {entry.about}")
        typer.echo("Also blur-SIGMA, noise-SIGMA and jpeg-QUALITY, which '+' joins, as in blur-1.5+jpeg-60.")
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
            "-p", "--preset", help="A name that --presets lists; bsrgan by default.", show_default=False
        ),
    ] = None,
    presets: Annotated[  # noqa: ARG001
        bool,
        typer.Option("--presets", callback=_list_presets, is_eager=True, help="List the presets and stop."),
    ] = False,
    scale: Annotated[
        int | None,
        typer.Option(
            "-s", "--scale", min=1, help="How many times smaller; 4 by default.", show_default=False
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="What happens to an image follows from this and its name alone; 0 by default.",
            show_default=False,
        ),
    ] = None,
    params: Annotated[
        Path | None,
        typer.Option(
            help="Do again what a degradations.json says, to images of the same names.", show_default=False
        ),
    ] = None,
    grid: Annotated[
        bool, typer.Option("--grid", help="One image of many samples of one photograph, to look at.")
    ] = False,
    samples: Annotated[int, typer.Option(min=1, max=399, help="How many samples --grid shows.")] = 15,
    format: Annotated[
        str | None,
        typer.Option(
            "-f", "--format", help="png by default, else jpg, webp, tif or avif.", show_default=False
        ),
    ] = None,
    quality: options.Quality = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "-w",
            "--workers",
            min=1,
            help="Processes at work; the results do not depend on it. By default one per core for many images.",
            show_default=False,
        ),
    ] = None,
    overwrite: options.Overwrite = False,
    skip_existing: options.SkipExisting = False,
    json: options.JsonLines = False,
) -> None:
    """Degrade photographs, and write beside the results what was done, in degradations.json.

    Exit codes: 0 all done, 1 some images failed, 2 wrong usage, 130 interrupted.
    """
    report: Report = JsonReport() if json else PersonReport()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        existing = options.existing(overwrite, skip_existing)
        if params is not None and (grid or any(given is not None for given in (preset, scale, seed))):
            raise JobsError(
                "--params says all that is to be done; leave out --preset, --scale, --seed and --grid"
            )
        from wildsr.degradations.degradation import load_record
        from wildsr.degradations.files import Manner
        from wildsr.degradations.presets import preset as find_preset

        known = load_record(params) if params is not None else None
        name, by = (known.degradation, known.scale) if known else (preset or "bsrgan", scale or 4)
        find_preset(name, by)
        manner = Manner(name, by, seed or 0, format, quality)
        label = "samples" if grid else "degraded"
        jobs, problems = find_jobs(inputs, Naming(output, format, name, label, suffix=".png"))
        for problem in problems:
            report.fail(problem.source, problem.reason)
        if grid:
            _sheet(jobs, manner, samples, overwrite, report)
        else:
            _degrade(jobs, manner, known, existing, workers, report)
    except (JobsError, ImageError, ValueError) as error:
        report.usage(str(error))
        raise typer.Exit(USAGE) from error
    except KeyboardInterrupt as error:
        report.interrupted()
        raise typer.Exit(INTERRUPTED) from error
    raise typer.Exit(FAILED if report.close() else 0)


def _degrade(
    jobs: list[Job],
    manner: "Manner",
    known: "Record | None",
    existing: Existing,
    workers: int | None,
    report: Report,
) -> None:
    from wildsr.degradations.files import Degraded, Order, degrade_files
    from wildsr.inference.batch import Failed, Finished, Note, reason

    if not jobs:
        return
    _refuse_namesakes(jobs)
    path = _record_path(jobs)
    before = _earlier_samples(path, manner, existing)
    jobs, there = existing_outputs(jobs, existing)
    for job in there:
        report.already_there(job, skipped=existing == "skip")
    again = {sample.image: sample for sample in known.samples} if known else {}
    orders = [Order(job.name, job.source, job.target, again.get(job.name)) for job in jobs]
    if known is not None:
        for order in [order for order in orders if order.sample is None]:
            report.fail(order.source, f"there are no parameters for {order.name} in the file given")
        orders = [order for order in orders if order.sample is not None]
    if not orders:
        return
    count = workers or ((os.cpu_count() or 1) if len(orders) >= MANY else 1)
    done: dict[str, Sample] = {}

    def tell(index: int, order: Order, outcome: Degraded | Exception) -> None:
        if not isinstance(outcome, Degraded):
            report.on_event(Failed(index, order.source, reason(outcome)))
            return
        done[order.name] = outcome.sample
        for note in outcome.notes:
            report.on_event(Note(index, order.source, note))
        report.on_event(Finished(index, order.source, order.target, *outcome.size, outcome.seconds))

    try:
        with report.working(len(orders), manner.preset, f"x1/{manner.scale}", tiles=False):
            degrade_files(orders, manner, tell, min(count, len(orders)))
    finally:
        _save(path, manner, {**before, **done})


def _sheet(jobs: list[Job], manner: "Manner", samples: int, overwrite: bool, report: Report) -> None:
    from wildsr.degradations.sheet import degrade_to_sheet
    from wildsr.inference.batch import Failed, Finished, reason

    if len(jobs) != 1:
        raise JobsError(f"--grid shows one photograph; {len(jobs)} were given")
    job, path = jobs[0], _record_path(jobs)
    for there in (job.target, path):
        if there.exists() and not overwrite:
            raise JobsError(f"{there} exists already; use --overwrite")
    with report.working(1, manner.preset, f"x1/{manner.scale}", tiles=False):
        try:
            sheet = degrade_to_sheet(job.source, job.target, job.name, manner, samples)
        except (ImageError, ValueError) as error:
            report.on_event(Failed(0, job.source, reason(error)))
            return
        _save(path, manner, {sample.image: sample for sample in sheet.samples})
        report.on_event(Finished(0, job.source, job.target, *sheet.size, sheet.seconds))


def _refuse_namesakes(jobs: list[Job]) -> None:
    """Names decide what is drawn, and find it again."""
    first: dict[str, Path] = {}
    for job in jobs:
        if job.name in first:
            raise JobsError(
                f"{first[job.name]} and {job.source} are both called {job.name} here; "
                "give the folder above them, or take one folder at a time"
            )
        first[job.name] = job.source


def _record_path(jobs: list[Job]) -> Path:
    """Beside the results; for a single image under its name."""
    if len(jobs) == 1:
        return jobs[0].target.with_name(f"{jobs[0].target.stem}.{RECORD}")
    folder = Path(os.path.commonpath([job.target.parent.absolute() for job in jobs]))
    there = next(one for one in (folder, *folder.parents) if one.exists())
    if not os.access(there, os.W_OK):
        if len({job.target.parent for job in jobs}) == 1:
            raise JobsError(f"nothing can be written in {folder}; give another folder with -o")
        raise JobsError(
            f"the results have only {folder} in common, where nothing can be written; give a folder with -o"
        )
    return folder / RECORD


def _earlier_samples(path: Path, manner: "Manner", existing: Existing) -> "dict[str, Sample]":
    """What is known already of images beside which this run's results will lie."""
    from wildsr.degradations.degradation import DegradationError, load_record

    if not path.exists():
        return {}
    if existing == "fail":
        raise JobsError(
            f"{path} is there from an earlier run; use another output, --overwrite or --skip-existing"
        )
    try:
        record = load_record(path)
    except DegradationError:
        if existing == "skip":
            raise
        return {}
    if (record.degradation, record.scale) == (manner.preset, manner.scale):
        return {sample.image: sample for sample in record.samples}
    if existing == "skip":
        raise JobsError(
            f"{path} is of {record.degradation} by {record.scale}, not {manner.preset} by {manner.scale}; "
            "use another output, or --overwrite"
        )
    return {}


def _save(path: Path, manner: "Manner", samples: "dict[str, Sample]") -> None:
    from wildsr.degradations.degradation import Record, save_record

    if samples:
        save_record(
            path, Record(manner.preset, manner.scale, tuple(samples[name] for name in sorted(samples)))
        )

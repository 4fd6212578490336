"""``wildsr estimate``: what spoiled the images of a folder, as pools of kernels and of noise."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from wildsr.cli.exit_codes import FAILED, INTERRUPTED
from wildsr.cli.report import said
from wildsr.estimation.errors import EstimationError
from wildsr.image.errors import ImageError

if TYPE_CHECKING:
    from wildsr.estimation.kernelgan import KernelGANSettings
    from wildsr.estimation.noise import NoiseRule


app = typer.Typer(no_args_is_help=True, help="Kernels and noise of your own images, for training.")


class NoisePreset(str, Enum):
    """RealSR's two rules."""

    df2k = "df2k"
    dped = "dped"


class KernelScale(str, Enum):
    """What KernelGAN can do."""

    x2 = "2"
    x4 = "4"


Folders = Annotated[list[Path], typer.Argument(help="Folders of images, or images.", show_default=False)]
PoolFile = Annotated[
    Path, typer.Option("-o", "--output", help="The pool to write, .safetensors.", show_default=False)
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a pool that is already there.")]
Seed = Annotated[int, typer.Option(min=0, help="Of everything that is drawn.")]


@app.command("kernels", no_args_is_help=True)
def kernels(
    folders: Folders,
    output: PoolFile,
    scale: Annotated[KernelScale, typer.Option(help="Scale that the kernels shrink by.")] = KernelScale.x4,
    limit: Annotated[
        int | None, typer.Option(min=1, help="The most images, evenly chosen.", show_default=False)
    ] = None,
    iterations: Annotated[
        int, typer.Option(min=1, help="Training steps for each image; 3000 is KernelGAN's own number.")
    ] = 3000,
    sparsity: Annotated[
        float, typer.Option(min=0, help="Weight of KernelGAN's sparsity; 0.5 keeps more of oblique blurs.")
    ] = 5.0,
    batch: Annotated[
        int, typer.Option(min=1, help="ImageSet at once: more is faster and takes more memory.")
    ] = 16,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads on a CPU; all by default.", show_default=False)
    ] = None,
    seed: Seed = 0,
    mat: Annotated[
        Path | None,
        typer.Option(
            help="Also write .mat files into this folder, as RealSR reads them.", show_default=False
        ),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Estimate the blur kernel of each image by KernelGAN, and write them as one pool with an image of it.

    Takes long. What is done is kept beside the pool; the same command goes on where it was stopped.
    """
    from wildsr.degradations.pools import PoolError
    from wildsr.estimation.kernelgan import KernelGANSettings

    settings = KernelGANSettings(iterations=iterations, sparsity=sparsity)
    try:
        _check_output(output, overwrite)
        failures = _kernels(
            folders, output, int(scale.value), limit, settings, batch, device, threads, seed, mat
        )
    except KeyboardInterrupt as error:
        _say(f"Interrupted; what is done is kept in {_record_path(output)}, and the same command goes on.")
        raise typer.Exit(INTERRUPTED) from error
    except (EstimationError, PoolError, ImageError, OSError) as error:
        _say(f"[red]Error:[/] {escape(said(error))}")
        raise typer.Exit(FAILED) from error
    _list_failures(failures)


def _kernels(
    folders: Sequence[Path],
    output: Path,
    scale: int,
    limit: int | None,
    settings: "KernelGANSettings",
    batch: int,
    device: str,
    threads: int | None,
    seed: int,
    mat: Path | None,
) -> list[tuple[str, str]]:
    import torch

    from wildsr.degradations.mat_kernels import export_mat_kernels
    from wildsr.degradations.pools import save_kernel_pool
    from wildsr.estimation.kernel_pools import KernelRecord, estimate_all, pooled
    from wildsr.estimation.overview import kernel_sheet, write_sheet
    from wildsr.estimation.sources import evenly, find_sources
    from wildsr.storage.devices import pick_device

    if threads is not None:
        torch.set_num_threads(threads)
    try:
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
        device = wanted if device == "auto" else str(pick_device(device))
    except ValueError as error:
        raise EstimationError(str(error)) from error
    sources = evenly(find_sources(folders), limit)
    record = KernelRecord(_record_path(output))
    with _progress() as progress:
        task = progress.add_task("reading images", total=len(sources) * settings.iterations)

        def tell(done: int, iterations_done: int, what: str) -> None:
            progress.update(task, completed=done * settings.iterations + iterations_done, description=what)

        found = estimate_all(
            sources,
            settings,
            record,
            seed=seed,
            batch=batch,
            device=device,
            on_progress=tell,
        )
    pool = pooled(found, sources, scale)
    save_kernel_pool(output, pool)
    write_sheet(output.with_suffix(".png"), kernel_sheet(pool))
    if mat is not None:
        export_mat_kernels(pool, mat)
    record.path.unlink(missing_ok=True)
    earlier = f", {found.known} of them known from before" if found.known else ""
    typer.echo(f"{output}: {len(pool)} kernels for x{scale}{earlier}; see {output.with_suffix('.png')}")
    return found.failures


@app.command("noise", no_args_is_help=True)
def noise(
    folders: Folders,
    output: PoolFile,
    preset: Annotated[
        NoisePreset, typer.Option(help="RealSR's rule for its track 1 (df2k) or 2 (dped: brighter pieces).")
    ] = NoisePreset.df2k,
    patch: Annotated[
        int | None, typer.Option(min=8, help="Side of a piece in pixels; 256.", show_default=False)
    ] = None,
    max_variance: Annotated[
        float | None,
        typer.Option(min=0, help="Grey levels of a piece vary less than this; 20.", show_default=False),
    ] = None,
    min_variance: Annotated[
        float, typer.Option(min=0, help="They vary at least so much: leaves out what has no noise at all.")
    ] = 0.0,
    min_mean: Annotated[
        float | None,
        typer.Option(help="Pieces are brighter than this; 0, with dped 50.", show_default=False),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="The most pieces, chosen at random.", show_default=False)
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="ImageSet that are read at the same time.")] = 2,
    seed: Seed = 0,
    overwrite: Overwrite = False,
) -> None:
    """Collect flat pieces of images, which are noise and little else, as one pool with an image of it.

    ImageSet that are good for their noise alone (RWSR-EDL's auxiliary ones) are given as one more folder.
    """
    from dataclasses import replace

    from wildsr.degradations.pools import PoolError
    from wildsr.estimation.noise import PRESETS

    base = PRESETS[preset.value]
    rule = replace(
        base,
        patch=base.patch if patch is None else patch,
        max_variance=base.max_variance if max_variance is None else max_variance,
        min_mean=base.min_mean if min_mean is None else min_mean,
        min_variance=min_variance,
    )
    try:
        _check_output(output, overwrite)
        failures = _noise(folders, output, rule, limit, workers, seed)
    except KeyboardInterrupt as error:
        _say("Interrupted; nothing was written.")
        raise typer.Exit(INTERRUPTED) from error
    except (EstimationError, PoolError, ImageError, OSError) as error:
        _say(f"[red]Error:[/] {escape(said(error))}")
        raise typer.Exit(FAILED) from error
    _list_failures(failures)


def _noise(
    folders: Sequence[Path], output: Path, rule: "NoiseRule", limit: int | None, workers: int, seed: int
) -> list[tuple[str, str]]:
    from wildsr.degradations.pools import save_noise_pool
    from wildsr.estimation.noise import collect_noise
    from wildsr.estimation.overview import noise_sheet, write_sheet
    from wildsr.estimation.sources import find_sources

    sources = find_sources(folders)
    with _progress() as progress:
        task = progress.add_task("looking for flat pieces", total=len(sources))
        pool, found = collect_noise(
            sources,
            rule,
            limit=limit,
            workers=workers,
            seed=seed,
            on_image=lambda: progress.advance(task),
        )
    save_noise_pool(output, pool)
    write_sheet(output.with_suffix(".png"), noise_sheet(pool))
    small = f", {len(found.small)} images were too small" if found.small else ""
    typer.echo(
        f"{output}: {len(pool)} of {found.taken} flat pieces of {rule.patch}x{rule.patch} pixels, from {found.giving} "
        f"of {found.images} images{small}; see {output.with_suffix('.png')}"
    )
    return found.failures


@app.command("import", no_args_is_help=True)
def import_kernels(
    mats: Annotated[Path, typer.Argument(help="A .mat file, or a folder of them.", show_default=False)],
    output: PoolFile,
    scale: Annotated[int, typer.Option(min=1, help="Scale that these kernels are for.")] = 4,
    overwrite: Overwrite = False,
) -> None:
    """Make a pool of the .mat files that KernelGAN wrote."""
    from wildsr.degradations.mat_kernels import import_mat_kernels
    from wildsr.degradations.pools import PoolError, save_kernel_pool
    from wildsr.estimation.overview import kernel_sheet, write_sheet

    try:
        _check_output(output, overwrite)
        pool = import_mat_kernels(mats, scale)
        save_kernel_pool(output, pool)
        write_sheet(output.with_suffix(".png"), kernel_sheet(pool))
    except (EstimationError, PoolError, ImageError, OSError) as error:
        _say(f"[red]Error:[/] {escape(said(error))}")
        raise typer.Exit(FAILED) from error
    typer.echo(f"{output}: {len(pool)} kernels for x{scale}; see {output.with_suffix('.png')}")


def _check_output(output: Path, overwrite: bool) -> None:
    """Refuse, before the work, what cannot be written after it."""
    if output.suffix.lower() != ".safetensors":
        raise EstimationError(f"{output} must end in .safetensors, as pools do")
    if not output.parent.is_dir():
        raise EstimationError(
            f"{output} cannot be written: there is no folder {output.parent}; create it first"
        )
    if output.exists() and not overwrite:
        raise EstimationError(f"{output} exists already; use --overwrite to replace it")


def _record_path(output: Path) -> Path:
    return output.with_name(f".{output.name}.done.jsonl")


def _list_failures(failures: Sequence[tuple[str, str]]) -> None:
    if not failures:
        return
    _say(f"[red]{len(failures)} image{'s' if len(failures) > 1 else ''} failed[/]:")
    for name, reason in failures:
        _say(f"  {escape(reason if name in reason else f'{name}: {reason}')}")
    raise typer.Exit(FAILED)


def _say(text: str) -> None:
    Console(stderr=True, highlight=False, soft_wrap=True).print(text)


@contextmanager
def _progress() -> Iterator[Progress]:
    columns = (BarColumn(), TextColumn("{task.percentage:.0f} %"), TextColumn("{task.description}"))
    with Progress(
        *columns, TimeRemainingColumn(compact=True), transient=True, console=Console(stderr=True)
    ) as progress:
        yield progress

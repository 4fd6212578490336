"""``wildsr estimate``: kernel pools and noise pools from photos."""

from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from wildsr.cli import options
from wildsr.cli.console import FAILED, exits, list_failures, plural, progress, say, warn

app = typer.Typer(
    no_args_is_help=True, help="Estimate the blur kernels and noise of your own photos, for training."
)


class NoisePreset(str, Enum):
    """The rules of RealSR's two tracks."""

    df2k = "df2k"
    dped = "dped"


class KernelScale(str, Enum):
    """Scales of KernelGAN."""

    x2 = "2"
    x4 = "4"


Folders = Annotated[list[Path], typer.Argument(help="Folders of images, or images.", show_default=False)]
PoolFile = Annotated[
    Path, typer.Option("-o", "--output", help="The pool to write, .safetensors.", show_default=False)
]


@app.command("kernels", no_args_is_help=True)
def kernels(
    folders: Folders,
    output: PoolFile,
    scale: Annotated[KernelScale, typer.Option(help="Downscaling factor of the kernels.")] = KernelScale.x4,
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="Use at most this many images, evenly spaced.", show_default=False),
    ] = None,
    fast: Annotated[
        bool,
        typer.Option(
            "--fast", help="Start from the blur measured at edges, and stop early: a few seconds each."
        ),
    ] = False,
    iterations: Annotated[
        int | None,
        typer.Option(
            min=1, help="Training steps for each image; 3000 by default, as in KernelGAN.", show_default=False
        ),
    ] = None,
    sparsity: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Weight of KernelGAN's sparsity loss; 5 by default, 0.5 preserves oblique blurs better.",
            show_default=False,
        ),
    ] = None,
    batch: Annotated[
        int, typer.Option(min=1, help="Images estimated together; more is faster and takes more memory.")
    ] = 16,
    device: Annotated[str, typer.Option(help="Compute device: auto, cpu, cuda or mps.")] = "auto",
    threads: Annotated[
        int | None, typer.Option(min=1, help="CPU threads; all by default.", show_default=False)
    ] = None,
    seed: options.Seed = 0,
    mat: Annotated[
        Path | None,
        typer.Option(
            help="Also write the kernels into this folder as .mat files, which RealSR reads.",
            show_default=False,
        ),
    ] = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Estimate the blur kernel of each image with KernelGAN, and write them as one pool with an overview image.

    This is slow. Finished kernels are kept next to the pool; the same command continues an interrupted run.

    Exit codes: 0 all done, 1 some images failed, 2 wrong usage, 130 interrupted.
    """
    with exits("Interrupted; finished kernels are kept, and the same command continues."):
        from wildsr.errors import UsageError
        from wildsr.estimation.fast_kernels import FastSettings
        from wildsr.estimation.kernelgan import KernelGANSettings
        from wildsr.estimation.pool_files import write_kernel_pool

        settings: KernelGANSettings | FastSettings = FastSettings() if fast else KernelGANSettings()
        if sparsity is not None:
            if fast:
                raise UsageError("--fast has no sparsity loss; leave out --fast or --sparsity")
            settings = KernelGANSettings(sparsity=sparsity)
        if iterations is not None:
            settings = replace(settings, iterations=iterations)
        by = int(scale.value)
        with progress() as bars:
            done = write_kernel_pool(
                folders,
                output,
                settings,
                scale=by,
                limit=limit,
                batch=batch,
                device=device,
                threads=threads,
                seed=seed,
                mat=mat,
                overwrite=overwrite,
                on_progress=lambda done, total, doing: bars("kernels", done, total, unit="%", note=doing),
            )
        earlier = f", {done.known} of them from an earlier run" if done.known else ""
        say(
            f"{output}: {plural(done.kernels, 'kernel')} for x{by}{earlier}; see {output.with_suffix('.png')}"
        )
        _end(done.failures)


@app.command("noise", no_args_is_help=True)
def noise(
    folders: Folders,
    output: PoolFile,
    preset: Annotated[
        NoisePreset,
        typer.Option(help="RealSR's rule for its track 1 (df2k) or 2 (dped: brighter patches only)."),
    ] = NoisePreset.df2k,
    patch: Annotated[
        int | None, typer.Option(min=8, help="Patch side in pixels; 256 by default.", show_default=False)
    ] = None,
    max_variance: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Upper bound of the variance of grey levels (0-255); 20 by default.",
            show_default=False,
        ),
    ] = None,
    min_variance: Annotated[
        float,
        typer.Option(min=0, help="Lower bound of that variance; leaves out patches without any noise."),
    ] = 0.0,
    min_mean: Annotated[
        float | None,
        typer.Option(
            help="Lower bound of the mean grey level (0-255); 0 by default, 50 with dped.", show_default=False
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="Keep at most this many patches, chosen at random.", show_default=False),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Images that are read at the same time.")] = 2,
    seed: options.Seed = 0,
    overwrite: options.Overwrite = False,
) -> None:
    """Collect flat patches, which contain little but noise, and write them as one pool with an overview image.

    Images that are used for their noise only (RWSR-EDL's auxiliary dataset) are given as one more folder.

    Exit codes: 0 all done, 1 some images failed or no patch was found, 2 wrong usage, 130 interrupted.
    """
    with exits("Interrupted; nothing was written."):
        from wildsr.estimation.noise import PRESETS
        from wildsr.estimation.pool_files import write_noise_pool

        given = {"patch": patch, "max_variance": max_variance, "min_mean": min_mean}
        chosen = {name: value for name, value in given.items() if value is not None}
        rule = replace(PRESETS[preset.value], min_variance=min_variance, **chosen)  # type: ignore[arg-type]
        with progress() as bars:
            patches, found = write_noise_pool(
                folders,
                output,
                rule,
                limit=limit,
                workers=workers,
                seed=seed,
                overwrite=overwrite,
                on_progress=lambda done, total, doing: bars(doing, done, total, unit="images"),
            )
        small = f", {plural(len(found.small), 'image')} too small" if found.small else ""
        say(
            f"{output}: {patches} of {found.taken} flat patches of {rule.patch}x{rule.patch} pixels, from "
            f"{found.giving} of {found.images} images{small}; see {output.with_suffix('.png')}"
        )
        _end(found.failures)


@app.command("profile", no_args_is_help=True)
def profile(
    folders: Annotated[
        list[Path], typer.Argument(help="Folders of photos of one camera, or photos.", show_default=False)
    ],
    output: Annotated[
        Path,
        typer.Option("-o", "--output", help="Folder for profile.json and its pools.", show_default=False),
    ],
    only: options.OnlyCamera = None,
    thorough: Annotated[
        bool, typer.Option("--thorough", help="Also estimate kernels with KernelGAN, which is slow.")
    ] = False,
    device: Annotated[str, typer.Option(help="Compute device for these: auto, cpu, cuda or mps.")] = "auto",
    seed: options.Seed = 0,
    overwrite: options.Overwrite = False,
) -> None:
    """Measure blur, noise, compression and sharpening of a camera in its photos, and write them as a profile.

    Use it with `wildsr degrade --profile`, `wildsr prepare --profile`, or in a recipe.

    Exit codes: 0 all done, 1 some photos could not be used or nothing was measured, 2 wrong usage, 130 interrupted.
    """
    with exits("Interrupted; nothing was written."):
        from wildsr.degradations.profile import FILE, write_profile
        from wildsr.errors import UsageError
        from wildsr.estimation.inventory import take_inventory
        from wildsr.estimation.profile import estimate_profile, summary

        if (output / FILE).exists() and not overwrite:
            raise UsageError(f"{output / FILE} exists already; use --overwrite to replace it")
        with progress() as bars:
            inventory = take_inventory(
                folders, only=only, on_photo=lambda done, total: bars("photos", done, total, unit="photos")
            )
            measured = estimate_profile(
                inventory.usable,
                seconds=None,
                thorough=thorough,
                device=device,
                seed=seed,
                on_progress=lambda done, total, doing: bars(doing, done, total, unit="photos"),
            )
        path = write_profile(measured, output)
        if len(inventory.cameras) > 1:
            there = ", ".join(f"{name} ({count})" for name, count in inventory.cameras.items())
            warn(f"these photos are from several cameras: {there}; use --only to select one")
        say(f"{path}: {plural(len(measured.photos), 'photo')} of {measured.camera}")
        for line in summary(measured):
            say(f"  {line}")
        _end(inventory.problems)


@app.command("import", no_args_is_help=True)
def import_kernels(
    mats: Annotated[Path, typer.Argument(help="A .mat file, or a folder of them.", show_default=False)],
    output: PoolFile,
    scale: Annotated[int, typer.Option(min=1, help="Downscaling factor of these kernels.")] = 4,
    overwrite: options.Overwrite = False,
) -> None:
    """Convert .mat files written by KernelGAN to a kernel pool.

    Exit codes: 0 done, 1 failed, 2 wrong usage.
    """
    with exits():
        from wildsr.estimation.pool_files import import_kernel_pool

        count = import_kernel_pool(mats, output, scale, overwrite=overwrite)
        say(f"{output}: {plural(count, 'kernel')} for x{scale}; see {output.with_suffix('.png')}")


def _end(failures: list[tuple[str, str]]) -> None:
    list_failures(f"image{'s' if len(failures) > 1 else ''} [red]failed[/]", failures)
    raise typer.Exit(FAILED if failures else 0)

"""``wildsr prepare``."""

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wildsr.cli import options
from wildsr.cli.console import FAILED, complain, exits, list_failures, progress, say, warn
from wildsr.cli.on_ray import prepare_on_ray
from wildsr.errors import UsageError

if TYPE_CHECKING:
    from wildsr.data.pair_folders import Prepared


class CleanUp(str, Enum):
    """Conversion of source images to HR images."""

    realsr = "realsr"
    ddnsr = "ddnsr"
    none = "none"


class PairFormat(str, Enum):
    """Storage of pairs."""

    folders = "folders"
    lmdb = "lmdb"


def prepare(
    output: Annotated[
        Path,
        typer.Option("-o", "--output", help="Folder for HR/, LR/ and manifest.jsonl.", show_default=False),
    ],
    sources: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Folders of images of the source domain, with the noise and blur that the model is for.",
            show_default=False,
        ),
    ] = None,
    target: Annotated[
        list[Path] | None,
        typer.Option(
            help="A folder of sharp, clean images, used as HR without change. May be repeated.",
            show_default=False,
        ),
    ] = None,
    scale: Annotated[int, typer.Option(min=1, help="Downscaling factor from HR to LR.")] = 4,
    clean_up: Annotated[
        CleanUp,
        typer.Option(
            help="How source images become HR: downscaled by two as RealSR or DDNSR does it, or unchanged."
        ),
    ] = CleanUp.realsr,
    kernels: Annotated[
        Path | None,
        typer.Option(
            help="Downscale with kernels of this pool instead of bicubic.",
            exists=True,
            dir_okay=False,
            show_default=False,
        ),
    ] = None,
    noise: Annotated[
        Path | None,
        typer.Option(
            help="Add noise from this pool to LR. RealSR instead adds new noise in training each time it uses a pair.",
            exists=True,
            dir_okay=False,
            show_default=False,
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="Make LR with a degradation of `wildsr degrade`: bsrgan, a model of DSGAN ...",
            show_default=False,
        ),
    ] = None,
    profile: options.CameraProfile = None,
    general: options.General = None,
    patch: Annotated[
        int | None,
        typer.Option(min=1, help="Cut pairs into sub-images of this side in HR pixels.", show_default=False),
    ] = None,
    stride: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Distance between sub-images in HR pixels; by default they do not overlap.",
            show_default=False,
        ),
    ] = None,
    min_side: Annotated[
        int, typer.Option(min=1, help="Leave out HR images with a side shorter than this.")
    ] = 64,
    format: Annotated[
        PairFormat, typer.Option(help="folders of PNG files, or lmdb: HR.lmdb and LR.lmdb.")
    ] = PairFormat.folders,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Worker processes; one per core by default.", show_default=False)
    ] = None,
    seed: options.Seed = 0,
    shard: options.ShardOf = None,
    ray: options.RayAddress = None,
) -> None:
    """Make HR and LR pairs for training.

    Run the same command again to continue: finished, undamaged pairs are kept. With --shard, every part has a manifest
    of its own; `wildsr manifest merge` combines them.

    Exit codes: 0 all done, 1 some images failed, 2 wrong usage, 130 interrupted.
    """
    with exits("Interrupted; the same command continues."):
        from wildsr.data.pair_maker import Preparation
        from wildsr.data.prepare_folders import prepare_folders
        from wildsr.inference.shards import parse_shard

        preset = options.preset_or_profile(preset, profile, general)
        how = Preparation(scale, clean_up.value, preset, kernels, noise, patch, stride, min_side, seed)
        part = parse_shard(shard) if shard is not None else None
        stores = format is PairFormat.lmdb
        if ray is not None and (part is not None or workers is not None):
            raise UsageError("--ray divides the images by itself; leave out --shard and --workers")
        with progress() as bars:

            def show(count: int, total: int) -> None:
                bars("pairs", count, total, unit="images")

            places = (sources or [], target or [], output, how)
            if ray is not None:
                done = prepare_on_ray(places, ray, stores, show)
            else:
                done = prepare_folders(
                    *places,
                    stores=stores,
                    workers=workers,
                    shard=(part.number, part.count) if part is not None else None,
                    on_image=show,
                )
        raise typer.Exit(_report(output, done, stores, part is not None))


def _report(output: Path, done: "Prepared", stores: bool, a_part: bool) -> int:
    """Print a summary and return the exit code. ``a_part``: a shard, which may have no image."""
    kept = f", {done.kept} of them from before" if done.kept else ""
    say(f"{output}: {done.pairs} pairs of {done.done + done.kept} images{kept}")
    if stores and done.pairs:
        say(f"{output}: HR.lmdb and LR.lmdb; HR/ and LR/ are only needed to add images later")
    list_failures("too small, left out", done.small)
    if done.left_over:
        warn(
            f"{len(done.left_over)} images of an earlier run are not among these, and their pairs still exist; "
            f"to remove them, delete {output} and prepare again"
        )
    list_failures("[red]failed[/]", done.failures)
    if not done.pairs and not a_part:
        complain("there is no pair")
    return FAILED if done.failures or not (done.pairs or a_part) else 0

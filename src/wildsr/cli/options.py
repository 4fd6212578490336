"""Options that several commands share."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from wildsr.errors import UsageError
from wildsr.inference.jobs import Existing


class PrecisionName(str, Enum):
    """Numerical precision."""

    auto = "auto"
    exact = "exact"
    half = "half"


Inputs = Annotated[
    list[str],
    typer.Argument(help="Images, folders (searched with all subfolders) or globs.", show_default=False),
]
Quality = Annotated[
    int | None,
    typer.Option(
        "-q", "--quality", min=1, max=100, help="Quality of lossy formats, 1 to 100.", show_default=False
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files that exist already.")]
SkipExisting = Annotated[
    bool, typer.Option("--skip-existing", help="Skip images whose result exists already.")
]
JsonLines = Annotated[
    bool, typer.Option("--json", help="Print one JSON object per line, for other programs.")
]
ShardOf = Annotated[
    str | None,
    typer.Option(
        "--shard",
        help="Process only one part of the images, such as 3/100 for the third of 100 parts. The division depends on "
        "file names alone, so it is the same on every machine.",
        show_default=False,
    ),
]
Manifest = Annotated[
    Path | None,
    typer.Option(
        "--manifest",
        help="Record every image in this file (JSON lines); with it, repeating the command "
        "processes only images that are missing or changed.",
        dir_okay=False,
        show_default=False,
    ),
]
Device = Annotated[str, typer.Option(help="Compute device: auto, cpu, cuda, cuda:1 or mps.")]
Precision = Annotated[
    PrecisionName,
    typer.Option(
        help="auto: half precision where the result stays visually the same; exact: always float32."
    ),
]
Cache = Annotated[
    Path | None, typer.Option(help="Folder for the cached results of models.", show_default=False)
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Ignore cached results and compute them again.")]
Seed = Annotated[int, typer.Option(min=0, help="Random seed.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Override a value of the recipe, such as train.batch_size=8. May be repeated.",
        show_default=False,
    ),
]
RayAddress = Annotated[
    str | None,
    typer.Option(
        help="Run on a Ray cluster: its address, or 'auto' for the one this machine belongs to, or else a new one.",
        show_default=False,
    ),
]
OnlyCamera = Annotated[
    str | None, typer.Option(help="Use only photos of this camera, 'make model'.", show_default=False)
]
CameraProfile = Annotated[
    Path | None,
    typer.Option(
        help="Degrade by a camera profile of `wildsr estimate profile`: its folder or profile.json.",
        show_default=False,
    ),
]
General = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=1,
        help="With --profile: share of images degraded by the mixture 'wild' instead; 0 by default.",
        show_default=False,
    ),
]
Model = Annotated[
    list[str] | None,
    typer.Option(
        "-m",
        "--model",
        help="A model: a name from `wildsr models`, a model file, or 'bicubic'. NAME=MODEL sets its name in tables. "
        "May be repeated.",
        show_default=False,
    ),
]
Features = Annotated[
    Path | None,
    typer.Option(
        "--features",
        "--weights-dir",
        help="Folder with the files of feature networks and learned metrics, such as vgg19.pth. By default "
        "WILDSR_FEATURES, or 'metrics' in the models folder.",
        exists=True,
        file_okay=False,
        show_default=False,
    ),
]


def existing(overwrite: bool, skip_existing: bool) -> Existing:
    """Treatment of existing results that the two options ask for.

    Raises:
        UsageError: both options are given.
    """
    if overwrite and skip_existing:
        raise UsageError("--overwrite and --skip-existing contradict each other; use one of them")
    return "overwrite" if overwrite else "skip" if skip_existing else "fail"


def preset_or_profile(preset: str | None, profile: Path | None, general: float | None) -> str | None:
    """Name of the degradation chosen by --preset or --profile; None if neither was given.

    Raises:
        UsageError: both were given, or ``general`` without a profile.
    """
    if profile is None:
        if general is not None:
            raise UsageError("--general needs a camera profile; add --profile")
        return preset
    if preset is not None:
        raise UsageError("--profile and --preset each choose the degradation; use one of them")
    path = profile / "profile.json" if profile.is_dir() else profile
    return f"{path}@{general:g}" if general else str(path)

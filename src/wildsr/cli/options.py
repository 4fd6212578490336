"""Options that several verbs have, so that they are called and explained alike."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from wildsr.inference.jobs import Existing, JobsError


class PrecisionName(str, Enum):
    """How exactly to compute."""

    auto = "auto"
    exact = "exact"
    half = "half"


Inputs = Annotated[
    list[str],
    typer.Argument(help="ImageSet, folders (with all their subfolders) or globs.", show_default=False),
]
Quality = Annotated[
    int | None,
    typer.Option(
        "-q", "--quality", min=1, max=100, help="Quality of lossy formats, 1 to 100.", show_default=False
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace results that are already there.")]
SkipExisting = Annotated[
    bool, typer.Option("--skip-existing", help="Leave results that are already there alone, and go on.")
]
JsonLines = Annotated[bool, typer.Option("--json", help="Print one JSON event per line, for other programs.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")]
Precision = Annotated[
    PrecisionName,
    typer.Option(help="exact computes in float32; auto is faster where nothing visible is lost."),
]
Cache = Annotated[Path | None, typer.Option(help="Where models' results are kept.", show_default=False)]
Fresh = Annotated[bool, typer.Option("--fresh", help="Make kept results again.")]


def existing(overwrite: bool, skip_existing: bool) -> Existing:
    """What becomes of results that are already there.

    Raises:
        JobsError: when both are wanted.
    """
    if overwrite and skip_existing:
        raise JobsError("--overwrite and --skip-existing contradict each other; use one of them")
    return "overwrite" if overwrite else "skip" if skip_existing else "fail"

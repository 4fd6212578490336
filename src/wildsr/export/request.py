"""The input and the result of an export."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from wildsr.zoo.model import Model


@dataclass(frozen=True)
class Request:
    """A model to export, and a callback for every finished check.

    Attributes:
        model: the model, on the CPU.
        name: of the files, without suffix.
        path: the file that the model was read from.
        images: photos for the examples of targets that show some.
        checked: called with a line of text as soon as a check is done.
    """

    model: Model
    name: str
    path: Path
    images: tuple[Path, ...] = ()
    checked: Callable[[str], None] = field(default=lambda _: None)


@dataclass(frozen=True)
class Exported:
    """The files of an export, and a line for each check that it passed."""

    folder: Path
    files: tuple[Path, ...]
    checks: tuple[str, ...]

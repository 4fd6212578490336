"""The files of a run: states to go on from, and the model; each appears whole or not at all."""

from collections.abc import Callable, Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, BinaryIO

import torch

from wildsr.storage.atomic import replacing
from wildsr.training.errors import TrainingError
from wildsr.training.plan import Run

VERSION = 1
_SHOWN = 8


def state_path(run: Run, step: int) -> Path:
    """Where the state after ``step`` steps is kept."""
    return run.folder / "state" / f"step-{step:08d}.pt"


def states(run: Run) -> list[Path]:
    """The states of a run, the oldest first."""
    return sorted((run.folder / "state").glob("step-*.pt"))


def save_state(run: Run, content: Mapping[str, Any], keep: int) -> Path:
    """Write a state; then remove all but the last ``keep``.

    Raises:
        TrainingError: when it cannot be written. Older states stay as they are.
    """
    path = state_path(run, content["step"])
    whole = {"version": VERSION, "identity": dict(run.identity), **content}
    write_whole(path, lambda file: torch.save(whole, file))
    for old in states(run)[:-keep]:
        old.unlink(missing_ok=True)
    return path


def load_state(run: Run) -> dict[str, Any] | None:
    """The last state of a run, on the CPU; None when it has none yet.

    Raises:
        TrainingError: when it cannot be read, or belongs to another recipe; says what differs.
    """
    found = states(run)
    if not found:
        return None
    path = found[-1]
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, UnpicklingError, ValueError) as error:
        raise TrainingError(
            f"{path} cannot be read ({_first_line(error)}); remove it to go on from the state before it"
        ) from error
    if not isinstance(content, dict) or content.get("version") != VERSION:
        raise TrainingError(f"{path} is no state of this version of wildsr; train in another folder")
    if differing := _differences(content["identity"], run.identity):
        raise TrainingError(
            f"{run.folder} holds a run of another recipe, from which this one cannot go on; choose another "
            f"folder, or undo the change: {differing}"
        )
    return content


def write_whole(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Let ``write`` fill a file that takes its name only when all of it is on the disk.

    Raises:
        TrainingError: when it cannot be written. What stood there before stays.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as partial, partial.open("wb") as file:
            write(file)
    except (OSError, RuntimeError) as error:  # PyTorch says RuntimeError for a full disk
        cause = error if isinstance(error, OSError) else (error.__context__ or error)
        reason = getattr(cause, "strerror", None) or _first_line(cause)
        raise TrainingError(
            f"{path} cannot be written ({reason}); what was saved before is intact. Make room on the disk, "
            "or repair the folder"
        ) from error


def _differences(there: Mapping[str, str], here: Mapping[str, str]) -> str:
    differing = [
        f"{key} was {there.get(key, 'not set')}, is {here.get(key, 'not set')}"
        for key in sorted(there.keys() | here.keys())
        if there.get(key) != here.get(key)
    ]
    more = f"; and {len(differing) - _SHOWN} more" if len(differing) > _SHOWN else ""
    return "; ".join(differing[:_SHOWN]) + more


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(". ")

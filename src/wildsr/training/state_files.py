"""Checkpoints of a run: written atomically, checked when they are loaded."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, BinaryIO

import torch

from wildsr.storage.atomic import replacing
from wildsr.training.errors import TrainingError
from wildsr.training.settings import Run
from wildsr.zoo.errors import ModelError
from wildsr.zoo.formats.pth import require_safe_archive

VERSION = 1
_MOST_STEPS = 10**9
_SHOWN = 8
"""Differences in a message."""


def state_path(run: Run, step: int) -> Path:
    """The file of the checkpoint after ``step`` steps."""
    return run.folder / "state" / f"step-{step:08d}.pt"


def states(run: Run) -> list[Path]:
    """The checkpoints of a run, oldest first."""
    return sorted((run.folder / "state").glob("step-*.pt"))


def save_state(run: Run, content: Mapping[str, Any], keep: int) -> Path:
    """Write a checkpoint, then remove all but the last ``keep``.

    Raises:
        TrainingError: it cannot be written. Older checkpoints stay as they are.
    """
    path = state_path(run, content["step"])
    whole = {"version": VERSION, "identity": dict(run.identity), **content}
    write_whole(path, lambda file: torch.save(whole, file))
    for old in states(run)[:-keep]:
        old.unlink(missing_ok=True)
    return path


def load_state(run: Run, best_by: Sequence[str] = ()) -> dict[str, Any] | None:
    """The last checkpoint of a run, on the CPU; None if there is none yet.

    Checkpoints of older versions are read too: their best value counts for the first metric of ``best_by``.

    Raises:
        TrainingError: it cannot be read, or belongs to another recipe; says what differs.
    """
    found = states(run)
    if not found:
        return None
    path = found[-1]
    try:
        require_safe_archive(path)
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (ModelError, OSError, RuntimeError, EOFError, UnpicklingError, ValueError) as error:
        raise TrainingError(
            f"{path} cannot be read ({_first_line(error)}); remove it to resume from the one before"
        ) from error
    if not isinstance(content, dict) or content.get("version") != VERSION:
        raise TrainingError(f"{path} is not a checkpoint of this version of wildsr; train in another folder")
    if not _is_whole(content) or state_path(run, content["step"]) != path:
        raise TrainingError(f"{path} is damaged or was renamed; remove it to resume from the one before")
    if differing := _differences(run.current(content["identity"]), run.identity):
        raise TrainingError(
            f"{run.folder} holds a run of another recipe, which this one cannot resume; choose another folder, or "
            f"undo the change: {differing}"
        )
    return {**content, "best": _best(content["best"], best_by)}


def _is_whole(content: Mapping[str, Any]) -> bool:
    """Whether a checkpoint has every part, of the right type."""
    identity = content.get("identity")
    if not isinstance(identity, dict) or not all(
        isinstance(one, str) for pair in identity.items() for one in pair
    ):
        return False
    counts = (content.get("step"), content.get("skipped"))
    if not all(type(count) is int and 0 <= count <= _MOST_STEPS for count in counts):
        return False
    return all(isinstance(content.get(part), dict) for part in ("networks", "optimizers", "sums", "counts"))


def write_whole(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Let ``write`` fill a file, which appears under its name only when all of it is on the disk.

    Raises:
        TrainingError: it cannot be written. An existing file stays as it was.
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


def _best(best: Any, best_by: Sequence[str]) -> dict[str, Any]:
    """Best values by metric. Older versions stored value and step for a single metric."""
    if isinstance(best, dict):
        return best
    return {best_by[0]: best} if best is not None and best_by else {}


def _differences(there: Mapping[str, str], here: Mapping[str, str]) -> str:
    # A null that one side lacks is a key that was added since.
    there, here = ({key: value for key, value in side.items() if value != "None"} for side in (there, here))
    differing = [
        f"{key} was {there.get(key, 'not set')}, is {here.get(key, 'not set')}"
        for key in sorted(there.keys() | here.keys())
        if there.get(key) != here.get(key)
    ]
    more = f"; and {len(differing) - _SHOWN} more" if len(differing) > _SHOWN else ""
    return "; ".join(differing[:_SHOWN]) + more


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(". ")

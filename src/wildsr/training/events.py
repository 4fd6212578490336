"""Events of a run, for a callback that shows its progress."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class TrainingProgress:
    """Steps done, steps in total, the last losses by ``network/loss``, and the estimated time left."""

    step: int
    steps: int
    losses: Mapping[str, float]
    seconds_left: float


@dataclass(frozen=True)
class Validated:
    """A validation after ``step``; ``best`` if it was the best so far by a metric, ``best_by`` which ones."""

    step: int
    metrics: Mapping[str, float]
    best: bool
    best_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Saved:
    """A file was written."""

    step: int
    path: Path


@dataclass(frozen=True)
class TrainingNote:
    """A message for the user."""

    step: int
    text: str


Event = TrainingProgress | Validated | Saved | TrainingNote
OnEvent = Callable[[Event], None]

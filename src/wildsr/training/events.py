"""What a run tells while it goes on; the command line shows it as it likes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Progress:
    """Steps done of all steps, the last losses by ``network/loss``, and the time left at the present pace."""

    step: int
    steps: int
    losses: Mapping[str, float]
    seconds_left: float


@dataclass(frozen=True)
class Validated:
    """A validation after ``step``; ``best`` when its metric is the best so far."""

    step: int
    metrics: Mapping[str, float]
    best: bool


@dataclass(frozen=True)
class Saved:
    """A file was written."""

    step: int
    path: Path


@dataclass(frozen=True)
class Note:
    """Something a person should know."""

    step: int
    text: str


Event = Progress | Validated | Saved | Note
OnEvent = Callable[[Event], None]

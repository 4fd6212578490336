"""Events of an adaptation, for a callback that shows its progress. Imports no torch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class AdaptStage:
    """A stage begins; ``text`` says what is being done, ``done`` whether an earlier run has done it already.

    ``stage`` is, in this order, photos, profile, images, before, degrader (only if a network that degrades is trained),
    training, proof or report.
    """

    stage: str
    text: str
    done: bool = False


@dataclass(frozen=True)
class AdaptProgress:
    """Progress within a stage: how many of how many, the time left of the whole, and losses while training."""

    stage: str
    done: int
    total: int
    seconds_left: float | None = None
    losses: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class AdaptNote:
    """A message for the user, such as a photo that was left out."""

    text: str


@dataclass(frozen=True)
class AdaptPreview:
    """A sample image of the training was written: bicubic, the result so far, and the reference side by side."""

    step: int
    path: Path


@dataclass(frozen=True)
class AdaptValidated:
    """The training was validated: PSNR in dB on a few pairs, and the starting model's on the same pairs."""

    step: int
    psnr: float
    start: float


AdaptEvent = AdaptStage | AdaptProgress | AdaptNote | AdaptPreview | AdaptValidated
OnAdaptEvent = Callable[[AdaptEvent], None]

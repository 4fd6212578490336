"""Optimizers and learning rates of a recipe. Imports no torch."""

from typing import Annotated, Literal

from pydantic import Field

from wildsr.recipes.parts.strict import Part

Step = Annotated[int, Field(ge=0)]


class Constant(Part):
    """The same rate all the time."""

    kind: Literal["constant"] = "constant"
    warmup: Step = 0
    """Steps over which the rate grows linearly from nothing."""


class Milestones(Part):
    """The rate is multiplied by ``factor`` at certain steps."""

    kind: Literal["milestones"] = "milestones"
    at: tuple[Step, ...]
    factor: float = Field(default=0.5, gt=0, le=1)
    ahead: Literal[0, 1] = 0
    """1 where the schedule counts a step before it is made, so that a rate is reached one step earlier."""
    warmup: Step = 0
    """Steps over which the rate grows linearly from nothing."""


class Linear(Part):
    """The rate falls to 0 from step ``begin`` to step ``end``, in stairs of ``every`` steps (an epoch)."""

    kind: Literal["linear"] = "linear"
    begin: Step
    end: Step
    every: int = Field(default=1, ge=1)
    warmup: Step = 0
    """Steps over which the rate grows linearly from nothing."""


class Cosine(Part):
    """The rate falls along half a cosine to ``final`` of itself in the last step of the run."""

    kind: Literal["cosine"] = "cosine"
    final: float = Field(default=0.01, ge=0, le=1)
    warmup: Step = 0
    """Steps over which the rate grows linearly from nothing."""


Schedule = Annotated[Constant | Milestones | Linear | Cosine, Field(discriminator="kind")]


class Optimizer(Part):
    """How the weights of one network are changed."""

    kind: Literal["adam", "adamw", "keras-adam", "muon"] = "adam"
    """``keras-adam`` is Adam as TensorFlow computes it; ``muon`` learns the hidden convolutions faster."""
    rate: float = Field(gt=0)
    """Learning rate, before the schedule."""
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = Field(default=1e-8, gt=0)
    weight_decay: float = Field(default=0.0, ge=0)
    schedule: Schedule = Constant()

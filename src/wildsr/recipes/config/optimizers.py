"""Optimizers and learning-rate schedules. Imports torch only to build them."""

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from wildsr.recipes.config.node import Node, OneOf
from wildsr.training import schedules
from wildsr.training.settings import Rate

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer as TorchOptimizer

Step = Annotated[int, Field(ge=0)]


class ScheduleConfig(Node):
    """Base of all schedules. A subclass adds its settings as fields, and builds the function."""

    kind: str
    warmup: Step = 0
    """Steps at the beginning over which the rate grows linearly from zero."""

    def build(self, base: float, steps: int) -> Rate:
        """The learning rate by step, without warm-up. ``base`` is the optimizer's rate, ``steps`` the whole run."""
        raise NotImplementedError


class ConstantConfig(ScheduleConfig):
    """Constant rate."""

    kind: Literal["constant"] = "constant"

    def build(self, base: float, steps: int) -> Rate:
        """``base`` in every step."""
        del steps
        return partial(_constant, base)


class MilestonesConfig(ScheduleConfig):
    """The rate is multiplied by ``factor`` at given steps."""

    kind: Literal["milestones"] = "milestones"
    at: tuple[Step, ...]
    """Steps, counted from zero."""
    factor: float = Field(default=0.5, gt=0, le=1)
    """Factor at each of them."""
    ahead: Literal[0, 1] = 0
    """1 for code that advances the schedule before the optimizer, so that each rate begins one step earlier."""

    def build(self, base: float, steps: int) -> Rate:
        """``base`` times ``factor`` for each milestone passed."""
        del steps
        return partial(_milestones, base, self)


class LinearConfig(ScheduleConfig):
    """The rate falls linearly to 0 from step ``begin`` to step ``end``."""

    kind: Literal["linear"] = "linear"
    begin: Step
    """Step at which the rate begins to fall."""
    end: Step
    """Step at which it is 0."""
    every: int = Field(default=1, ge=1)
    """Steps between changes of the rate, for example the steps of an epoch."""

    def build(self, base: float, steps: int) -> Rate:
        """``base``, then a straight line to 0."""
        del steps
        return partial(_linear, base, self)


class CosineConfig(ScheduleConfig):
    """The rate falls along half a cosine over the whole run."""

    kind: Literal["cosine"] = "cosine"
    final: float = Field(default=0.01, ge=0, le=1)
    """Share of the rate that is left in the last step."""

    def build(self, base: float, steps: int) -> Rate:
        """Half a cosine from ``base`` to ``final`` times ``base``."""
        return partial(_cosine, base, self, steps)


Schedule = Annotated[
    ScheduleConfig, OneOf("kind", ConstantConfig, MilestonesConfig, LinearConfig, CosineConfig)
]


class OptimizerConfig(Node):
    """The optimizer of one network."""

    kind: Literal["adam", "adamw", "keras-adam", "muon", "lora"] = "adam"
    """``keras-adam`` is Adam as TensorFlow computes it; ``muon`` is Muon for hidden convolutions, Adam for the rest;
    ``lora`` is LoRA, rank-8 updates of the weights."""
    rate: float = Field(gt=0)
    """Learning rate, before the schedule."""
    betas: tuple[float, float] = (0.9, 0.999)
    """Decays of Adam's first and second moments."""
    epsilon: float = Field(default=1e-8, gt=0)
    """Added to the root of Adam's second moment."""
    weight_decay: float = Field(default=0.0, ge=0)
    """Weight decay of adam (as L2) and adamw (decoupled)."""
    schedule: Schedule = ConstantConfig()
    """Learning rate over the run."""

    @field_validator("weight_decay")
    @classmethod
    def _adam_only(cls, value: float, info: ValidationInfo) -> float:
        if value and info.data.get("kind") in ("keras-adam", "muon", "lora"):
            raise ValueError(f"{info.data['kind']} has no weight decay; set it to 0")
        return value

    def build(self, weights: "Iterable[nn.Parameter]", index: int = 0, count: int = 1) -> "TorchOptimizer":
        """The optimizer of network ``index`` of ``count``, which Keras's bias correction depends on."""
        import torch

        from wildsr.training.low_rank import LowRank
        from wildsr.training.optimizers import KerasAdam, Muon

        if self.kind == "keras-adam":
            return KerasAdam(weights, self.rate, self.betas, self.epsilon, count, index)
        if self.kind == "muon":
            return Muon(weights, self.rate, betas=self.betas, epsilon=self.epsilon)
        if self.kind == "lora":
            return LowRank(weights, self.rate, betas=self.betas, epsilon=self.epsilon)
        adam = torch.optim.Adam if self.kind == "adam" else torch.optim.AdamW
        return adam(weights, lr=self.rate, betas=self.betas, eps=self.epsilon, weight_decay=self.weight_decay)

    def build_rate(self, steps: int) -> Rate:
        """The learning rate by step, for a run of ``steps``."""
        rate = self.schedule.build(self.rate, steps)
        return partial(_warmed_up, rate, self.schedule.warmup) if self.schedule.warmup else rate


def _constant(base: float, _step: int) -> float:
    return base


def _milestones(base: float, schedule: MilestonesConfig, step: int) -> float:
    return schedules.multi_step(step + schedule.ahead, base, schedule.at, schedule.factor)


def _linear(base: float, schedule: LinearConfig, step: int) -> float:
    return schedules.linear(step // schedule.every * schedule.every, base, schedule.begin, schedule.end)


def _cosine(base: float, schedule: CosineConfig, steps: int, step: int) -> float:
    return schedules.cosine(min(step, steps), base, (steps,), schedule.final * base)


def _warmed_up(rate: Rate, warmup: int, step: int) -> float:
    return rate(step) * schedules.warm_up(step, warmup)

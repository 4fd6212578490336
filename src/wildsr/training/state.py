"""State of a run: everything that a checkpoint holds."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from torch import nn
from torch.amp import GradScaler
from torch.optim import Optimizer

from wildsr.training.ema import Average
from wildsr.training.loss_tracker import LossTracker


@dataclass
class State:
    """State that changes during a run.

    It has no random state: every step seeds the generators (:mod:`wildsr.training.loop`), and data depend only on the
    number of the batch.

    Attributes:
        step: steps done.
        skipped: batches skipped after losses that were not finite; step s takes batch s + skipped.
        best: the best value so far and its step, for each metric by which best models are kept.
    """

    networks: Mapping[str, nn.Module]
    optimizers: Mapping[str, Optimizer]
    average: Average | None
    scaler: GradScaler | None
    seen: LossTracker
    step: int = 0
    skipped: int = 0
    best: dict[str, tuple[float, int]] = field(default_factory=dict)
    _fresh: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self._fresh = {name: deepcopy(one.state_dict()) for name, one in self.optimizers.items()}

    def reset_optimizers(self) -> None:
        """Reset the optimizers to their state before the first step."""
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(deepcopy(self._fresh[name]))

    def content(self) -> dict[str, Any]:
        """The state as tensors, numbers and texts, not copied."""
        return {
            "step": self.step,
            "skipped": self.skipped,
            "best": {metric: list(found) for metric, found in self.best.items()},
            "sums": dict(self.seen.sums),
            "counts": dict(self.seen.counts),
            "networks": {name: network.state_dict() for name, network in self.networks.items()},
            "average": None if self.average is None else self.average.network.state_dict(),
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()},
            "scaler": None if self.scaler is None else self.scaler.state_dict(),
        }

    def restore(self, content: Mapping[str, Any]) -> None:
        """Load what :meth:`content` returned. Raises what ``load_state_dict`` raises."""
        for name, network in self.networks.items():
            network.load_state_dict(content["networks"][name])
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(content["optimizers"][name])
        if self.average is not None:
            self.average.network.load_state_dict(content["average"])
        if self.scaler is not None and content["scaler"]:
            self.scaler.load_state_dict(content["scaler"])
        self.seen.forget()
        self.seen.sums, self.seen.counts = dict(content["sums"]), dict(content["counts"])
        self.step, self.skipped = content["step"], content["skipped"]
        self.best = {metric: (value, step) for metric, (value, step) in content["best"].items()}

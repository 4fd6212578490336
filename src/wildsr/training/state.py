"""Everything that a run goes on from."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from torch import nn
from torch.amp import GradScaler
from torch.optim import Optimizer

from wildsr.training.ema import Average
from wildsr.training.losses_seen import LossesSeen


@dataclass
class State:
    """What changes while a run goes on.

    No random state is among it: every step seeds what it draws from (:mod:`wildsr.training.loop`), and data depend on
    the number of their batch only.

    Attributes:
        step: steps done.
        skipped: batches passed over after losses that were not finite; step s takes batch s + skipped.
        best: the best value of the deciding metric so far, and the step of it.
    """

    networks: Mapping[str, nn.Module]
    optimizers: Mapping[str, Optimizer]
    average: Average | None
    scaler: GradScaler | None
    seen: LossesSeen
    step: int = 0
    skipped: int = 0
    best: tuple[float, int] | None = None
    _fresh: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self._fresh = {name: deepcopy(one.state_dict()) for name, one in self.optimizers.items()}

    def forget_moments(self) -> None:
        """Make the optimizers as they were before their first step."""
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(deepcopy(self._fresh[name]))

    def content(self) -> dict[str, Any]:
        """All of it as tensors, numbers and texts, not copied."""
        return {
            "step": self.step,
            "skipped": self.skipped,
            "best": None if self.best is None else list(self.best),
            "sums": dict(self.seen.sums),
            "counts": dict(self.seen.counts),
            "networks": {name: network.state_dict() for name, network in self.networks.items()},
            "average": None if self.average is None else self.average.network.state_dict(),
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()},
            "scaler": None if self.scaler is None else self.scaler.state_dict(),
        }

    def restore(self, content: Mapping[str, Any]) -> None:
        """Become what :meth:`content` gave. Raises what ``load_state_dict`` raises."""
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
        self.best = None if content["best"] is None else (content["best"][0], content["best"][1])

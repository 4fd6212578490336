"""Collects the losses of recent steps on the device, checks them for NaN, and averages them for the log."""

import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
import torch.distributed
from torch import Tensor


class Bad(NamedTuple):
    """A loss that is not finite: of which step, counted from zero, its name as ``network/loss``, and its value."""

    step: int
    name: str
    value: float


class Fetched(NamedTuple):
    """The first bad loss, the losses of the last step, and whether any process was asked to stop."""

    bad: Bad | None
    last: dict[str, float]
    stop: bool


class LossTracker:
    """Losses of steps that were not fetched yet, and sums since the last line of the log.

    Attributes:
        sums, counts: by name, since the last line; part of the state of a run, so that a resumed run logs the same.
    """

    def __init__(self, processes: int = 1) -> None:
        self.processes = processes
        self.sums: dict[str, float] = {}
        self.counts: dict[str, int] = {}
        self._waiting: list[tuple[int, list[str], Tensor]] = []

    def add(self, step: int, losses: Mapping[str, Tensor]) -> None:
        """Add the losses of a step, without waiting for the device."""
        values = torch.stack([value.float() for value in losses.values()])
        self._waiting.append((step, list(losses), values))

    def fetch(self, stop: bool = False) -> Fetched:
        """Fetch all losses added since the last time; with several processes, their means over the processes."""
        if not self._waiting:
            return Fetched(None, {}, stop)
        joined = torch.cat([values for _, _, values in self._waiting])
        joined = torch.cat([joined, joined.new_tensor([float(stop)])])
        if self.processes > 1:
            torch.distributed.all_reduce(joined)
            joined /= self.processes
        *fetched, stopping = joined.tolist()
        bad, last, first = None, {}, 0
        for step, names, _ in self._waiting:
            last = dict(zip(names, fetched[first : first + len(names)], strict=True))
            first += len(names)
            wrong = next((name for name, value in last.items() if not math.isfinite(value)), None)
            if wrong is not None:
                bad = Bad(step, wrong, last[wrong])
                break
            for name, value in last.items():
                self.sums[name] = self.sums.get(name, 0.0) + value
                self.counts[name] = self.counts.get(name, 0) + 1
        self._waiting.clear()
        return Fetched(bad, last, stopping > 0)

    def forget(self) -> None:
        """Drop the losses that were not fetched yet."""
        self._waiting.clear()

    def means(self) -> dict[str, float]:
        """Mean losses since the last call, for the log."""
        means = {name: total / self.counts[name] for name, total in self.sums.items()}
        self.sums, self.counts = {}, {}
        return means

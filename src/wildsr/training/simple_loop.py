"""The training loop: a first, small version for one CPU, resumable at any step."""

import json
import math
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Generator, Tensor, nn

Batch = Callable[[Generator], tuple[Tensor, Tensor]]
"""Draws one batch (LR, HR) from the generator it is given."""
Losses = Callable[[Tensor, Tensor], dict[str, Tensor]]
"""Named losses of (SR, HR); their sum is minimised."""
OnStep = Callable[[int, dict[str, float]], None]
"""Called after every step with the number of steps done and its losses."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast: Adam with a linear warm-up, then a cosine from ``learning_rate`` to a hundredth of it."""

    steps: int
    learning_rate: float
    warmup: int = 100
    ema: float = 0.999
    seed: int = 0
    log_every: int = 50
    save_every: int = 250

    def rate(self, step: int) -> float:
        """Learning rate of ``step``, counted from zero."""
        progress = min(1.0, step / max(1, self.steps))
        cosine = 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress))
        return self.learning_rate * cosine * min(1.0, (step + 1) / max(1, self.warmup))


def fit(
    network: nn.Module,
    batch: Batch,
    losses: Losses,
    schedule: Schedule,
    folder: Path,
    on_step: OnStep | None = None,
) -> nn.Module:
    """Train ``network`` in bf16 autocast and return the average of its weights (EMA).

    The state is kept in ``folder``/state.pt, from which an interrupted run goes on as if nothing had happened;
    ``folder``/log.jsonl gets the losses. Raises ``FloatingPointError`` when a loss is no longer finite.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = Generator().manual_seed(schedule.seed)
    average = deepcopy(network).requires_grad_(False)
    optimizer = torch.optim.Adam(network.parameters(), lr=schedule.learning_rate, betas=(0.9, 0.99))
    first = _resume(folder / "state.pt", network, average, optimizer, rng)
    network.train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    seen: dict[str, float] = {}
    began = time.monotonic()
    for step in range(first, schedule.steps):
        for group in optimizer.param_groups:
            group["lr"] = schedule.rate(step)
        lr, hr = batch(rng)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            sr = network(lr.contiguous(memory_format=torch.channels_last))
        named = losses(sr.float(), hr)
        for name, value in named.items():
            if not torch.isfinite(value):
                raise FloatingPointError(
                    f"step {step}: the loss '{name}' is {value.item()}; lower the learning rate"
                )
            seen[name] = seen.get(name, 0.0) + value.item()
        optimizer.zero_grad(set_to_none=True)
        torch.stack(list(named.values())).sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        _average(average, network, min(schedule.ema, (step + 1) / (step + 10)))
        if on_step is not None:
            on_step(step + 1, {name: value.item() for name, value in named.items()})
        if (step + 1) % schedule.log_every == 0:
            line = {name: round(total / schedule.log_every, 6) for name, total in seen.items()}
            elapsed = round((time.monotonic() - began) / (step + 1 - first), 3)
            with (folder / "log.jsonl").open("a") as log:
                log.write(json.dumps({"step": step + 1, **line, "seconds_per_step": elapsed}) + "\n")
            seen = {}
        if (step + 1) % schedule.save_every == 0 or step + 1 == schedule.steps:
            _save(folder / "state.pt", step + 1, network, average, optimizer, rng)
    return average.eval()


def _average(average: nn.Module, network: nn.Module, decay: float) -> None:
    with torch.no_grad():
        for kept, now in zip(average.parameters(), network.parameters(), strict=True):
            kept.lerp_(now, 1 - decay)


def _save(
    path: Path,
    step: int,
    network: nn.Module,
    average: nn.Module,
    optimizer: torch.optim.Optimizer,
    rng: Generator,
) -> None:
    state = {
        "step": step,
        "network": network.state_dict(),
        "average": average.state_dict(),
        "optimizer": optimizer.state_dict(),
        "rng": rng.get_state(),
    }
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    partial.replace(path)


def _resume(
    path: Path,
    network: nn.Module,
    average: nn.Module,
    optimizer: torch.optim.Optimizer,
    rng: Generator,
) -> int:
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    network.load_state_dict(state["network"])
    average.load_state_dict(state["average"])
    optimizer.load_state_dict(state["optimizer"])
    rng.set_state(state["rng"])
    return int(state["step"])

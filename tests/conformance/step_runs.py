"""Runs the recorded training steps with our objectives, and compares the results."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from golden_files import Golden
from torch import Tensor, nn

from wildsr.networks.vgg import VGGFeatures, layer_names
from wildsr.training.objective import Batch, Objective
from wildsr.training.step import training_step

STEPS = 3


@dataclass
class Outcome:
    """Losses and state after every step, and gradients of the first step."""

    losses: list[dict[str, float]]
    start: dict[str, Tensor]
    states: list[dict[str, Tensor]]
    gradients: dict[str, Tensor]


class Recording(torch.optim.Adam):
    """Remembers the gradients of its first step."""

    def __init__(self, network: nn.Module, lr: float, betas: tuple[float, float]) -> None:
        super().__init__(network.parameters(), lr=lr, betas=betas)
        self.named = dict(network.named_parameters())
        self.first: dict[str, Tensor] = {}

    def step(self, closure: Any = None) -> Any:
        if not self.first:
            self.first = {name: p.grad.clone() for name, p in self.named.items() if p.grad is not None}
        return super().step(closure)


def train(
    objective: Objective,
    batch: Batch,
    letters: Mapping[str, str],
    lr: float,
    betas: tuple[float, float] = (0.9, 0.999),
    after_step: Callable[[], dict[str, Tensor]] = dict,
) -> Outcome:
    """Three steps on one batch; ``letters`` are the file's names for the networks.

    ``after_step`` gives more to add to the state.
    """
    networks = objective.networks
    assert networks.keys() == letters.keys()
    optimizers = {name: Recording(network, lr, betas) for name, network in networks.items()}

    def state() -> dict[str, Tensor]:
        return {
            f"{letter}.{key}": value.detach().clone()
            for name, letter in letters.items()
            for key, value in networks[name].state_dict().items()
        }

    outcome = Outcome([], state(), [], {})
    for step in range(STEPS):
        losses = training_step(objective, step, batch, optimizers)
        outcome.losses.append({name: value.item() for name, value in losses.items()})
        outcome.states.append(state() | after_step())
    for name, optimizer in optimizers.items():
        outcome.gradients |= {f"{letters[name]}.{key}": value for key, value in optimizer.first.items()}
    return outcome


def stand_in_vgg(item: Golden, layers: Sequence[str], dtype: torch.dtype) -> VGGFeatures:
    """The narrow VGG-19 of a file; KAIR cuts its layers into children, of which the order of the numbers remains."""
    convolutions = [index for index, name in enumerate(layer_names(19)) if name.startswith("conv")]
    stored = item.under("weight.F.")
    names = sorted(
        {key.rpartition(".")[0] for key in stored if key.startswith("features.")},
        key=lambda name: [int(number) for number in re.findall(r"\d+", name)],
    )
    weights = {
        f"features.{index}.{kind}": stored[f"{name}.{kind}"]
        for index, name in zip(convolutions, names, strict=True)
        for kind in ("weight", "bias")
    }
    return VGGFeatures.from_weights(weights, layers).to(dtype)


@dataclass
class Deviations:
    """The largest deviations from a file: of weights absolute, of the others relative to the largest of a tensor."""

    losses: float = 0.0
    gradients: float = 0.0
    weights: float = 0.0
    weights_p99: float = 0.0
    statistics: float = 0.0


def deviations(
    item: Golden, outcome: Outcome, logs: Mapping[str, Callable[[dict[str, float]], float]]
) -> Deviations:
    """Compare an outcome in float64 or float32 with the run of the same precision.

    ``logs`` computes the file's logged losses from ours. Parameters whose true gradient is zero count in float64 only:
    in float32 they move by noise.
    """
    found = Deviations()
    double = (
        next(value for value in outcome.start.values() if value.is_floating_point()).dtype == torch.float64
    )
    kind = "f64" if double else "f32"
    for name, ours in logs.items():
        recorded = item[f"log.{kind}.{name}"]
        assert len(recorded) == STEPS
        for step, value in enumerate(recorded.tolist()):
            found.losses = max(found.losses, abs(ours(outcome.losses[step]) / value - 1))

    cut = slices(item)
    gradients = item.under("grad1.")
    assert gradients.keys() == outcome.gradients.keys()
    still = {name for name, value in gradients.items() if value.abs().max() < 1e-12}
    for name, value in gradients.items():
        if name not in still:
            ours_ = cut(name, outcome.gradients[name])
            relative = (ours_ - value).abs().max() / value.abs().max()
            found.gradients = max(found.gradients, relative.item())

    pairs = [("delta64_1.", 0), ("delta64_3.", 2)] if double else [("after3.", 2)]
    all_weights = []
    for prefix, step in pairs:
        expected = item.under(prefix)
        assert expected
        for name, value in expected.items():
            if "num_batches_tracked" in name:
                assert value == outcome.states[step][name], name
                continue
            result = outcome.states[step][name]
            if double:
                result = result - outcome.start[name]
            difference = (cut(name, result) - value).abs()
            if learned(name, gradients):
                if double or name.replace("E.", "G.") not in still:
                    all_weights.append(difference.flatten().double())
            else:
                found.statistics = max(
                    found.statistics, difference.max().item() / max(value.abs().max().item(), 1e-9)
                )
    weights = torch.cat(all_weights)
    found.weights = weights.max().item()
    found.weights_p99 = weights.quantile(0.99).item()
    return found


def learned(name: str, gradients: Mapping[str, Tensor]) -> bool:
    """Whether a tensor of a state is a parameter, of a network or of its average E, instead of a statistic."""
    return name in gradients or name.replace("E.", "G.", 1) in gradients


def slices(item: Golden) -> Callable[[str, Tensor], Tensor]:
    """The parts of the largest tensors that a file stores."""
    stored = item.json("sliced") if "sliced" in item.metadata else {}

    def cut(name: str, value: Tensor) -> Tensor:
        for axis, step in enumerate(re.findall(r":(?::(\d+))?", stored.get(name, ""))):
            value = value[(slice(None),) * axis + (slice(None, None, int(step or 1)),)]
        return value

    return cut

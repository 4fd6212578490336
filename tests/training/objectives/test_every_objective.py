"""Properties of all objectives."""

from collections.abc import Iterator

import pytest
import torch
from small_objectives import OBJECTIVES, batch, make
from torch import Tensor, nn
from torch.optim import SGD

from wildsr.training.errors import TrainingError
from wildsr.training.objective import Objective
from wildsr.training.step import training_step

EVERY = pytest.mark.parametrize("name", OBJECTIVES)


def optimizers(objective: Objective, lr: float = 1e-3) -> dict[str, SGD]:
    return {name: SGD(network.parameters(), lr) for name, network in objective.networks.items()}


def parameters(network: nn.Module) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in network.parameters()]


def given_networks(objective: Objective) -> Iterator[nn.Module]:
    """The losses of an objective that are modules."""
    found = list(vars(objective).values())
    while found:
        value = found.pop()
        if isinstance(value, dict):
            found += value.values()
        elif isinstance(loss := getattr(value, "loss", None), nn.Module):
            yield loss


@EVERY
def test_every_network_is_trained_and_the_result_is_one(name: str) -> None:
    objective = make(name)
    assert objective.result in objective.networks
    before = {key: parameters(network) for key, network in objective.networks.items()}
    losses = training_step(objective, 0, batch(), optimizers(objective))
    assert all(value.isfinite() for value in losses.values())
    assert {loss.split("/")[0] for loss in losses} == objective.networks.keys()
    for key, network in objective.networks.items():
        changed = [
            not torch.equal(old, new) for old, new in zip(before[key], parameters(network), strict=True)
        ]
        assert any(changed), key


@EVERY
def test_a_network_learns_from_its_own_losses_only(name: str) -> None:
    """The gradients equal those computed from its losses alone."""
    objective, other = make(name), make(name)
    (turn, *_), (same, *_) = objective.turns(0), other.turns(0)
    losses = turn.losses(batch())
    for number, (key, named) in enumerate(losses.items(), 1):
        total = torch.stack(list(named.values())).sum()
        weights = list(objective.networks[key].parameters())
        torch.autograd.backward([total], inputs=weights, retain_graph=number < len(losses))
    for key, named in same.losses(batch()).items():
        weights = list(other.networks[key].parameters())
        total = torch.stack(list(named.values())).sum()
        expected = torch.autograd.grad(total, weights, retain_graph=True, allow_unused=True)
        for parameter, gradient in zip(objective.networks[key].parameters(), expected, strict=True):
            if gradient is not None:
                torch.testing.assert_close(parameter.grad, gradient)
    untouched = objective.networks.keys() - losses.keys()
    assert all(p.grad is None for key in untouched for p in objective.networks[key].parameters())


@EVERY
def test_feature_networks_stay_as_they_are(name: str) -> None:
    objective = make(name)
    judges = list(given_networks(objective))
    before = [parameters(judge) for judge in judges]
    training_step(objective, 0, batch(), optimizers(objective))
    for judge, old in zip(judges, before, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(old, parameters(judge), strict=True))
        assert all(p.grad is None for p in judge.parameters())
    objective.to_device("meta")
    assert all(p.is_meta for judge in judges for p in judge.parameters())


@EVERY
def test_the_same_step_gives_the_same(name: str) -> None:
    results = []
    for _ in range(2):
        objective = make(name)
        torch.manual_seed(torch.seed())  # an objective draws from nothing but its seed and the step
        results.append(training_step(objective, 5, batch(), optimizers(objective)))
    assert results[0].keys() == results[1].keys()
    for key, value in results[0].items():
        assert torch.equal(value, results[1][key]), key


@pytest.mark.parametrize("name", [name for name in OBJECTIVES if name != "srrescgan-mixup"])
def test_training_lowers_the_losses(name: str) -> None:
    """Losses against given images, which no adversarial loss works against. With mixup, every step has other images."""
    objective = make(name)
    rates = {
        name: torch.optim.Adam(network.parameters(), 2e-3) for name, network in objective.networks.items()
    }
    history = [training_step(objective, step, batch(), rates) for step in range(12)]
    given = {"pixel", "color", "content"}
    wanted = [key for key in history[0] if key.split("/")[1] in given]
    assert wanted
    for key in wanted:
        assert history[-1][key] < history[0][key], key


@EVERY
def test_mixed_precision(name: str) -> None:
    objective = make(name)
    for step in range(2):
        losses = training_step(
            objective,
            step,
            batch(),
            optimizers(objective, lr=1e-5),
            autocast=lambda: torch.autocast("cpu", dtype=torch.bfloat16),
        )
        assert all(value.isfinite() for value in losses.values())
        gradients = [
            p.grad for n in objective.networks.values() for p in n.parameters() if p.grad is not None
        ]
        assert gradients
        assert all(gradient.isfinite().all() for gradient in gradients)
    exact = make(name)
    for key, value in training_step(exact, 0, batch(), optimizers(exact)).items():
        assert value.dtype == torch.float32
        assert key in losses


NEEDED = {"pixel": ("lr", "hr"), "dsgan": ("lr", "source"), "ddnsr": ("hr", "lr_real")}


@EVERY
def test_missing_data_are_named(name: str) -> None:
    objective = make(name)
    for role in NEEDED.get(name.split("-")[0], ("lr", "hr")):
        less = {key: value for key, value in batch().items() if key != role}
        with pytest.raises(TrainingError, match=f'"{role}", which the data lacks .*it has .*give'):
            training_step(objective, 0, less, optimizers(objective))


@EVERY
def test_a_generator_runs_once_a_step(name: str) -> None:
    """DDNSR's networks run twice, on different images."""
    objective = make(name)
    runs: list[str] = []
    network = objective.networks[objective.result]
    if name == "edl":
        network = network.get_submodule("conv_first")  # its branches are not reached through forward
    network.register_forward_hook(lambda *_: runs.append(name))
    training_step(objective, 0, batch(), optimizers(objective))
    assert len(runs) == (2 if name.startswith("ddnsr") else 1)

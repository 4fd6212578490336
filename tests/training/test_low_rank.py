"""Low-rank fine-tuning beside Adam."""

import copy

import pytest
import torch
from torch import Tensor, nn

from wildsr.networks import RRDBNet
from wildsr.training.low_rank import LowRank


def network() -> RRDBNet:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return RRDBNet(features=12, blocks=1, growth=8)


def train(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int) -> list[float]:
    generator = torch.Generator().manual_seed(3)
    lr, hr = torch.rand(2, 3, 8, 8, generator=generator), torch.rand(2, 3, 32, 32, generator=generator)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (model(lr) - hr).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def changes(before: nn.Module, after: nn.Module) -> list[Tensor]:
    pairs = zip(before.parameters(), after.parameters(), strict=True)
    return [(new - old).detach() for old, new in pairs]


def test_weights_change_by_a_low_rank_and_the_network_learns() -> None:
    model = network()
    before = copy.deepcopy(model)
    losses = train(model, LowRank(model.parameters(), lr=3e-3, rank=2), 30)
    assert losses[-1] < 0.9 * losses[0]
    ranks = {
        int(torch.linalg.matrix_rank(change.flatten(1).double(), rtol=1e-3))
        for change in changes(before, model)
        if change.ndim > 1
    }
    assert ranks == {2}


def test_the_first_step_is_as_large_as_that_of_adam() -> None:
    model = network()
    other = copy.deepcopy(model)
    before = copy.deepcopy(model)
    train(model, LowRank(model.parameters(), lr=1e-3, rank=4), 1)
    train(other, torch.optim.Adam(other.parameters(), lr=1e-3), 1)
    ours, theirs = (changes(before, one) for one in (model, other))
    for mine, full in zip(ours, theirs, strict=True):
        assert mine.abs().mean() == pytest.approx(full.abs().mean().item(), rel=0.5)
    # Biases have no matrix: they are trained by Adam itself.
    torch.testing.assert_close(
        [one for one in ours if one.ndim == 1], [one for one in theirs if one.ndim == 1]
    )


def test_moments_take_less_memory_than_those_of_adam() -> None:
    model = network()
    sizes = []
    for optimizer in (LowRank(model.parameters(), rank=2), torch.optim.Adam(model.parameters())):
        train(model, optimizer, 1)
        held = optimizer.state_dict()["state"].values()
        sizes.append(
            sum(value.numel() for one in held for value in one.values() if isinstance(value, Tensor))
        )
    assert sizes[0] < 0.5 * sizes[1]


def test_a_resumed_run_goes_on_exactly() -> None:
    whole, part = network(), network()
    train(whole, LowRank(whole.parameters(), lr=1e-3), 4)
    first = LowRank(part.parameters(), lr=1e-3)
    train(part, first, 2)
    second = LowRank(part.parameters(), lr=1e-3)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    train(part, second, 2)
    for one, other in zip(whole.parameters(), part.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_rank_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="rank must be at least 1"):
        LowRank(network().parameters(), rank=0)

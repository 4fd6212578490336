"""Keras's Adam beside PyTorch's."""

import io

import pytest
import torch
from torch import Tensor, nn

from wildsr.training.optimizers import KerasAdam


def parameter(value: float = 0.5) -> nn.Parameter:
    return nn.Parameter(torch.full((3,), value, dtype=torch.float64))


def descend(optimizer: torch.optim.Optimizer, weight: Tensor, steps: int) -> None:
    for _ in range(steps):
        optimizer.zero_grad()
        (weight**2 * torch.tensor([1.0, 1e-3, 1e-6])).sum().backward()
        optimizer.step()


def test_without_epsilon_it_is_adam() -> None:
    ours, theirs = parameter(), parameter()
    descend(KerasAdam([ours], lr=0.01, epsilon=1e-30), ours, 5)
    descend(torch.optim.Adam([theirs], lr=0.01, eps=1e-30), theirs, 5)
    torch.testing.assert_close(ours, theirs)


def test_epsilon_stands_outside_the_correction() -> None:
    weight = parameter()
    descend(KerasAdam([weight], lr=0.01), weight, 1)
    gradient = torch.tensor([1.0, 1e-3, 1e-6], dtype=torch.float64)
    rate = 0.01 * 0.001**0.5 / 0.1
    expected = 0.5 - rate * 0.1 * gradient / (0.001**0.5 * gradient + 1e-7)
    torch.testing.assert_close(weight.detach(), expected)


def test_shared_step_numbers() -> None:
    """Two optimizers with stride 2 are one optimizer that updates two weights in turn."""
    first, second, alone = parameter(), parameter(), parameter()
    descend(KerasAdam([first], lr=0.01, stride=2, offset=0), first, 1)
    descend(KerasAdam([second], lr=0.01, stride=2, offset=1), second, 1)
    descend(KerasAdam([alone], lr=0.01), alone, 1)
    assert torch.equal(first, alone)
    correction = ((1 - 0.999**2) ** 0.5 / (1 - 0.9**2)) / ((1 - 0.999) ** 0.5 / (1 - 0.9))
    torch.testing.assert_close((second - 0.5) / (first - 0.5), torch.full_like(first, correction))


def test_it_goes_on_where_it_stopped() -> None:
    whole, parts = parameter(), parameter()
    descend(KerasAdam([whole], lr=0.01, stride=3, offset=1), whole, 6)
    optimizer = KerasAdam([parts], lr=0.01, stride=3, offset=1)
    descend(optimizer, parts, 3)
    file = io.BytesIO()
    torch.save(optimizer.state_dict(), file)
    file.seek(0)
    later = KerasAdam([parts], lr=0.5)
    later.load_state_dict(torch.load(file, weights_only=True))
    descend(later, parts, 3)
    assert torch.equal(whole, parts)


def test_closure_and_parameters_without_gradients() -> None:
    weight, unused = parameter(), parameter()
    optimizer = KerasAdam([weight, unused])
    weight.grad = torch.ones_like(weight)

    def closure() -> float:
        assert torch.is_grad_enabled()
        return 7.0

    assert optimizer.step(closure) == 7.0
    assert torch.equal(unused, parameter())
    assert not torch.equal(weight, parameter())


@pytest.mark.parametrize("offset", [-1, 2])
def test_impossible_offset(offset: int) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        KerasAdam([parameter()], stride=2, offset=offset)

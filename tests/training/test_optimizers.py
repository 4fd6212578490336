"""Keras's Adam compared with PyTorch's, and Muon."""

import io

import pytest
import torch
from torch import Tensor, nn

from wildsr.training.optimizers import KerasAdam, Muon, orthogonalised


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


def test_epsilon_is_added_before_the_bias_correction() -> None:
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


def test_keras_adam_resumes_exactly() -> None:
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


def small_chain() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.PReLU(8), nn.Conv2d(8, 8, 3), nn.Conv2d(8, 3, 3))


def train(network: nn.Module, optimizer: torch.optim.Optimizer, steps: int) -> None:
    x = torch.randn(2, 3, 9, 9, generator=torch.Generator().manual_seed(2))
    for _ in range(steps):
        optimizer.zero_grad()
        network(x).square().mean().backward()
        optimizer.step()


@pytest.mark.parametrize("shape", [(16, 16), (8, 72), (72, 8)])
def test_orthogonalised_matrices_have_singular_values_near_one(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(1)) * 1e-4
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    found = orthogonalised(matrix)
    assert torch.linalg.svdvals(found).sub(1).abs().max() < 0.4
    along = (left.T @ found @ right.T).diagonal()
    assert along.min() > 0.6, "the directions of the matrix are kept"


def test_muon_updates_only_hidden_convolutions() -> None:
    """Their update is orthogonal, scaled to the size of Adam's; other weights are updated by Adam."""
    ours, adam = small_chain(), small_chain()
    before = ours[2].weight.detach().clone()
    train(ours, Muon(ours.parameters(), lr=0.01), 1)
    train(adam, torch.optim.Adam(adam.parameters(), lr=0.01, betas=(0.9, 0.99)), 1)
    change = (before - ours[2].weight.detach()).flatten(1) / (0.01 * 0.2 * 72**0.5)
    assert torch.linalg.svdvals(change).sub(1).abs().max() < 0.4
    for (name, weight), (_, other) in zip(ours.named_parameters(), adam.named_parameters(), strict=True):
        assert torch.allclose(weight, other, atol=1e-7, rtol=0) == (name != "2.weight"), name


def test_muon_does_not_depend_on_memory_formats() -> None:
    plain, last = small_chain(), small_chain().to(memory_format=torch.channels_last)
    for network in (plain, last):
        train(network, Muon(network.parameters(), lr=0.01), 3)
    torch.testing.assert_close(plain[2].weight, last[2].weight, atol=1e-5, rtol=0)


def test_muon_resumes_exactly() -> None:
    whole, parts = small_chain(), small_chain()
    train(whole, Muon(whole.parameters(), lr=0.01), 4)
    optimizer = Muon(parts.parameters(), lr=0.01)
    train(parts, optimizer, 2)
    file = io.BytesIO()
    torch.save(optimizer.state_dict(), file)
    file.seek(0)
    later = Muon(parts.parameters(), lr=0.5)
    later.load_state_dict(torch.load(file, weights_only=True))
    train(parts, later, 2)
    assert torch.equal(whole[2].weight, parts[2].weight)


def test_muon_learns() -> None:
    network = small_chain()
    x = torch.randn(2, 3, 9, 9, generator=torch.Generator().manual_seed(2))
    first = network(x).square().mean().item()
    train(network, Muon(network.parameters(), lr=0.01), 40)
    assert network(x).square().mean().item() < 0.05 * first


def test_muon_without_hidden_convolutions_is_adam() -> None:
    ours, theirs = parameter(), parameter()
    descend(Muon([ours], lr=0.01, betas=(0.9, 0.999)), ours, 5)
    descend(torch.optim.Adam([theirs], lr=0.01), theirs, 5)
    torch.testing.assert_close(ours, theirs)

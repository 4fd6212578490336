"""The losses against specks and serrated edges."""

import pytest
import torch
from torch import Tensor

from wildsr.losses.specks import phase_loss, speck_loss


def noise(seed: int, size: int = 64) -> Tensor:
    return 0.5 + 0.05 * torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(seed))


def line(size: int = 32) -> Tensor:
    x = torch.full((1, 3, size, size), 0.5)
    x[..., 10] = 0.9
    return x


def test_a_speck_costs_and_a_line_does_not() -> None:
    flat = torch.full((1, 3, 32, 32), 0.5)
    speck = flat.clone()
    speck[..., 12, 14] = 0.4
    assert speck_loss(flat, flat) == 0
    assert speck_loss(line(), flat) < 1e-6
    expected = (0.1 - 1 / 255) / 32**2
    assert speck_loss(speck, flat).item() == pytest.approx(expected, rel=1e-3)
    assert speck_loss(noise(0), flat) < 1e-3


def test_the_gradient_removes_a_speck() -> None:
    speck = torch.full((1, 3, 32, 32), 0.5)
    speck[..., 12, 14] = 0.4
    speck.requires_grad_()
    speck_loss(speck, speck.detach()).backward()
    assert speck.grad is not None
    assert (speck.grad[..., 12, 14] < 0).all()


def test_phases_of_noise_are_equal_and_those_of_dots_are_not() -> None:
    even = noise(1, 256)
    dots = even.clone()
    dots[..., 1::4, 2::4] += 0.1
    assert phase_loss(even, even, 4) < 1e-3
    assert phase_loss(dots, even, 4) > 20 * phase_loss(even, even, 4)
    cut = phase_loss(dots[..., :254, :253], even, 4)
    assert cut.item() == pytest.approx(phase_loss(dots[..., :252, :252], even, 4).item(), rel=0.02)


def test_serrated_edges_have_unequal_phases() -> None:
    rows, columns = torch.arange(128.0)[:, None], torch.arange(128.0)[None]
    smooth = (0.5 + (columns - 0.37 * rows - 40) / 4).clamp(0.2, 0.8).expand(1, 3, 128, 128)
    stairs = (0.5 + (columns - 0.37 * (rows // 4 * 4) - 40) / 4).clamp(0.2, 0.8).expand(1, 3, 128, 128)
    assert phase_loss(stairs, smooth, 4) > 3 * phase_loss(smooth, smooth, 4)


def test_small_images_are_refused() -> None:
    with pytest.raises(ValueError, match="4 pixels cannot be compared in 7x64"):
        phase_loss(torch.rand(1, 3, 64, 7), torch.rand(1, 3, 64, 7), 4)

"""The losses against specks and serrated edges."""

import pytest
import torch
from torch import Tensor

from wildsr.losses.specks import dots_loss, phase_loss, speck_loss


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


def dotted(level: float, height: float = 0.03) -> Tensor:
    x = torch.full((1, 3, 32, 32), level)
    x[..., 12:15, 14:17] += height
    return x


def test_a_dot_of_three_pixels_costs_where_the_reference_is_smooth() -> None:
    flat = torch.full((1, 3, 32, 32), 0.4)
    assert dots_loss(flat, flat) == 0
    assert dots_loss(dotted(0.4), flat) > 10 * speck_loss(dotted(0.4), flat)
    assert dots_loss(dotted(0.4, 1 / 255 / 2), flat) == 0, "below the tolerance"
    assert dots_loss(dotted(0.4), dotted(0.4)) == 0, "the reference has that dot"
    assert dots_loss(dotted(0.4), noise(0, 32)) == 0, "the reference is not smooth"


def test_a_dot_half_dark_and_half_bright_costs_as_well() -> None:
    flat = torch.full((1, 3, 32, 32), 0.4)
    dipole = flat.clone()
    dipole[..., 12:15, 14:16] += 0.03
    dipole[..., 12:15, 16:18] -= 0.03
    assert dots_loss(dipole, flat) > dots_loss(dotted(0.4), flat)


def test_a_dot_costs_most_in_the_dark() -> None:
    dark, bright = (
        dots_loss(dotted(level), torch.full((1, 3, 32, 32), level)).item() for level in (0.1, 0.7)
    )
    assert dark == pytest.approx(3 * bright, rel=1e-3)


def test_a_high_dot_costs_little_more_than_a_faint_one() -> None:
    dark = torch.full((1, 3, 32, 32), 0.1)
    assert dots_loss(dotted(0.1, 0.8), dark) < 6 * dots_loss(dotted(0.1, 0.08), dark)


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

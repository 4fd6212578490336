"""Adversarial losses and gradient penalties."""

import pytest
import torch
from torch import Tensor

from wildsr.losses.adversarial import GanLoss, Group, probability_gan_loss
from wildsr.losses.penalties import between, gradient_penalty, r1_penalty

ADVERSARIES = [
    GanLoss("vanilla"),
    GanLoss("lsgan"),
    GanLoss("wgan"),
    GanLoss(relative_to="all"),
    GanLoss(relative_to="batch"),
]


def scores(mean: float) -> Tensor:
    return mean + 0.1 * torch.randn(4, 1, 3, 3, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("adversary", ADVERSARIES, ids=lambda a: f"{a.kind}-{a.relative_to}")
def test_losses_of_generator_and_discriminator_oppose(adversary: GanLoss) -> None:
    real, poor, good = scores(0.9), scores(0.0), scores(0.5)
    assert adversary.generator(good, real) < adversary.generator(poor, real)
    assert adversary.discriminator(real, poor) < adversary.discriminator(real, good)


@pytest.mark.parametrize("group", ["all", "batch"])
def test_a_relativistic_loss_ignores_a_common_offset(group: Group) -> None:
    adversary = GanLoss(relative_to=group)
    real, fake = scores(0.5), scores(-0.5)
    shifted = adversary.discriminator(real + 3, fake + 3)
    torch.testing.assert_close(shifted, adversary.discriminator(real, fake))
    assert GanLoss().discriminator(real + 3, fake + 3) > 1.5 * GanLoss().discriminator(real, fake)


def test_a_relativistic_loss_needs_both_kinds_of_outputs() -> None:
    adversary = GanLoss(relative_to="all")
    with pytest.raises(ValueError, match="real images"):
        adversary.generator(scores(0))
    with pytest.raises(ValueError, match="real and for generated"):
        adversary.term(scores(0), None, real=True)


@pytest.mark.parametrize("adversary", ADVERSARIES, ids=lambda a: f"{a.kind}-{a.relative_to}")
def test_half_precision_outputs_are_widened(adversary: GanLoss) -> None:
    real, fake = scores(0.9).bfloat16(), scores(0.1).bfloat16()
    loss = adversary.discriminator(real, fake)
    assert loss.dtype == torch.float32
    assert torch.equal(loss, adversary.discriminator(real.float(), fake.float()))


def test_relativistic_only_with_cross_entropy() -> None:
    with pytest.raises(ValueError, match="not lsgan"):
        GanLoss("lsgan", relative_to="all")


def test_certain_probabilities_stay_finite() -> None:
    certain = torch.tensor([0.0, 1.0], dtype=torch.bfloat16)
    assert probability_gan_loss(certain, real=True).isfinite()
    assert probability_gan_loss(certain, real=False).isfinite()


def test_penalties_of_a_linear_discriminator() -> None:
    """Its gradient is constant, so the norms are known."""
    x = torch.rand(2, 3, 4, 5)

    def judge(images: Tensor) -> Tensor:
        return slope * images.sum((1, 2, 3), keepdim=True)

    slope = torch.tensor(0.5)
    norm = slope * 60**0.5
    torch.testing.assert_close(gradient_penalty(judge, x, per="image"), (norm - 1) ** 2)
    torch.testing.assert_close(gradient_penalty(judge, x, per="pixel"), (slope * 3**0.5 - 1) ** 2)
    # The mean of two scores, and the norm over both images.
    torch.testing.assert_close(gradient_penalty(judge, x, per="batch"), (norm / 2 * 2**0.5 - 1) ** 2)
    torch.testing.assert_close(r1_penalty(judge, x), norm**2)


def test_points_between() -> None:
    real, fake = torch.ones(2, 3, 4, 4), torch.zeros(2, 3, 4, 4).requires_grad_()
    points = between(real, fake, torch.tensor([0.25, 0.75]).view(2, 1, 1, 1))
    assert not points.requires_grad
    assert points[0].unique() == 0.25
    assert points[1].unique() == 0.75

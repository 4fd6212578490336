"""Targets made of the output of another model."""

import torch
from torch import Tensor, nn

from wildsr.losses.teacher import HaloFreeTarget


class HaloTeacher(nn.Module):
    """Gives the image of :func:`edge`, darker and with a halo."""

    def forward(self, lr: Tensor) -> Tensor:
        del lr
        image = edge()
        image[..., 16:19] += 0.2
        return image - 0.1


def edge() -> Tensor:
    image = torch.full((1, 3, 32, 32), 0.3)
    image[..., 16:] = 0.6
    return image


def test_halos_and_colour_shifts_are_removed() -> None:
    target = HaloFreeTarget(HaloTeacher(), crisp=0)(torch.zeros(1, 3, 8, 8), edge())
    assert target.min() > 0.3 - 0.01
    assert target.max() < 0.6 + 0.01
    assert (target - edge()).abs().mean() < 0.02


def test_output_equal_to_the_reference_is_kept() -> None:
    teacher = nn.Upsample(scale_factor=4)
    lr = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(HaloFreeTarget(teacher, crisp=0)(lr, teacher(lr)), teacher(lr))


def test_the_teacher_is_frozen_and_the_target_has_no_gradient() -> None:
    teacher = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.Upsample(scale_factor=4))
    target = HaloFreeTarget(teacher)(torch.rand(1, 3, 8, 8), torch.rand(1, 3, 32, 32))
    assert not target.requires_grad
    assert not any(weight.requires_grad for weight in teacher.parameters())

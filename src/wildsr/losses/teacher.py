"""Training targets from the output of another model, the teacher, without its halos and colour errors."""

import torch
from torch import Tensor, nn

from wildsr.ops.filtering import filter_separably
from wildsr.ops.kernels import gaussian_profile
from wildsr.ops.sharpening import local_range, steepen_edges


class HaloFreeTarget(nn.Module):
    """Combines the output of a teacher with the reference into a target, all (B, 3, H, W) in [0, 1].

    GAN outputs are sharp and free of noise, but often too high in contrast, with halos and dark outlines at edges. The
    target has the low frequencies of the reference, is clamped to the local range of the reference, and has steeper
    edges. It depends on the LR image as the teacher does, so a network can learn it without blur.

    Args:
        teacher: makes HR images of LR images. It is frozen.
        sigma: of the Gaussian that separates low frequencies, in HR pixels.
        reach: radius of the local range in HR pixels.
        tolerance: margin of the local range, in levels of 8 bits.
        crisp: weight of :func:`wildsr.ops.sharpening.steepen_edges`; 0 for none.
    """

    def __init__(
        self,
        teacher: nn.Module,
        sigma: float = 3.0,
        reach: int = 4,
        tolerance: float = 2.0,
        crisp: float = 1.5,
    ) -> None:
        super().__init__()
        self.teacher = teacher.requires_grad_(False).eval()
        self.sigma, self.reach, self.tolerance, self.crisp = sigma, reach, tolerance, crisp

    @torch.no_grad()
    def forward(self, lr: Tensor, hr: Tensor) -> Tensor:
        """The target for ``lr``, whose reference is ``hr``."""
        output: Tensor = self.teacher(lr).to(hr)
        profile = gaussian_profile(2 * round(3 * self.sigma) + 1, self.sigma)
        target = output + filter_separably(hr - output, profile)
        low, high = local_range(hr, self.reach)
        target = target.clamp(low - self.tolerance / 255, high + self.tolerance / 255)
        return steepen_edges(target, self.crisp).clamp(0, 1)

"""Back-projection of a super-resolved image onto its LR input."""

from torch import Tensor

from wildsr.ops.resize import resize

RADIUS = 5
"""Radius in LR pixels beyond which nothing influences a back-projected pixel: that of two bicubic kernels in a row."""


def back_project(sr: Tensor, lr: Tensor, weight: float = 0.2) -> Tensor:
    """``sr + weight * up(lr - down(sr))`` with plain bicubic kernels, as in RealSR's and RWSR-EDL's test code.

    ``sr`` is (B, C, s*H, s*W) and ``lr`` (B, C, H, W), both in [0, 1]; the result is not clamped.
    """
    small, large = (lr.shape[-2], lr.shape[-1]), (sr.shape[-2], sr.shape[-1])
    missing = lr - resize(sr, small, "bicubic", antialias=False)
    return sr + weight * resize(missing, large, "bicubic", antialias=False)

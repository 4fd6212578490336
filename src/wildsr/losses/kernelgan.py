"""Losses of KernelGAN (Bell-Kligler et al., 2019). Each gives one value per image, (N,).

Kernels are (N, k, k). The weights of the losses, which change during training, are in
:mod:`wildsr.estimation.kernelgan`.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

_BOUNDARY_SCALE = 30.0
_POWER = 0.2
_TINY = 1e-12
BICUBIC_HALF = (
    -0.01171875,
    -0.03515625,
    0.11328125,
    0.43359375,
    0.43359375,
    0.11328125,
    -0.03515625,
    -0.01171875,
)
"""MATLAB's cubic kernel for half the size, in one dimension."""


def gan_loss(probabilities: Tensor, real: bool) -> Tensor:
    """Mean absolute difference of probabilities (N, ...) from 1 for ``real`` images, from 0 for others."""
    target = probabilities.new_full((), float(real))
    return (probabilities - target).abs().flatten(1).mean(1)


def bicubic_half(images: Tensor, size: tuple[int, int]) -> Tensor:
    """(N, C, H, W) at half the size, by a fixed bicubic kernel, the middle ``size`` of it: (N, 1, h, w).

    The original's kernel connects every output channel with every input channel: the result is the *sum* of the
    channels, the same in all output channels.
    """
    profile = torch.tensor(BICUBIC_HALF, dtype=images.dtype, device=images.device)
    summed = images.sum(1, keepdim=True)
    small = F.conv2d(summed, torch.outer(profile, profile)[None, None], stride=2, padding=3)
    top, left = ((have - want) // 2 for have, want in zip(small.shape[-2:], size, strict=True))
    return small[..., top : top + size[0], left : left + size[1]]


def bicubic_loss(generated: Tensor, half: Tensor) -> Tensor:
    """Mean squared difference between the output of G, (N, C, h, w), and :func:`bicubic_half`, (N, 1, h, w)."""
    return (generated - half).square().flatten(1).mean(1)


def sum_loss(kernels: Tensor) -> Tensor:
    """Absolute difference of the sum from one (section 3.4)."""
    return (1 - kernels.sum((-2, -1))).abs()


def boundary_mask(size: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Weights (size, size) that grow towards the borders: the complement of a Gaussian, zero in the middle half."""
    offsets = torch.arange(size, dtype=torch.float64) - (size - 1) // 2
    profile = torch.exp(-offsets.square() / (2 * size**2))
    mask = 1 - torch.outer(profile, profile)
    margin = (size - (size // 2 + size % 2)) // 2 - 1
    mask[margin:-margin, margin:-margin] = 0
    return (_BOUNDARY_SCALE * mask).to(dtype)


def boundary_loss(kernels: Tensor, mask: Tensor) -> Tensor:
    """Mean of the absolute values, weighted by :func:`boundary_mask` (section 3.4)."""
    return (kernels * mask).abs().mean((-2, -1))


def centre_loss(kernels: Tensor, scale: int) -> Tensor:
    """Mean squared distance in pixels of the centre of mass from where subsampling by ``scale`` stays aligned."""
    size = kernels.shape[-1]
    target = size // 2 + 0.5 * (scale - size % 2)
    index = torch.arange(size, dtype=kernels.dtype, device=kernels.device)
    mass = kernels.sum((-2, -1))
    centres = torch.stack([kernels.sum(-1) @ index / mass, kernels.sum(-2) @ index / mass])
    return (centres - target).square().mean(0)


def sparsity_loss(kernels: Tensor) -> Tensor:
    """Mean of the absolute values to the power 0.2 (section 3.4)."""
    # Its slope at zero is infinite: a kernel value of exactly zero would make all gradients NaN.
    return kernels.abs().clamp(min=_TINY).pow(_POWER).mean((-2, -1))

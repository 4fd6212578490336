"""Gradient penalties of discriminators."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

Discriminator = Callable[[Tensor], Tensor]


def between(real: Tensor, fake: Tensor, fraction: Tensor | float) -> Tensor:
    """``fraction`` * real + (1 - ``fraction``) * fake, detached.

    ``fraction`` in [0, 1] is one number, or (B, 1, 1, 1).
    """
    return (fraction * real + (1 - fraction) * fake).detach()


def gradient_penalty(
    discriminator: Discriminator, images: Tensor, per: Literal["image", "pixel", "batch"]
) -> Tensor:
    """Mean of (norm of the gradient - 1)² at ``images`` (B, C, H, W) (Gulrajani et al., 2017, section 4).

    The norm is taken per ``image`` (RealSR); per ``pixel``, over its channels (BSRGAN's code); or over the whole
    ``batch``, of the gradient of the mean output instead of the sum (DSGAN).
    """
    gradient = _gradient(discriminator, images, mean=per == "batch")
    if per == "image":
        gradient = gradient.flatten(1)
    axis = None if per == "batch" else 1
    norms: Tensor = torch.linalg.vector_norm(gradient, dim=axis)
    return (norms - 1).square().mean()


def r1_penalty(discriminator: Discriminator, real: Tensor) -> Tensor:
    """Mean squared norm of the gradients at real images (B, C, H, W) (Mescheder et al., 2018, section 4.1)."""
    return _gradient(discriminator, real, mean=False).square().flatten(1).sum(1).mean()


def _gradient(discriminator: Discriminator, images: Tensor, mean: bool) -> Tensor:
    images = images.detach().requires_grad_()
    outputs = discriminator(images)
    (gradient,) = torch.autograd.grad(outputs.mean() if mean else outputs.sum(), images, create_graph=True)
    return gradient

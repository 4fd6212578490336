"""Filters: blurs, ringing, blur with subsampling, and unsharp masking."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from wildsr.degradations.fields import require
from wildsr.ops import kernels, sharpening, shifting
from wildsr.ops.filtering import filter_per_sample, filter_separably, filter_spectrally

# Parameters may come from an untrusted file.
_LARGEST_KERNEL = 1023
_KERNEL_SIZE = f"a kernel has an odd size from 1 to {_LARGEST_KERNEL}"


@dataclass(frozen=True)
class KernelBlur:
    """Filter with a kernel of :mod:`wildsr.ops.kernels`, with reflected borders; sigmas in pixels.

    ``beta`` is the exponent of the shapes generalized and plateau.
    """

    size: int
    sigma_x: float
    sigma_y: float
    theta: float = 0.0
    shape: Literal["gaussian", "generalized", "plateau"] = "gaussian"
    beta: float = 1.0

    def __post_init__(self) -> None:
        require(0 < self.size <= _LARGEST_KERNEL and self.size % 2 == 1, _KERNEL_SIZE, self.size)
        require(min(self.sigma_x, self.sigma_y) > 0, "sigmas are positive", (self.sigma_x, self.sigma_y))
        require(self.beta > 0, "beta is positive", self.beta)

    def kernel(self) -> Tensor:
        """(size, size) float32."""
        if self.shape == "gaussian":
            return kernels.gaussian_kernel(self.size, self.sigma_x, self.sigma_y, self.theta)
        family = kernels.plateau_kernel if self.shape == "plateau" else kernels.generalized_gaussian_kernel
        return family(self.size, self.sigma_x, self.sigma_y, self.theta, self.beta)

    def is_separable(self) -> bool:
        """Whether it is an isotropic Gaussian, which can be applied along one axis after the other."""
        return self.shape == "gaussian" and self.sigma_x == self.sigma_y


def blur(images: Tensor, steps: Sequence[KernelBlur]) -> Tensor:
    """Filter each image with its own kernel; either all kernels are separable, or none."""
    if not steps[0].is_separable():
        return _filter(images, [step.kernel() for step in steps]).clamp(0, 1)
    profiles = [_trimmed(kernels.gaussian_profile(step.size, step.sigma_x)) for step in steps]
    return filter_separably(images, _stacked(profiles)).clamp(0, 1)


@dataclass(frozen=True)
class Sinc:
    """Filter with a circular low-pass (sinc), which produces ringing; ``cutoff`` in radians per pixel."""

    size: int
    cutoff: float

    def __post_init__(self) -> None:
        require(0 < self.size <= _LARGEST_KERNEL and self.size % 2 == 1, _KERNEL_SIZE, self.size)
        require(self.cutoff > 0, "a cutoff is positive", self.cutoff)


def sinc(images: Tensor, steps: Sequence[Sinc]) -> Tensor:
    """Filter each image with its own low-pass."""
    return _filter(images, [kernels.sinc_kernel(step.size, step.cutoff) for step in steps])


@dataclass(frozen=True)
class Subsample:
    """Keep every ``every``-th pixel from the first, after a Gaussian that is shifted to keep the image aligned.

    ``sigma`` is in pixels, ``size`` the side of the kernel (BSRGAN, section 3.2; ``every`` divides the sides).
    """

    every: int
    sigma: float
    size: int = 25

    def __post_init__(self) -> None:
        require(self.every > 0, "every is positive", self.every)
        require(self.sigma > 0, "a sigma is positive", self.sigma)
        require(0 < self.size <= _LARGEST_KERNEL and self.size % 2 == 1, _KERNEL_SIZE, self.size)


def subsample(images: Tensor, steps: Sequence[Subsample]) -> Tensor:
    """Blur each image with its own Gaussian and subsample; all steps must have the same ``every``."""
    every = steps[0].every
    profiles = []
    for step in steps:
        # The shift of a separable kernel is that of its profiles.
        profile = kernels.gaussian_profile(step.size, step.sigma).expand(1, -1).mT
        shifted = shifting.shift_linear(profile, (every - 1) / 2)[:, 0]
        profiles.append(_trimmed((shifted / shifted.sum()).flip(0)))
    return filter_separably(images, _stacked(profiles), every=every).clamp(0, 1)


@dataclass(frozen=True)
class Sharpen:
    """Unsharp masking, see :func:`wildsr.ops.sharpening.unsharp_mask`."""

    weight: float = 0.5
    radius: int = 50
    threshold: float = 10.0

    def __post_init__(self) -> None:
        require(0 < self.radius <= _LARGEST_KERNEL, f"a radius is from 1 to {_LARGEST_KERNEL}", self.radius)


def sharpen(images: Tensor, steps: Sequence[Sharpen]) -> Tensor:
    """Sharpen each image with its own parameters."""
    each = zip(torch.split(images, 1), steps, strict=True)
    return torch.cat(
        [sharpening.unsharp_mask(one, step.weight, step.radius, step.threshold) for one, step in each]
    )


@dataclass(frozen=True)
class Unsharp:
    """Plain unsharp masking: add ``strength`` times the difference to the image blurred by a Gaussian of ``radius``."""

    strength: float
    radius: float = 1.0

    def __post_init__(self) -> None:
        require(abs(self.strength) <= 100, "a strength is from -100 to 100", self.strength)
        require(0.1 <= self.radius <= 100, "a radius is from 0.1 to 100 pixels", self.radius)


def unsharp(images: Tensor, steps: Sequence[Unsharp]) -> Tensor:
    """Sharpen each image with its own parameters."""
    profiles = [kernels.gaussian_profile(2 * math.ceil(4 * step.radius) + 1, step.radius) for step in steps]
    blurred = filter_separably(images, _stacked(profiles))
    strengths = torch.tensor([step.strength for step in steps]).to(images).reshape(-1, 1, 1, 1)
    return (images + strengths * (images - blurred)).clamp(0, 1)


def _filter(images: Tensor, each: list[Tensor]) -> Tensor:
    """Filter with kernels of several odd sizes, which are symmetric about their centre."""
    largest = max(len(kernel) for kernel in each)
    padded = [kernels.pad_kernel(kernel, largest) if len(kernel) < largest else kernel for kernel in each]
    spectrally = images.device.type == "cpu" and largest > 5
    return (filter_spectrally if spectrally else filter_per_sample)(images, torch.stack(padded))


def _trimmed(profile: Tensor) -> Tensor:
    """A profile (n,) without ends that are negligible in float32, its centre unchanged."""
    used = (profile > 1e-8 * profile.max()).nonzero()
    spare = min(int(used[0]), len(profile) - 1 - int(used[-1]))
    return profile[spare : len(profile) - spare]


def _stacked(profiles: list[Tensor]) -> Tensor:
    """(B, n) from profiles of several odd lengths."""
    largest = max(len(profile) for profile in profiles)
    return torch.stack([F.pad(profile, [(largest - len(profile)) // 2] * 2) for profile in profiles])

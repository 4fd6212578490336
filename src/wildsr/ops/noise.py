"""Noise models, split into sampling from a generator and pure functions of the samples.

Images are (B, C, H, W) in [0, 1]. A level is a number, or one for each image (B,). Nothing is clamped: BSRGAN
(Zhang et al., 2021) clamps to [0, 1] after each kind of noise.
"""

import math

import torch
from torch import Generator, Tensor

from wildsr.ops.color import grey
from wildsr.ops.filtering import filter_separably
from wildsr.ops.kernels import gaussian_profile

Level = float | Tensor


def sample_normal(images: Tensor, generator: Generator, one_channel: bool = False) -> Tensor:
    """Sample standard normal numbers for a batch: one per value, or for grey noise one per pixel (B, 1, H, W).

    They are sampled on the generator's device and moved to that of the images.
    """
    batch, channels, height, width = images.shape
    shape = (batch, 1 if one_channel else channels, height, width)
    return torch.randn(shape, generator=generator, device=generator.device).to(images)


def gaussian_noise(images: Tensor, drawn: Tensor, sigma: Level) -> Tensor:
    """Add ``sigma`` times the samples (B, C or 1, H, W)."""
    return images + _per_image(sigma, images) * drawn


def speckle_noise(images: Tensor, drawn: Tensor, sigma: Level) -> Tensor:
    """Add ``sigma`` times the samples (B, C or 1, H, W) times the image itself."""
    return images + images * _per_image(sigma, images) * drawn


def correlate_channels(drawn: Tensor, covariance: Tensor) -> Tensor:
    """Give standard normal numbers (B, C, H, W) a covariance between channels (C, C) or (B, C, C).

    It need not be positive definite: like numpy's multivariate_normal, this uses the eigenvalues' absolute values.
    """
    _, strengths, axes = torch.linalg.svd(covariance)
    mixing = (strengths.sqrt().unsqueeze(-1) * axes).to(drawn)
    return torch.einsum("...cd,...chw->...dhw", mixing, drawn)


def correlate_pixels(drawn: Tensor, sigma: float) -> Tensor:
    """Filter noise (B, C, H, W) with a Gaussian of ``sigma`` pixels, and scale it to the same variance."""
    if sigma < 0.05:
        return drawn
    profile = gaussian_profile(2 * math.ceil(4 * sigma) + 1, sigma)
    return filter_separably(drawn, (profile / profile.square().sum().sqrt()).to(drawn))


def level_noise(images: Tensor, drawn: Tensor, constant: float, slope: float) -> Tensor:
    """Add the samples (B, C, H, W) with variance ``constant + slope * value``, in 8-bit levels squared, at least 0."""
    return images + (constant + slope * images.clamp(0, 1)).clamp(min=0).sqrt() / 255 * drawn


def photon_rates(images: Tensor, photons: Level, one_channel: bool = False) -> Tensor:
    """Expected photons at each value, (B, C, H, W), or with ``one_channel`` at each pixel's grey value, (B, 1, H, W).

    ``photons`` is the rate of white; BSRGAN samples 10^U(2, 4). Values are rounded to 8 bits first, as in its code.
    """
    levels = _to_levels(images)
    return (_to_levels(grey(levels)) if one_channel else levels) * _per_image(photons, images)


def sample_poisson(rates: Tensor, generator: Generator) -> Tensor:
    """Sample Poisson numbers with these expectations, which must be on the generator's device."""
    return torch.poisson(rates, generator=generator)


def poisson_noise(images: Tensor, counts: Tensor, photons: Level) -> Tensor:
    """The image that photon ``counts``, sampled at :func:`photon_rates`, amount to.

    Counts (B, 1, H, W) are of the grey value; its noise is added to all channels.
    """
    seen = counts / _per_image(photons, images)
    if counts.shape[1] == images.shape[1]:
        return seen
    levels = _to_levels(images)
    return levels + (seen - _to_levels(grey(levels)))


def centred_patches(patches: Tensor) -> Tensor:
    """Noise patches (..., C, h, w) without their channels' means, as RealSR (Ji et al., 2020) adds them.

    The mean is that of the part that is added, not of the stored patch that it is cropped from. RealSR clamps to [0, 1]
    afterwards.
    """
    return patches - patches.mean((-2, -1), keepdim=True)


def inject_noise(images: Tensor, patches: Tensor) -> Tensor:
    """Add noise patches of the images' size, without their means, and clamp to [0, 1]; RealSR and RWSR-EDL."""
    return (images + centred_patches(patches)).clamp(0, 1)


def _to_levels(images: Tensor) -> Tensor:
    return (images * 255).round().clamp(0, 255) / 255


def _per_image(level: Level, images: Tensor) -> Level:
    if isinstance(level, Tensor) and level.ndim:
        return level.to(images).reshape(-1, 1, 1, 1)
    return level

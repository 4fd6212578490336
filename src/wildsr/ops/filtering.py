"""Filtering of batches of images, with one kernel for all or one for each."""

import torch
import torch.nn.functional as F
from torch import Tensor

from wildsr.ops.borders import Border, pad


def filter_per_sample(
    images: Tensor, kernels: Tensor, border: Border = "reflect", flip: bool = False, stride: int = 1
) -> Tensor:
    """Filter (B, C, H, W) with kernels (B, h, w), or with one for all (1, h, w), at the same size.

    Only every ``stride``-th pixel of the result is computed, from the first.

    ``flip`` gives the true convolution instead of the correlation. The centre of an even kernel is at half its
    size, and one pixel less when flipped. With these conventions it equals scipy.ndimage's correlate and convolve,
    which the degradations of KAIR and KernelGAN use, and filter2D of BasicSR. The kernels are converted to the type and
    device of the images.

    Raises:
        ValueError: unless there is one kernel, or one for each image.
    """
    batch, channels, height, width = images.shape
    tall, wide = kernels.shape[-2:]
    padded, kernels = _prepared(images, kernels, border, flip)
    weight = kernels.expand(batch, tall, wide).repeat_interleave(channels, dim=0).unsqueeze(1)
    flat = padded.reshape(1, batch * channels, height + tall - 1, width + wide - 1)
    kept = (-(-height // stride), -(-width // stride))
    return F.conv2d(flat, weight, stride=stride, groups=batch * channels).reshape(batch, channels, *kept)


def filter_spectrally(
    images: Tensor, kernels: Tensor, border: Border = "reflect", flip: bool = False
) -> Tensor:
    """The same as :func:`filter_per_sample`, computed by Fourier transforms; equal to about 1e-6 in float32.

    On CPUs it is many times as fast for kernels larger than about 7 x 7.
    """
    height, width = images.shape[-2:]
    tall, wide = kernels.shape[-2:]
    padded, kernels = _prepared(images, kernels, border, flip)
    size = (_good_length(padded.shape[-2]), _good_length(padded.shape[-1]))
    # Flipped both ways, so that the product of the spectra is the correlation.
    across = torch.fft.rfft(kernels.flip(-2, -1), n=size[1])
    spectrum = torch.fft.fft(across, n=size[0], dim=-2).unsqueeze(1)
    filtered: Tensor = torch.fft.irfft2(torch.fft.rfft2(padded, s=size) * spectrum, s=size)
    return filtered[..., tall - 1 : tall - 1 + height, wide - 1 : wide - 1 + width].contiguous()


def filter_separably(images: Tensor, profiles: Tensor, border: Border = "reflect", every: int = 1) -> Tensor:
    """Filter (B, C, H, W) along both directions; the kernel is the outer product of each profile with itself.

    ``profiles`` is (n,) or, with one for each image, (B, n). Only every ``every``-th row and column of the
    result is kept, from the first.
    """
    if images.device.type == "cpu":
        each = profiles.expand(len(images), -1)
        filtered = [_by_taps(one, profile, border, every) for one, profile in zip(images, each, strict=True)]
        return torch.stack(filtered) if len(filtered) != 1 else filtered[0].unsqueeze(0)
    each = profiles.reshape(-1, profiles.shape[-1])
    rows = filter_per_sample(images, each.unsqueeze(-1), border)[..., ::every, :]
    return filter_per_sample(rows, each.unsqueeze(-2), border)[..., ::every]


def wiener_filter(images: Tensor, sigma: float, size: int = 5) -> Tensor:
    """Remove white noise of standard deviation ``sigma`` from images (B, C, H, W), and keep edges.

    Wiener's filter with means and variances over ``size`` x ``size`` pixels (Lee, "Digital image enhancement and noise
    filtering by use of local statistics", 1980). Areas whose variance is that of the noise become their local mean. The
    channels share the mean of their variances, so that edges stay in all of them.
    """
    reach = (size // 2, size // 2)

    def local_mean(values: Tensor) -> Tensor:
        return F.avg_pool2d(pad(values, reach, reach, "reflect"), size, 1)

    mean = local_mean(images)
    variance = (local_mean(images.square()) - mean.square()).mean(1, keepdim=True).clamp(min=0)
    share = (variance - sigma**2).clamp(min=0) / variance.clamp(min=max(sigma**2, 1e-12))
    return mean + share * (images - mean)


def _by_taps(image: Tensor, profile: Tensor, border: Border, every: int) -> Tensor:
    """Filter one image (C, H, W) by adding shifted copies, which on CPUs is faster than a convolution."""
    weights: list[float] = profile.to(image).tolist()
    reach = (len(weights) // 2, len(weights) - 1 - len(weights) // 2)
    height, width = image.shape[-2:]
    padded = pad(image.unsqueeze(0), reach, (0, 0), border)[0]
    rows = _weighted_sum([padded[:, tap : tap + height : every] for tap in range(len(weights))], weights)
    padded = pad(rows.unsqueeze(0), (0, 0), reach, border)[0]
    return _weighted_sum([padded[..., tap : tap + width : every] for tap in range(len(weights))], weights)


def _weighted_sum(parts: list[Tensor], weights: list[float]) -> Tensor:
    total = parts[0] * weights[0]
    for part, weight in zip(parts[1:], weights[1:], strict=True):
        total.add_(part, alpha=weight)
    return total


def _prepared(images: Tensor, kernels: Tensor, border: Border, flip: bool) -> tuple[Tensor, Tensor]:
    """The images with a border, and the kernels to correlate them with."""
    if kernels.ndim != 3 or kernels.shape[0] not in (1, len(images)):
        raise ValueError(
            f"{len(images)} images need kernels of shape (1 or {len(images)}, h, w), not {kernels.shape}"
        )
    tall, wide = kernels.shape[-2:]
    if flip:
        kernels = kernels.flip(-2, -1)
    above, left = ((size - 1) // 2 if flip else size // 2 for size in (tall, wide))
    padded = pad(images, (above, tall - 1 - above), (left, wide - 1 - left), border)
    return padded, kernels.to(images)


def _good_length(least: int) -> int:
    """A multiple of four without a prime factor above seven, for which Fourier transforms are fast."""
    length = -(-least // 4) * 4
    while True:
        rest = length
        for prime in (2, 3, 5, 7):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return length
        length += 4

"""Filtering of batches, each picture with a kernel of its own."""

import torch.nn.functional as F
from torch import Tensor

from wildsr.ops.borders import Border, pad


def filter_per_sample(
    images: Tensor, kernels: Tensor, border: Border = "reflect", flip: bool = False
) -> Tensor:
    """Filter (B, C, H, W) with kernels (B, h, w), or with one for all (1, h, w); the size stays.

    ``flip`` gives the true convolution instead of the correlation. The centre of an even kernel is at half its
    size, and one pixel less when flipped. With these conventions it equals scipy.ndimage's correlate and convolve,
    which the degradations of KAIR and KernelGAN use, and filter2D of BasicSR. The kernels are taken to the type and
    device of the pictures.

    Raises:
        ValueError: unless there is one kernel, or one for each picture.
    """
    batch, channels, height, width = images.shape
    if kernels.ndim != 3 or kernels.shape[0] not in (1, batch):
        raise ValueError(f"{batch} pictures need kernels of shape (1 or {batch}, h, w), not {kernels.shape}")
    tall, wide = kernels.shape[-2:]
    if flip:
        kernels = kernels.flip(-2, -1)
    above, left = ((size - 1) // 2 if flip else size // 2 for size in (tall, wide))
    padded = pad(images, (above, tall - 1 - above), (left, wide - 1 - left), border)
    weight = kernels.to(images).expand(batch, tall, wide).repeat_interleave(channels, dim=0).unsqueeze(1)
    flat = padded.reshape(1, batch * channels, height + tall - 1, width + wide - 1)
    return F.conv2d(flat, weight, groups=batch * channels).reshape(images.shape)


def filter_separably(images: Tensor, profile: Tensor, border: Border = "reflect") -> Tensor:
    """Filter (B, C, H, W) with ``profile`` (n,) along both directions; the same as with its outer product."""
    rows = filter_per_sample(images, profile[None, :, None], border)
    return filter_per_sample(rows, profile[None, None, :], border)

"""The classical ways from HR to LR with a known kernel (Zhang et al., 2018 to 2020, as collected in KAIR).

Each convolves with the kernel, by default around the borders, and shrinks by a whole ``scale``. ImageSet are
(B, C, H, W), kernels (1 or B, k, k). Sizes that the scale does not divide: see :func:`crop_to_multiple`.
"""

from torch import Tensor

from wildsr.ops.borders import Border
from wildsr.ops.filtering import filter_per_sample
from wildsr.ops.resize import imresize


def crop_to_multiple(images: Tensor, multiple: int) -> Tensor:
    """(..., H, W) without the rows at the bottom and the columns at the right that exceed a multiple."""
    height, width = images.shape[-2:]
    return images[..., : height - height % multiple, : width - width % multiple]


def blur_then_bicubic(images: Tensor, kernels: Tensor, scale: int, border: Border = "circular") -> Tensor:
    """SRMD's degradation (Zhang et al., 2018): blur, then MATLAB's bicubic."""
    return imresize(filter_per_sample(images, kernels, border, flip=True), 1 / scale)


def bicubic_then_blur(images: Tensor, kernels: Tensor, scale: int, border: Border = "circular") -> Tensor:
    """DPSR's degradation (Zhang et al., 2019): MATLAB's bicubic, then blur."""
    return filter_per_sample(imresize(images, 1 / scale), kernels, border, flip=True)


def blur_then_subsample(images: Tensor, kernels: Tensor, scale: int, border: Border = "circular") -> Tensor:
    """The classical degradation (USRNet, 2020): blur, then every ``scale``-th pixel from the first.

    BSRGAN does so with border ``reflect`` and a kernel shifted by (scale - 1) / 2 pixels, which keeps the LR
    image aligned with the HR one.
    """
    return filter_per_sample(images, kernels, border, flip=True)[..., ::scale, ::scale]

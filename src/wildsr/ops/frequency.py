"""Low and high frequencies of images, as DSGAN (Fritsche et al., 2019, section 3.2) and SRResCGAN split them."""

from dataclasses import dataclass
from typing import Literal

import torch.nn.functional as F
from torch import Tensor

from wildsr.ops.kernels import gaussian_kernel

Borders = Literal["zeros", "ignored", "cut"]


@dataclass(frozen=True)
class LowPass:
    """A blur with a square box, or with a Gaussian.

    Attributes:
        size: side of the kernel in pixels, odd. DSGAN uses 5, SRResCGAN 9.
        sigma: standard deviation of the Gaussian in pixels, or None for a box. DSGAN takes size / 6, SRResCGAN
            (size - 1) / 6.
        borders: what lies outside the image: ``zeros``, which count; with a box also ``ignored``, where the
            mean is over the pixels inside; or ``cut``, which keeps only what needs no border and so shrinks the
            image by size - 1.
        passes: how often the blur is applied.
        stride: of each pass.

    Raises:
        ValueError: for an even size, or a Gaussian that is to ignore the outside.
    """

    size: int = 5
    sigma: float | None = None
    borders: Borders = "zeros"
    passes: int = 1
    stride: int = 1

    def __post_init__(self) -> None:
        if self.size % 2 == 0 or self.size < 1:
            raise ValueError(f"the size of a low-pass must be odd, not {self.size}")
        if self.sigma is not None and self.borders == "ignored":
            raise ValueError("only a box can ignore what lies outside the image")

    def __call__(self, images: Tensor) -> Tensor:
        """Blur (B, C, H, W)."""
        for _ in range(self.passes):
            images = self._once(images)
        return images

    def rest(self, images: Tensor, centred: bool = True) -> Tensor:
        """What one more blur takes away from (B, C, H, W) after ``passes`` - 1 of them.

        ``centred`` gives 0.5 + 0.5 * rest, which lies in [0, 1] for images in [0, 1]; the originals do the same
        to images in [0, 255]. Wants borders that keep the size, and stride 1.
        """
        for _ in range(self.passes - 1):
            images = self._once(images)
        rest = images - self._once(images)
        return 0.5 + 0.5 * rest if centred else rest

    def _once(self, images: Tensor) -> Tensor:
        pad = 0 if self.borders == "cut" else self.size // 2
        if self.sigma is None:
            return F.avg_pool2d(
                images, self.size, self.stride, pad, count_include_pad=self.borders == "zeros"
            )
        channels = images.shape[1]
        kernel = gaussian_kernel(self.size, self.sigma, self.sigma).to(images)
        weight = kernel.expand(channels, 1, self.size, self.size)
        return F.conv2d(images, weight, stride=self.stride, padding=pad, groups=channels)

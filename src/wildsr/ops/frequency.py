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
        borders: ``zeros`` pads with zeros; ``ignored``, for a box only, takes the mean over the pixels inside the
            image; ``cut`` computes only pixels that need no padding, so that the result is smaller by size - 1.
        passes: number of times that the blur is applied.
        stride: of each pass.

    Raises:
        ValueError: for an even size, or a Gaussian with borders ``ignored``.
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
        """The high frequencies of (B, C, H, W): the image after ``passes`` - 1 blurs, minus that after one more.

        ``centred`` gives 0.5 + 0.5 * rest, which lies in [0, 1] for images in [0, 1]; the originals do the same
        to images in [0, 255]. Needs borders that keep the size, and stride 1.
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

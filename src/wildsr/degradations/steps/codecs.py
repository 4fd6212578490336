"""Compression and rounding: JPEG, its differentiable form, WebP, levels of 8 bits."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from wildsr.degradations.fields import require
from wildsr.ops import jpeg as jpeg_codec
from wildsr.ops import webp as webp_codec
from wildsr.ops.diff_jpeg import differentiable_jpeg as compress


@dataclass(frozen=True)
class Jpeg:
    """Compress with libjpeg, 4:2:0, and decode again; ``quality`` 1 to 100."""

    quality: int

    def __post_init__(self) -> None:
        require(1 <= self.quality <= 100, "a quality is from 1 to 100", self.quality)


def jpeg(images: Tensor, steps: Sequence[Jpeg]) -> Tensor:
    """Compress each image of (n, 3, H, W) with its own quality."""
    batch = zip(images.cpu(), steps, strict=True)  # one transfer for all
    return torch.stack([jpeg_codec.jpeg(one, step.quality) for one, step in batch]).to(images.device)


@dataclass(frozen=True)
class Webp:
    """Compress with libwebp and decode again; ``quality`` 0 to 100."""

    quality: int

    def __post_init__(self) -> None:
        require(0 <= self.quality <= 100, "a quality is from 0 to 100", self.quality)


def webp(images: Tensor, steps: Sequence[Webp]) -> Tensor:
    """Compress each image of (n, 3, H, W) with its own quality."""
    batch = zip(images.cpu(), steps, strict=True)
    return torch.stack([webp_codec.webp(one, step.quality) for one, step in batch]).to(images.device)


@dataclass(frozen=True)
class DifferentiableJpeg:
    """JPEG in tensor operations, which has gradients (Real-ESRGAN); ``quality`` 1 to 100, not necessarily whole."""

    quality: float

    def __post_init__(self) -> None:
        require(1 <= self.quality <= 100, "a quality is from 1 to 100", self.quality)


def differentiable_jpeg(images: Tensor, steps: Sequence[DifferentiableJpeg]) -> Tensor:
    """Compress each image with its own quality; coefficients are rounded, as in Real-ESRGAN's training."""
    qualities = torch.tensor([step.quality for step in steps])
    return compress(images.clamp(0, 1), qualities, smooth=False)


@dataclass(frozen=True)
class Round:
    """Round to whole levels of 8 bits in [0, 1], as an 8-bit file would."""


def to_levels(images: Tensor, steps: Sequence[Round]) -> Tensor:  # noqa: ARG001 the step has no parameters
    """Round all images."""
    return (images * 255).round().clamp(0, 255) / 255

"""Compression and rounding: JPEG, its differentiable form, WebP, levels of 8 bits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from wildsr.degradations.fields import require
from wildsr.ops import jpeg as jpeg_codec
from wildsr.ops import webp as webp_codec
from wildsr.ops.diff_jpeg import differentiable_jpeg as compress


@dataclass(frozen=True)
class Jpeg:
    """Compress with libjpeg and decode again; ``quality`` 1 to 100.

    ``luma`` and ``chroma``, 64 steps each row by row, replace the quantisation tables of that quality.
    """

    quality: int
    subsampling: Literal["4:4:4", "4:2:2", "4:2:0"] = "4:2:0"
    luma: tuple[int, ...] = ()
    chroma: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        require(1 <= self.quality <= 100, "a quality is from 1 to 100", self.quality)
        require(len(self.luma) == len(self.chroma), "there are two tables or none", len(self.luma))
        for table in (self.luma, self.chroma):
            right = not table or (len(table) == 64 and min(table) >= 1 and max(table) <= 65535)
            require(right, "a quantisation table has 64 steps from 1 to 65535", table)


def jpeg(images: Tensor, steps: Sequence[Jpeg]) -> Tensor:
    """Compress each image of (n, 3, H, W) with its own settings."""
    coded = []
    for one, step in zip(images.cpu(), steps, strict=True):  # one transfer for all
        tables = (step.luma, step.chroma) if step.luma else ()
        coded.append(jpeg_codec.jpeg(one, step.quality, step.subsampling, tables))
    return torch.stack(coded).to(images.device)


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

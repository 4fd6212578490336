"""Degradations as programs: lists of steps, each a line of JSON such as {"step": "jpeg", "quality": 80}.

For every kind of step there is a frozen dataclass, which is its line, and a function that does it to images
(n, 3, H, W) of one size, with one line for each. ``STEPS`` names them all; :mod:`wildsr.degradations.program` runs
them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from wildsr.degradations.camera import Camera, camera
from wildsr.degradations.fields import require
from wildsr.degradations.filter_steps import Blur, Sinc, Subsample, blur, sinc, subsample
from wildsr.degradations.noise_steps import (
    GaussianNoise,
    PoissonNoise,
    SpeckleNoise,
    gaussian_noise,
    poisson_noise,
    speckle_noise,
)
from wildsr.degradations.real_esrgan_steps import (
    DifferentiableJpeg,
    Round,
    ScaledPoissonNoise,
    differentiable_jpeg,
    scaled_poisson_noise,
    to_levels,
)
from wildsr.ops import jpeg as jpeg_codec
from wildsr.ops import resize as resizing
from wildsr.ops import sharpening
from wildsr.ops import webp as webp_codec


@dataclass(frozen=True)
class Resize:
    """To ``size`` (height, width). The methods are those of :func:`wildsr.ops.resize.resize`, and ``matlab``.

    Without ``antialias``, bilinear and bicubic are OpenCV's; ``coverage`` is its INTER_AREA.
    """

    size: tuple[int, int]
    method: Literal["nearest", "bilinear", "bicubic", "area", "coverage", "matlab"]
    antialias: bool = False
    clamp: bool = True

    def __post_init__(self) -> None:
        require(min(self.size) > 0, "a size is positive", self.size)


def resize(images: Tensor, steps: Sequence[Resize]) -> Tensor:
    """All of them must be to one size, by one method."""
    step = steps[0]
    if step.method == "matlab":
        resized = resizing.imresize(images, step.size[0] / images.shape[-2])
        if resized.shape[-2:] != step.size:
            raise ValueError(f"matlab's resizing does not take {tuple(images.shape[-2:])} to {step.size}")
    elif images.shape[-2:] == step.size:
        return images  # as OpenCV has it, also for area and bicubic
    else:
        resized = resizing.resize(images, step.size, step.method, step.antialias)
    return resized.clamp(0, 1) if step.clamp else resized


@dataclass(frozen=True)
class Jpeg:
    """Through libjpeg and back, 4:2:0, ``quality`` 1 to 100."""

    quality: int

    def __post_init__(self) -> None:
        require(1 <= self.quality <= 100, "a quality is from 1 to 100", self.quality)


def jpeg(images: Tensor, steps: Sequence[Jpeg]) -> Tensor:
    """Each image at its quality."""
    batch = zip(images.cpu(), steps, strict=True)  # brought at once
    return torch.stack([jpeg_codec.jpeg(one, step.quality) for one, step in batch]).to(images.device)


@dataclass(frozen=True)
class Webp:
    """Through libwebp and back, ``quality`` 0 to 100."""

    quality: int

    def __post_init__(self) -> None:
        require(0 <= self.quality <= 100, "a quality is from 0 to 100", self.quality)


def webp(images: Tensor, steps: Sequence[Webp]) -> Tensor:
    """Each image at its quality."""
    batch = zip(images.cpu(), steps, strict=True)
    return torch.stack([webp_codec.webp(one, step.quality) for one, step in batch]).to(images.device)


@dataclass(frozen=True)
class Sharpen:
    """Unsharp masking, see :func:`wildsr.ops.sharpening.unsharp_mask`."""

    weight: float = 0.5
    radius: int = 50
    threshold: float = 10.0

    def __post_init__(self) -> None:
        require(self.radius > 0, "a radius is positive", self.radius)


def sharpen(images: Tensor, steps: Sequence[Sharpen]) -> Tensor:
    """Each image with its own strength."""
    each = zip(torch.split(images, 1), steps, strict=True)
    return torch.cat(
        [sharpening.unsharp_mask(one, step.weight, step.radius, step.threshold) for one, step in each]
    )


class Kind(NamedTuple):
    """A step's line and what does it; ``alike`` gives what images must have in common to be done at once."""

    line: type
    run: Callable[[Tensor, Sequence[Any]], Tensor]
    alike: Callable[[Any], object] = lambda step: None  # noqa: ARG005


STEPS: dict[str, Kind] = {
    "blur": Kind(Blur, blur, Blur.is_separable),
    "sinc": Kind(Sinc, sinc),
    "subsample": Kind(Subsample, subsample, lambda step: step.every),
    "resize": Kind(Resize, resize, lambda step: step),
    "gaussian_noise": Kind(GaussianNoise, gaussian_noise),
    "speckle_noise": Kind(SpeckleNoise, speckle_noise),
    "poisson_noise": Kind(PoissonNoise, poisson_noise),
    "jpeg": Kind(Jpeg, jpeg),
    "webp": Kind(Webp, webp),
    "sharpen": Kind(Sharpen, sharpen),
    "camera": Kind(Camera, camera),
    "scaled_poisson_noise": Kind(ScaledPoissonNoise, scaled_poisson_noise),
    "differentiable_jpeg": Kind(DifferentiableJpeg, differentiable_jpeg),
    "round": Kind(Round, to_levels),
}

"""Steps that only Real-ESRGAN (Wang et al., 2021) has; as those of :mod:`wildsr.degradations.steps`."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from wildsr.ops.color import grey
from wildsr.ops.diff_jpeg import differentiable_jpeg as compress
from wildsr.ops.noise import draw_poisson


@dataclass(frozen=True)
class ScaledPoissonNoise:
    """Add ``strength`` times the Poisson noise of as many photons at white as the image has levels of 8 bits.

    Their number is rounded up to a power of two. Grey noise counts, and is drawn for, each pixel's grey value.
    """

    strength: float
    seed: int
    grey: bool = False

    def __post_init__(self) -> None:
        if self.strength < 0 or self.seed < 0:
            raise ValueError("strength and seed are not negative")


def scaled_poisson_noise(images: Tensor, steps: Sequence[ScaledPoissonNoise]) -> Tensor:
    """Each image with noise of its own; clamped to [0, 1]."""
    noisy = []
    for image, step in zip(images, steps, strict=True):
        exact = grey(image) if step.grey else image
        levels = (exact * 255).round().clamp(0, 255)
        seen = torch.zeros(256, dtype=torch.bool, device=image.device)
        seen[levels.long()] = True
        photons = 2 ** (int(seen.sum()) - 1).bit_length()
        rounded = levels / 255
        generator = Generator(device=image.device).manual_seed(step.seed)
        noise = draw_poisson(rounded * photons, generator) / photons - rounded
        noisy.append(image + step.strength * noise)
    return torch.stack(noisy).clamp(0, 1)


@dataclass(frozen=True)
class DifferentiableJpeg:
    """Compression in tensor operations, which has gradients; ``quality`` is of 1 to 100 and need not be whole."""

    quality: float

    def __post_init__(self) -> None:
        if not 1 <= self.quality <= 100:
            raise ValueError(f"a quality is from 1 to 100, not {self.quality}")


def differentiable_jpeg(images: Tensor, steps: Sequence[DifferentiableJpeg]) -> Tensor:
    """Each image at its quality; coefficients are rounded, as Real-ESRGAN's training has it."""
    qualities = torch.tensor([step.quality for step in steps])
    return compress(images.clamp(0, 1), qualities, smooth=False)


@dataclass(frozen=True)
class Round:
    """To whole levels of 8 bits in [0, 1], as in a file."""


def to_levels(images: Tensor, steps: Sequence[Round]) -> Tensor:  # noqa: ARG001 there is nothing to choose
    """All images."""
    return (images * 255).round().clamp(0, 255) / 255

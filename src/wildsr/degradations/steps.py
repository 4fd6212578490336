"""Degradations as programs: lists of steps, each a line of JSON such as {"step": "jpeg", "quality": 80}.

For every kind of step there is a frozen dataclass, which is its line, and a function that does it to pictures
(n, 3, H, W) of one size, with one line for each. ``STEPS`` names them all; :mod:`wildsr.degradations.program` runs
them. Noise is not kept: a step holds a seed, from which it is drawn again on the pictures' device.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
from torch import Generator, Tensor

from wildsr.degradations.camera import Camera, camera
from wildsr.degradations.real_esrgan_steps import (
    DifferentiableJpeg,
    Round,
    ScaledPoissonNoise,
    differentiable_jpeg,
    scaled_poisson_noise,
    to_levels,
)
from wildsr.ops import jpeg as jpeg_codec
from wildsr.ops import kernels, noise, sharpening, shifting
from wildsr.ops import resize as resizing
from wildsr.ops import webp as webp_codec
from wildsr.ops.filtering import filter_per_sample

Channels = Literal["colour", "grey", "correlated"]
"""Noise drawn for every value, or once for a pixel, or for every value with a covariance between the channels."""
UNCORRELATED = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
Covariance = tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]


@dataclass(frozen=True)
class Blur:
    """Filter with a kernel of :mod:`wildsr.ops.kernels`, reflecting at the borders; sigmas in pixels.

    ``beta`` is the exponent of the shapes generalized and plateau.
    """

    size: int
    sigma_x: float
    sigma_y: float
    theta: float = 0.0
    shape: Literal["gaussian", "generalized", "plateau"] = "gaussian"
    beta: float = 1.0

    def __post_init__(self) -> None:
        _require(self.size > 0 and self.size % 2 == 1, "a kernel has an odd size", self.size)
        _require(min(self.sigma_x, self.sigma_y) > 0, "sigmas are positive", (self.sigma_x, self.sigma_y))
        _require(self.beta > 0, "beta is positive", self.beta)

    def kernel(self) -> Tensor:
        """(size, size) float32."""
        if self.shape == "gaussian":
            return kernels.gaussian_kernel(self.size, self.sigma_x, self.sigma_y, self.theta)
        family = kernels.plateau_kernel if self.shape == "plateau" else kernels.generalized_gaussian_kernel
        return family(self.size, self.sigma_x, self.sigma_y, self.theta, self.beta)


def blur(images: Tensor, steps: Sequence[Blur]) -> Tensor:
    """Each picture with its kernel."""
    return _filter(images, [step.kernel() for step in steps])


@dataclass(frozen=True)
class Sinc:
    """Filter with a circular low-pass, which rings; ``cutoff`` in radians per pixel."""

    size: int
    cutoff: float

    def __post_init__(self) -> None:
        _require(self.size > 0 and self.size % 2 == 1, "a kernel has an odd size", self.size)
        _require(self.cutoff > 0, "a cutoff is positive", self.cutoff)


def sinc(images: Tensor, steps: Sequence[Sinc]) -> Tensor:
    """Each picture with its low-pass."""
    return _filter(images, [kernels.sinc_kernel(step.size, step.cutoff) for step in steps])


@dataclass(frozen=True)
class Subsample:
    """Keep every ``every``-th pixel from the first, after a Gaussian that is shifted to keep the picture aligned.

    ``sigma`` is in pixels, ``size`` the side of the kernel (BSRGAN, section 3.2; ``every`` divides the sides).
    """

    every: int
    sigma: float
    size: int = 25

    def __post_init__(self) -> None:
        _require(self.every > 0, "every is positive", self.every)
        _require(self.sigma > 0, "a sigma is positive", self.sigma)
        _require(self.size > 0 and self.size % 2 == 1, "a kernel has an odd size", self.size)


def subsample(images: Tensor, steps: Sequence[Subsample]) -> Tensor:
    """All of them must keep as many pixels."""
    every = steps[0].every
    shifted = []
    for step in steps:
        kernel = kernels.gaussian_kernel(step.size, step.sigma, step.sigma, dtype=torch.float64)
        kernel = shifting.shift_linear(kernel, (step.every - 1) / 2)
        shifted.append((kernel / kernel.sum()).float())
    return _filter(images, shifted, flip=True)[..., ::every, ::every].clamp(0, 1)


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
        _require(min(self.size) > 0, "a size is positive", self.size)


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
class GaussianNoise:
    """Add noise of standard deviation ``level``, in levels of 8 bits, and clamp.

    With channels ``correlated``, ``covariance`` is that of R, G and B at level 1; otherwise it is not used.
    """

    level: float
    seed: int
    channels: Channels = "colour"
    covariance: Covariance = UNCORRELATED

    def __post_init__(self) -> None:
        _require(self.level >= 0, "a level is not negative", self.level)
        _require(0 <= self.seed < 2**63, "a seed is from 0 to 2^63 - 1", self.seed)


@dataclass(frozen=True)
class SpeckleNoise(GaussianNoise):
    """As :class:`GaussianNoise`, but the noise is multiplied by the picture before it is added."""


def gaussian_noise(images: Tensor, steps: Sequence[GaussianNoise]) -> Tensor:
    """Each picture with noise of its own."""
    added = [
        noise.gaussian_noise(one, _drawn(one, step), step.level / 255) for one, step in _pairs(images, steps)
    ]
    return _joined(added).clamp(0, 1)


def speckle_noise(images: Tensor, steps: Sequence[SpeckleNoise]) -> Tensor:
    """Each picture with noise of its own."""
    added = [
        noise.speckle_noise(one, _drawn(one, step), step.level / 255) for one, step in _pairs(images, steps)
    ]
    return _joined(added).clamp(0, 1)


@dataclass(frozen=True)
class PoissonNoise:
    """The picture as counted photons, ``photons`` of them at white, and clamp; ``grey``: counted once for a pixel."""

    photons: float
    seed: int
    grey: bool = False

    def __post_init__(self) -> None:
        _require(self.photons > 0, "photons are positive", self.photons)
        _require(0 <= self.seed < 2**63, "a seed is from 0 to 2^63 - 1", self.seed)


def poisson_noise(images: Tensor, steps: Sequence[PoissonNoise]) -> Tensor:
    """Each picture with photons of its own."""
    counted = []
    for one, step in _pairs(images, steps):
        rates = noise.photon_rates(one, step.photons, step.grey)
        counts = noise.draw_poisson(rates, _generator(step.seed, one))
        counted.append(noise.poisson_noise(one, counts, step.photons))
    return _joined(counted).clamp(0, 1)


@dataclass(frozen=True)
class Jpeg:
    """Through libjpeg and back, 4:2:0, ``quality`` 1 to 100."""

    quality: int

    def __post_init__(self) -> None:
        _require(1 <= self.quality <= 100, "a quality is from 1 to 100", self.quality)


def jpeg(images: Tensor, steps: Sequence[Jpeg]) -> Tensor:
    """Each picture at its quality."""
    return torch.stack([jpeg_codec.jpeg(one, step.quality) for one, step in zip(images, steps, strict=True)])


@dataclass(frozen=True)
class Webp:
    """Through libwebp and back, ``quality`` 0 to 100."""

    quality: int

    def __post_init__(self) -> None:
        _require(0 <= self.quality <= 100, "a quality is from 0 to 100", self.quality)


def webp(images: Tensor, steps: Sequence[Webp]) -> Tensor:
    """Each picture at its quality."""
    return torch.stack([webp_codec.webp(one, step.quality) for one, step in zip(images, steps, strict=True)])


@dataclass(frozen=True)
class Sharpen:
    """Unsharp masking, see :func:`wildsr.ops.sharpening.unsharp_mask`."""

    weight: float = 0.5
    radius: int = 50
    threshold: float = 10.0

    def __post_init__(self) -> None:
        _require(self.radius > 0, "a radius is positive", self.radius)


def sharpen(images: Tensor, steps: Sequence[Sharpen]) -> Tensor:
    """Each picture with its own strength."""
    return _joined(
        [
            sharpening.unsharp_mask(one, step.weight, step.radius, step.threshold)
            for one, step in _pairs(images, steps)
        ]
    )


class Kind(NamedTuple):
    """A step's line and what does it; ``alike`` gives what pictures must have in common to be done at once."""

    line: type
    run: Callable[[Tensor, Sequence[Any]], Tensor]
    alike: Callable[[Any], object] = lambda step: None  # noqa: ARG005


STEPS: dict[str, Kind] = {
    "blur": Kind(Blur, blur),
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


def _require(holds: bool, rule: str, value: object) -> None:
    if not holds:
        raise ValueError(f"{rule}, not {value}")


def _pairs(images: Tensor, steps: Sequence[Any]) -> "zip[tuple[Tensor, Any]]":
    return zip(torch.split(images, 1), steps, strict=True)


def _joined(pictures: list[Tensor]) -> Tensor:
    return pictures[0] if len(pictures) == 1 else torch.cat(pictures)


def _filter(images: Tensor, each: list[Tensor], flip: bool = False) -> Tensor:
    """Filter with odd kernels of several sizes."""
    largest = max(len(kernel) for kernel in each)
    padded = [kernels.pad_kernel(kernel, largest) if len(kernel) < largest else kernel for kernel in each]
    return filter_per_sample(images, torch.stack(padded), flip=flip)


def _generator(seed: int, image: Tensor) -> Generator:
    return Generator(device=image.device).manual_seed(seed)


def _drawn(image: Tensor, step: GaussianNoise) -> Tensor:
    drawn = noise.draw_normal(image, _generator(step.seed, image), one_channel=step.channels == "grey")
    if step.channels != "correlated":
        return drawn
    covariance = torch.tensor(step.covariance, dtype=torch.float64)
    return noise.correlate_channels(drawn, covariance)

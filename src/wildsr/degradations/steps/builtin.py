"""The table of steps.

A program is a list of steps, each a JSON object such as {"step": "jpeg", "quality": 80}. For every kind of step there
is a frozen dataclass with its parameters, and a function that applies it to images (n, 3, H, W) of one size, with one
dataclass for each image. :mod:`wildsr.degradations.program` runs programs.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from torch import Tensor

from wildsr.degradations.steps.camera import Camera, camera
from wildsr.degradations.steps.codecs import (
    DifferentiableJpeg,
    Jpeg,
    Round,
    Webp,
    differentiable_jpeg,
    jpeg,
    to_levels,
    webp,
)
from wildsr.degradations.steps.filters import (
    KernelBlur,
    Sharpen,
    Sinc,
    Subsample,
    Unsharp,
    blur,
    sharpen,
    sinc,
    subsample,
    unsharp,
)
from wildsr.degradations.steps.geometry import Resize, resize
from wildsr.degradations.steps.noise import (
    GaussianNoise,
    LevelNoise,
    PoissonNoise,
    ScaledPoissonNoise,
    SpeckleNoise,
    gaussian_noise,
    level_noise,
    poisson_noise,
    scaled_poisson_noise,
    speckle_noise,
)


class StepKind(NamedTuple):
    """A kind of step.

    Attributes:
        parameters: the dataclass of its parameters.
        run: applies it to a batch.
        batch_key: images can only share a batch when this gives the same value for their steps.
    """

    parameters: type
    run: Callable[[Tensor, Sequence[Any]], Tensor]
    batch_key: Callable[[Any], object] = lambda step: None  # noqa: ARG005


STEPS: dict[str, StepKind] = {
    "blur": StepKind(KernelBlur, blur, KernelBlur.is_separable),
    "sinc": StepKind(Sinc, sinc),
    "subsample": StepKind(Subsample, subsample, lambda step: step.every),
    "resize": StepKind(Resize, resize, lambda step: step),
    "gaussian_noise": StepKind(GaussianNoise, gaussian_noise),
    "speckle_noise": StepKind(SpeckleNoise, speckle_noise),
    "poisson_noise": StepKind(PoissonNoise, poisson_noise),
    "jpeg": StepKind(Jpeg, jpeg),
    "webp": StepKind(Webp, webp),
    "sharpen": StepKind(Sharpen, sharpen),
    "camera": StepKind(Camera, camera),
    "scaled_poisson_noise": StepKind(ScaledPoissonNoise, scaled_poisson_noise),
    "differentiable_jpeg": StepKind(DifferentiableJpeg, differentiable_jpeg),
    "round": StepKind(Round, to_levels),
    "unsharp": StepKind(Unsharp, unsharp),
    "level_noise": StepKind(LevelNoise, level_noise),
}

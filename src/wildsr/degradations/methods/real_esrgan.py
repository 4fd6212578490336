"""Real-ESRGAN's degradation (Wang et al., 2021, section 3): the classical degradation applied twice, with ringing.

Figures are those of the code for Real-ESRGAN x4plus (``options/train_realesrgan_x4plus.yml``). There the
images of a batch share the sampled resizing, kind of noise and final order; here each image has its own. The code
degrades 400 x 400 pixels and crops 256 of them; here the given image is degraded.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from torch import Tensor

from wildsr.degradations.degradation import Parameters, Step
from wildsr.degradations.program import run_steps
from wildsr.ops.cropping import crop_to_multiple

SIZES = tuple(range(7, 22, 2))
"""Sides of kernels, in pixels."""
SINC = 0.1
FINAL_SINC = 0.8
# shape, isotropic, probability
SHAPES: tuple[tuple[str, bool, float], ...] = (
    ("gaussian", True, 0.45),
    ("gaussian", False, 0.25),
    ("generalized", True, 0.12),
    ("generalized", False, 0.03),
    ("plateau", True, 0.12),
    ("plateau", False, 0.03),
)
# Exponents are below 1 as often as above; plateaus have none below.
BETAS = {"gaussian": (1.0, 1.0), "generalized": (0.5, 4.0), "plateau": (1.0, 2.0)}
METHODS = ("area", "bilinear", "bicubic")
QUALITY = (30.0, 95.0)
GREY = 0.4

Range = tuple[float, float]


@dataclass(frozen=True)
class StageRanges:
    """Probabilities and ranges of uniform distributions for one of the two stages.

    ``sigma`` of blurs in pixels; ``up`` and ``down`` are the probabilities of resizing, by a ``factor``; ``level`` of
    Gaussian noise in levels of 8 bits, ``strength`` of Poisson noise, ``gaussian`` the probability of the former.
    """

    blur: float
    sigma: Range
    up: float
    down: float
    factor: Range
    gaussian: float
    level: Range
    strength: Range


FIRST = StageRanges(1.0, (0.2, 3.0), 0.2, 0.7, (0.15, 1.5), 0.5, (1, 30), (0.05, 3.0))
SECOND = StageRanges(0.8, (0.2, 1.5), 0.3, 0.4, (0.3, 1.2), 0.5, (1, 25), (0.05, 2.5))


@dataclass(frozen=True)
class RealEsrgan:
    """A program of steps for each image.

    ``jpeg`` is the ``codec``, or ``differentiable`` as the published models were trained with (rounded, so that it has
    no gradients there either). With ``sharpened``, images are sharpened first, as for the published models, which
    learn sharpening as well: their target is the sharpened HR image (:func:`wildsr.ops.sharpening.unsharp_mask`).
    """

    scale: int = 4
    jpeg: Literal["codec", "differentiable"] = "codec"
    sharpened: bool = False

    def sample(self, rng: np.random.Generator, size: tuple[int, int]) -> Parameters:
        """Sample a program for an HR image of ``size`` (height, width)."""
        small = (size[0] // self.scale, size[1] // self.scale)
        whole = (small[0] * self.scale, small[1] * self.scale)
        steps: list[Step] = [{"step": "sharpen"}] if self.sharpened else []
        steps += self._stage(rng, FIRST, whole)
        steps.append(self._jpeg(rng))
        steps += self._stage(rng, SECOND, small)
        last: list[Step] = [_resize(rng, small)]
        if rng.random() < FINAL_SINC:
            last.append(_sinc(int(rng.choice(SIZES)), rng.uniform(math.pi / 3, math.pi)))
        compressed = self._jpeg(rng)
        steps += [*last, compressed] if rng.random() < 0.5 else [compressed, *last]
        return {"steps": [*steps, {"step": "round"}]}

    def apply(self, images: Tensor, parameters: Sequence[Parameters]) -> Tensor:
        """Degrade (B, 3, H, W) in [0, 1] to (B, 3, H // scale, W // scale) in [0, 1], in levels of 8 bits.

        Raises:
            DegradationError: parameters that are not programs, or for another image size.
        """
        return run_steps(crop_to_multiple(images, self.scale), parameters)

    def _stage(self, rng: np.random.Generator, ranges: StageRanges, size: tuple[int, int]) -> list[Step]:
        """Sample blur, resizing relative to ``size``, and noise."""
        steps = [_blur(rng, ranges.sigma)] if rng.random() < ranges.blur else []
        steps.append(_resize(rng, size, _factor(rng, ranges)))
        steps.append(_noise(rng, ranges))
        return steps

    def _jpeg(self, rng: np.random.Generator) -> Step:
        quality = rng.uniform(*QUALITY)
        if self.jpeg == "differentiable":
            return {"step": "differentiable_jpeg", "quality": quality}
        return {"step": "jpeg", "quality": round(quality)}


def _blur(rng: np.random.Generator, sigmas: Range) -> Step:
    size = int(rng.choice(SIZES))
    if rng.random() < SINC:
        lowest = math.pi / 3 if size < 13 else math.pi / 5
        return _sinc(size, rng.uniform(lowest, math.pi))
    shape, same, _ = SHAPES[int(rng.choice(len(SHAPES), p=[one[2] for one in SHAPES]))]
    sigma_x = rng.uniform(*sigmas)
    step = {"step": "blur", "size": size, "shape": shape, "sigma_x": sigma_x, "sigma_y": sigma_x}
    if not same:
        step |= {"sigma_y": rng.uniform(*sigmas), "theta": rng.uniform(-math.pi, math.pi)}
    if shape != "gaussian":
        low, high = BETAS[shape]
        step["beta"] = rng.uniform(low, 1) if rng.random() < 0.5 else rng.uniform(1, high)
    return step


def _sinc(size: int, cutoff: float) -> Step:
    return {"step": "sinc", "size": size, "cutoff": cutoff}


def _factor(rng: np.random.Generator, ranges: StageRanges) -> float:
    choice = rng.random()
    if choice < ranges.up:
        return rng.uniform(1, ranges.factor[1])
    if choice < ranges.up + ranges.down:
        return rng.uniform(ranges.factor[0], 1)
    return 1.0


def _resize(rng: np.random.Generator, size: tuple[int, int], factor: float = 1.0) -> Step:
    """Sizes are rounded down to whole pixels, as in the code."""
    scaled = [max(1, int(side * factor)) for side in size]
    # Overshoots are clamped only after the noise.
    return {"step": "resize", "size": scaled, "method": str(rng.choice(METHODS)), "clamp": False}


def _noise(rng: np.random.Generator, ranges: StageRanges) -> Step:
    seed = int(rng.integers(2**31))
    grey = bool(rng.random() < GREY)
    if rng.random() < ranges.gaussian:
        channels = "grey" if grey else "colour"
        return {
            "step": "gaussian_noise",
            "level": rng.uniform(*ranges.level),
            "channels": channels,
            "seed": seed,
        }
    return {
        "step": "scaled_poisson_noise",
        "strength": rng.uniform(*ranges.strength),
        "grey": grey,
        "seed": seed,
    }

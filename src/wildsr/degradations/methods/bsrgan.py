"""BSRGAN's practical degradation (Zhang et al., 2021, section 3): blur, downscaling, noise and JPEG in random order.

Ranges and probabilities are those of the public code, whose correlated noise always has the highest level.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from torch import Tensor

from wildsr.degradations.degradation import HeightWidth, Parameters, Step
from wildsr.degradations.program import run_steps
from wildsr.degradations.steps.camera import sample_camera
from wildsr.ops.cropping import crop_to_multiple

METHODS = ("bilinear", "bicubic", "coverage")
LEVELS = (2, 25)
QUALITIES = (30, 95)
SMALLEST_SIGMA = 1e-3
"""Sigmas are sampled from 0 on; below this, a kernel is a single pixel anyway."""


@dataclass(frozen=True)
class Bsrgan:
    """Seven steps in random order, and JPEG at the end.

    They are two blurs, a random downscaling, the downscaling to the final size (always after the random one), Gaussian
    noise, JPEG and, with ``camera``, camera sensor noise, which the paper describes and the public code omits. At scale
    4, a quarter of the images are first downscaled by 2 and then treated as for scale 2.
    """

    scale: int = 4
    camera: bool = False

    def sample(self, rng: Generator, size: HeightWidth) -> Parameters:
        """Sample the steps for an HR image of ``size`` (height, width)."""
        size = (size[0] - size[0] % self.scale, size[1] - size[1] % self.scale)
        steps: list[Step] = []
        scale = self.scale
        if scale == 4 and rng.random() < 0.25:
            scale = 2
            size = (size[0] // 2, size[1] // 2)
            matlab = rng.random() < 0.5
            steps.append(resize(size, "matlab" if matlab else METHODS[rng.integers(3)]))
        final = (size[0] // scale, size[1] // scale)
        for kind in _order(rng):
            if kind in (0, 1):
                steps.append(sample_blur(rng, scale))
            elif kind == 2:
                steps.append(_sample_downscaling(rng, size, scale))
            elif kind == 3:
                steps.append(resize(final, METHODS[rng.integers(3)]))
            elif kind == 4:
                steps.append(sample_gaussian_noise(rng))
            elif kind == 5 and rng.random() < 0.9:
                steps.append(sample_jpeg(rng))
            elif kind == 6 and self.camera and rng.random() < 0.25:
                steps.append(sample_camera(rng))
        steps.append(sample_jpeg(rng))
        return {"steps": steps}

    def apply(self, images: Tensor, parameters: Sequence[Parameters]) -> Tensor:
        """Run the steps on (B, 3, H, W) in [0, 1]; see :class:`wildsr.degradations.degradation.Degradation`."""
        return run_steps(crop_to_multiple(images, self.scale), parameters)


def sample_blur(rng: Generator, scale: int) -> Step:
    """Sample a Gaussian of 7 to 25 pixels, half of the time anisotropic with variances up to 4 + scale."""
    size = 2 * int(rng.integers(2, 12)) + 3
    if rng.random() < 0.5:
        variances = (4.0 + scale) * rng.random(2)
        sigma_x, sigma_y = (max(float(sigma), SMALLEST_SIGMA) for sigma in np.sqrt(variances))
        theta = float(rng.random() * np.pi)
        return {"step": "blur", "size": size, "sigma_x": sigma_x, "sigma_y": sigma_y, "theta": theta}
    sigma = max(float((2.0 + 0.2 * scale) * rng.random()), SMALLEST_SIGMA)
    return {"step": "blur", "size": size, "sigma_x": sigma, "sigma_y": sigma}


def sample_gaussian_noise(rng: Generator, step: str = "gaussian_noise") -> Step:
    """Sample noise of level 2 to 25, in colour, grey or correlated between the channels; also for speckle noise."""
    level, kind, seed = int(rng.integers(LEVELS[0], LEVELS[1] + 1)), rng.random(), sample_seed(rng)
    if kind > 0.6:
        return {"step": step, "level": level, "seed": seed}
    if kind < 0.4:
        return {"step": step, "level": level, "seed": seed, "channels": "grey"}
    basis = np.linalg.svd(rng.random((3, 3)))[0]
    covariance = np.abs(basis.T @ np.diag(rng.random(3)) @ basis).tolist()
    return {
        "step": step, "level": LEVELS[1], "seed": seed, "channels": "correlated", "covariance": covariance,
    }  # fmt: skip


def sample_jpeg(rng: Generator) -> Step:
    """Sample JPEG of quality 30 to 95."""
    return {"step": "jpeg", "quality": int(rng.integers(QUALITIES[0], QUALITIES[1] + 1))}


def sample_seed(rng: Generator) -> int:
    """Sample the seed that a noise step stores instead of its noise."""
    return int(rng.integers(2**32))


def resize(size: HeightWidth, method: str) -> Step:
    """The step that resizes as OpenCV does, or by ``matlab``, to at least one pixel."""
    return {"step": "resize", "size": [max(size[0], 1), max(size[1], 1)], "method": method}


def _order(rng: Generator) -> list[int]:
    order: list[int] = rng.permutation(7).tolist()
    random, final = order.index(2), order.index(3)
    if random > final:
        order[random], order[final] = order[final], order[random]
    return order


def _sample_downscaling(rng: Generator, size: HeightWidth, scale: int) -> Step:
    if rng.random() < 0.75:
        factor = rng.uniform(1, 2 * scale)
        return resize((int(1 / factor * size[0]), int(1 / factor * size[1])), METHODS[rng.integers(3)])
    return {"step": "subsample", "every": scale, "sigma": float(rng.uniform(0.1, 0.6 * scale))}

"""Camera sensor noise: convert to raw, add sensor noise, develop again.

BSRGAN's processed camera sensor noise (Zhang et al., 2021, section 3.4), with that paper's ranges of exposure and white
balance, and the colour matrices, the tone curve and the noise of Brooks et al. (2019), since the cameras that BSRGAN's
authors measured were never published. Brightness is preserved: development multiplies by the gains that unprocessing
divides by. Half of the cameras have a tone curve.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Generator, Tensor

from wildsr.ops.demosaic import PATTERNS, Method, demosaic, mosaic
from wildsr.ops.isp import (
    CAMERAS,
    Development,
    apply_gains,
    camera_matrices,
    process,
    read_noise,
    sample_sensor,
    sensor_noise,
    unprocess,
)

SHOT = (1e-4, 1.2e-2)
READ_SPREAD = 0.26
GAIN = (1.2, 2.4)
EXPOSURE = (-0.1, 0.3)
"""In stops."""
TONED = 0.5


@dataclass(frozen=True)
class Camera:
    """A camera and its noise.

    ``cameras`` are the weights of the four colour matrices; ``red_gain``, ``blue_gain`` and ``exposure`` are factors in
    development; ``shot`` and ``read`` are noise variances for linear light up to 1. ``seed`` is that of the noise.
    """

    cameras: tuple[float, float, float, float]
    red_gain: float
    blue_gain: float
    exposure: float
    tone: bool
    pattern: Literal["rggb", "bggr", "grbg", "gbrg"]
    shot: float
    read: float
    seed: int
    demosaic: Method = "malvar"

    def __post_init__(self) -> None:
        if min(self.red_gain, self.blue_gain, self.exposure, self.shot) <= 0 or self.read < 0:
            raise ValueError("gains, exposure and shot noise must be positive, and read noise not negative")
        if min(self.cameras) < 0 or sum(self.cameras) <= 0:
            raise ValueError("the weights of cameras must not be negative, and at least one must be positive")


def sample_camera(rng: np.random.Generator, shots: tuple[float, float] = SHOT) -> dict[str, Any]:
    """Sample a camera step: a camera and its noise, with shot noise in the range ``shots``."""
    shot = math.exp(rng.uniform(math.log(shots[0]), math.log(shots[1])))
    return {
        "step": "camera",
        "cameras": [float(weight) for weight in rng.uniform(0, 1, CAMERAS)],
        "red_gain": float(rng.uniform(*GAIN)),
        "blue_gain": float(rng.uniform(*GAIN)),
        "exposure": float(2 ** rng.uniform(*EXPOSURE)),
        "tone": bool(rng.random() < TONED),
        "pattern": PATTERNS[int(rng.integers(len(PATTERNS)))],
        "shot": shot,
        "read": read_noise(shot, float(rng.normal(0, READ_SPREAD))),
        "seed": int(rng.integers(2**31)),
    }


def camera(images: Tensor, steps: Sequence[Camera]) -> Tensor:
    """Simulate a camera for each image of (B, 3, H, W), sRGB in [0, 1]; the result is in [0, 1]."""
    gains = torch.tensor(
        [[one.exposure * gain for gain in (one.red_gain, 1, one.blue_gain)] for one in steps]
    )
    how = Development(
        camera_matrices(torch.tensor([one.cameras for one in steps])),
        gains,
        torch.tensor([one.tone for one in steps]),
    )
    patterns = [one.pattern for one in steps]
    seen = mosaic(unprocess(images, how).clamp(0, 1), patterns)
    noisy = torch.cat(
        [_noisy(raw, one) for raw, one in zip(torch.tensor_split(seen, len(steps)), steps, strict=True)]
    )
    # White balance comes before demosaicing, which assumes that channels have similar detail.
    balanced = mosaic(apply_gains(noisy.expand(-1, 3, -1, -1), gains), patterns)
    colours = [
        demosaic(raw, [one.pattern], one.demosaic)
        for raw, one in zip(torch.tensor_split(balanced, len(steps)), steps, strict=True)
    ]
    return process(torch.cat(colours).clamp(0, 1), how)


def _noisy(raw: Tensor, step: Camera) -> Tensor:
    generator = Generator(device=raw.device).manual_seed(step.seed)
    return sensor_noise(sample_sensor(raw, step.shot, generator), step.shot, step.read)

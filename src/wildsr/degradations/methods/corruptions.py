"""Simple named corruptions, as in the tables of DSGAN (Fritsche et al., 2019) and SRResCGAN (Umer et al., 2020).

In these tables a known corruption, Gaussian noise of 8 levels or JPEG of quality 30, replaces the unknown one of a
camera. It is applied to the LR image, which is the HR image downscaled by MATLAB's bicubic.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from torch import Tensor

from wildsr.degradations.degradation import DegradationError, Parameters
from wildsr.degradations.program import run_steps
from wildsr.ops.cropping import crop_to_multiple

_PART = re.compile(r"(blur|noise|jpeg)-(\d+(?:\.\d+)?)")
_REACH = 3
"""Radius of a Gaussian kernel, in standard deviations."""
Values = Literal["rounded", "clamped", "exact"]


@dataclass(frozen=True)
class Corruption:
    """Gaussian blur of the HR image, MATLAB's bicubic, noise and JPEG, in this order.

    Noise is Gaussian, independent per channel. ``blur`` is a standard deviation in HR pixels, ``noise`` one in 8-bit
    levels; 0 omits them. ``jpeg`` is libjpeg's quality, 1 to 100, or None. Without any it is bicubic alone.

    ``values`` of the result: ``rounded`` to 8 bits, as when it is stored; ``clamped`` to [0, 1] but not rounded, on
    which DSGAN trains; ``exact``, with the values beyond [0, 1] that bicubic gives at edges, on which KAIR trains.

    Raises:
        DegradationError: for values out of range.
    """

    scale: int = 4
    blur: float = 0.0
    noise: float = 0.0
    jpeg: int | None = None
    values: Values = "rounded"

    def __post_init__(self) -> None:
        if self.blur < 0 or self.noise < 0:
            raise DegradationError(f"blur and noise must not be negative, not {self.blur} and {self.noise}")
        if self.jpeg is not None and not 1 <= self.jpeg <= 100:
            raise DegradationError(f"a JPEG quality is from 1 to 100, not {self.jpeg}")
        if self.values not in get_args(Values):
            raise DegradationError(f"values are {', '.join(get_args(Values))}, not {self.values}")

    def sample(self, rng: np.random.Generator, size: tuple[int, int]) -> Parameters:
        """The program for an HR image of ``size`` (height, width); only the seed of the noise is sampled."""
        steps: list[dict[str, Any]] = []
        if self.blur:
            side = 2 * max(1, round(_REACH * self.blur)) + 1
            steps.append({"step": "blur", "size": side, "sigma_x": self.blur, "sigma_y": self.blur})
        small = [size[0] // self.scale, size[1] // self.scale]
        exact = {"clamp": False} if self.values == "exact" else {}
        steps.append({"step": "resize", "size": small, "method": "matlab", **exact})
        if self.noise:
            steps.append({"step": "gaussian_noise", "level": self.noise, "seed": int(rng.integers(2**31))})
        if self.jpeg:
            steps.append({"step": "jpeg", "quality": self.jpeg})
        elif self.values == "rounded":
            steps.append({"step": "round"})
        return {"steps": steps}

    def apply(self, images: Tensor, parameters: Sequence[Parameters]) -> Tensor:
        """Run the programs on (B, 3, H, W) in [0, 1]; see :class:`wildsr.degradations.degradation.Degradation`."""
        return run_steps(crop_to_multiple(images, self.scale), parameters, clamp=self.values != "exact")


def names_corruption(name: str) -> bool:
    """Whether a name has the form of :func:`named_corruption`; its values may still be out of range."""
    return name == "bicubic" or all(_PART.fullmatch(part) for part in name.split("+"))


def named_corruption(name: str, scale: int = 4) -> Corruption:
    """The corruption of a name such as ``noise-8``, ``jpeg-30``, ``blur-1.6``, ``noise-8+jpeg-30`` or ``bicubic``.

    Raises:
        DegradationError: the name has another form.
    """
    if name == "bicubic":
        return Corruption(scale)
    values: dict[str, float] = {}
    for part in name.split("+"):
        match = _PART.fullmatch(part)
        if match is None or match[1] in values or (match[1] == "jpeg" and "." in match[2]):
            raise DegradationError(
                f"'{name}' is not a corruption; there are bicubic, blur-SIGMA, noise-SIGMA, jpeg-QUALITY, and "
                "combinations with '+', such as noise-8+jpeg-30"
            )
        values[match[1]] = float(match[2])
    jpeg = int(values["jpeg"]) if "jpeg" in values else None
    return Corruption(scale, values.get("blur", 0.0), values.get("noise", 0.0), jpeg)

"""The degradation of a camera profile: the blur, sharpening, noise and compression measured in its photos."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from wildsr.degradations.degradation import DegradationError, Parameters, Step
from wildsr.degradations.methods.bsrgan import sample_seed
from wildsr.degradations.methods.realsr import RealSr
from wildsr.degradations.methods.wild import Wild
from wildsr.degradations.profile import Profile
from wildsr.degradations.program import run_steps
from wildsr.ops.cropping import crop_to_multiple

_SMALLEST_SIGMA = 0.1  # in HR pixels; less is no blur
_LARGEST_KERNEL = 1023
_REACH = 3.5  # of kernels, in sigmas
_MOST_DEVIATIONS = 2.5
_MOST_ERROR = 0.3  # relative; larger ones would sample other cameras
_CORRELATION_ERROR = 0.4  # standard error of the logarithm of the correlation: compression hides it
_WEAKEST = 0.02  # noise in levels, strength of sharpening


@dataclass(frozen=True)
class Profiled:
    """Degrades as the camera of a ``profile`` does; ``picked`` in the parameters names which of these was sampled.

    Blur, MATLAB's bicubic downscaling, sharpening, noise, and JPEG or rounding to 8 bits; the first and the last are
    sampled from their distributions in the profile.

    Attributes:
        profile: of the camera.
        scale: HR pixels for each LR pixel, along a side.
        general: share of images degraded by the mixture ``wild`` instead, so that a model does not forget others.
        patches: share of images whose noise is RealSR's patches instead of the level function.
        kernels: share of images whose blur is a kernel of KernelGAN instead of a Gaussian.
        uncertain: also sample blur and noise within the standard errors of the profile, so that nothing that is made
            from the images relies on numbers that are not known so well.

    Raises:
        DegradationError: a share is not from 0 to 1, or the profile lacks the pool for it.
    """

    profile: Profile
    scale: int = 4
    general: float = 0.0
    patches: float = 0.0
    kernels: float = 0.0
    uncertain: bool = False

    def __post_init__(self) -> None:
        for name in ("general", "patches", "kernels"):
            if not 0 <= getattr(self, name) <= 1:
                raise DegradationError(f"'{name}' is a share from 0 to 1, not {getattr(self, name)}")
        if self.patches and self.profile.noise_pool is None:
            raise DegradationError("the profile has no noise patches: leave 'patches' at 0, or measure again")
        pool = self.profile.kernel_pool
        if self.kernels and (pool is None or pool.scale != self.scale):
            raise DegradationError(
                f"the profile has no kernels for a scale of {self.scale}: leave 'kernels' at 0, or measure again "
                "thoroughly"
            )

    def sample(self, rng: np.random.Generator, size: tuple[int, int]) -> Parameters:
        """Sample the steps for an HR image of ``size`` (height, width)."""
        if rng.random() < self.general:
            general = Wild(self.scale).sample(rng, size)
            return {"picked": f"general {general['picked']}", "steps": general["steps"]}
        low = (size[0] // self.scale, size[1] // self.scale)
        parameters: Parameters = {"picked": "profile"}
        if rng.random() < self.kernels:
            parameters["kernel"] = self._by_kernel().sample(rng, size)
            first: list[Step] = []
        else:
            first = [*self._sample_blur(rng), {"step": "resize", "size": list(low), "method": "matlab"}]
            first += self._sharpening()
        if rng.random() < self.patches:
            parameters["patch"] = self._by_patch().sample(rng, low)
            return parameters | {"steps": first, "last": self._sample_compression(rng)}
        return parameters | {"steps": [*first, *self._sample_noise(rng), *self._sample_compression(rng)]}

    def apply(self, images: Tensor, parameters: Sequence[Parameters]) -> Tensor:
        """Degrade (B, 3, H, W) in [0, 1] to (B, 3, H // scale, W // scale) in [0, 1].

        Raises:
            DegradationError: for parameters of other pools or another degradation, or not one for each image.
        """
        if len(parameters) != len(images):
            raise DegradationError(f"{len(images)} images but {len(parameters)} sets of parameters")
        hr = crop_to_multiple(images, self.scale)
        if not any("kernel" in one or "patch" in one for one in parameters):
            return run_steps(hr, parameters)
        each = zip(torch.split(hr, 1), parameters, strict=True)
        return torch.cat([self._with_pools(image, one) for image, one in each])

    def _with_pools(self, image: Tensor, parameters: Parameters) -> Tensor:
        if "kernel" in parameters:
            image = self._by_kernel().apply(image, [parameters["kernel"]])
        image = run_steps(image, [parameters])
        if "patch" in parameters:
            image = self._by_patch().apply(image, [parameters["patch"]])
            image = run_steps(image, [{"steps": parameters.get("last")}])
        return image

    def _by_kernel(self) -> RealSr:
        if self.profile.kernel_pool is None:
            raise DegradationError("the parameters name a kernel pool, and the profile has none")
        return RealSr(self.scale, None, self.profile.kernel_pool)

    def _by_patch(self) -> RealSr:
        if self.profile.noise_pool is None:
            raise DegradationError("the parameters name a noise pool, and the profile has none")
        return RealSr(1, self.profile.noise_pool)

    def _sample_blur(self, rng: np.random.Generator) -> list[Step]:
        blur = self.profile.blur
        spread, turn = blur.spread, blur.angle_spread
        if self.uncertain and blur.wide:
            spread = math.hypot(spread, min(blur.wide_error / blur.wide, _MOST_ERROR))
            turn = math.hypot(turn, min(blur.angle_error, math.pi))
        both = math.exp(spread * _normal(rng))
        wide, narrow = (sigma * both * self.scale for sigma in (blur.wide, blur.narrow))
        theta = (blur.angle + turn * _normal(rng)) % math.pi
        if wide < _SMALLEST_SIGMA:
            return []
        size = min(2 * math.ceil(_REACH * wide) + 1, _LARGEST_KERNEL)
        narrow = max(narrow, _SMALLEST_SIGMA)
        return [{"step": "blur", "size": size, "sigma_x": wide, "sigma_y": narrow, "theta": theta}]

    def _sharpening(self) -> list[Step]:
        found = self.profile.sharpening
        if found.strength < _WEAKEST:
            return []
        return [{"step": "unsharp", "strength": found.strength, "radius": found.radius}]

    def _sample_noise(self, rng: np.random.Generator) -> list[Step]:
        noise = self.profile.noise
        seed = sample_seed(rng)
        if max(noise.level(0), noise.level(1)) < _WEAKEST:
            return []
        spread, correlation = noise.spread, noise.correlation
        if self.uncertain:
            spread = math.hypot(spread, min(noise.error, _MOST_ERROR))
            correlation *= math.exp(_CORRELATION_ERROR * _normal(rng))
        factor = math.exp(2 * spread * _normal(rng))  # of the variance
        step: Step = {
            "step": "level_noise",
            "constant": noise.constant * factor,
            "slope": noise.slope * factor,
        }
        channels = [list(row) for row in noise.channels]
        return [step | {"seed": seed, "correlation": correlation, "channels": channels}]

    def _sample_compression(self, rng: np.random.Generator) -> list[Step]:
        compression = self.profile.compression
        if not compression.share or rng.random() >= compression.share:
            return [{"step": "round"}]
        shares = np.array([one.share for one in compression.settings])
        return [compression.settings[int(rng.choice(len(shares), p=shares / shares.sum()))].step()]


def _normal(rng: np.random.Generator) -> float:
    """A standard normal number, at most 2.5 from 0."""
    return float(np.clip(rng.standard_normal(), -_MOST_DEVIATIONS, _MOST_DEVIATIONS))

"""A mixture of degradations, for models that must handle any image without damaging good ones."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from wildsr.degradations.degradation import Parameters, Step
from wildsr.degradations.methods.bsrgan import Bsrgan
from wildsr.degradations.methods.bsrgan_plus import BsrganPlus
from wildsr.degradations.methods.real_esrgan import RealEsrgan
from wildsr.degradations.program import run_steps
from wildsr.degradations.steps.camera import sample_camera
from wildsr.ops.cropping import crop_to_multiple

# Good downscaling methods: none of them aliases much.
_METHODS: tuple[Step, ...] = (
    {"method": "matlab"},
    {"method": "bilinear", "antialias": True},
    {"method": "coverage"},
)
_STRONG = ("bsrgan", "bsrgan-plus", "real-esrgan")
_QUIET_SHOTS = (1e-4, 1e-3)


@dataclass(frozen=True)
class Wild:
    """Applies one of six degradations to each image, with these relative frequencies; ``picked`` names it.

    They are BSRGAN's, its extended one and Real-ESRGAN's; ``light``, like a good photo: slight blur, slight noise, JPEG
    75 to 95; ``compressed``, the same with JPEG 15 to 75, as on the web; and ``clean``: only downscaled. With
    ``camera`` both of BSRGAN's include camera sensor noise.
    """

    scale: int = 4
    bsrgan: float = 0.3
    bsrgan_plus: float = 0.2
    real_esrgan: float = 0.2
    light: float = 0.1
    compressed: float = 0.1
    clean: float = 0.1
    camera: bool = True

    def __post_init__(self) -> None:
        shares = self.shares().values()
        if min(shares) < 0 or sum(shares) <= 0:
            raise ValueError(
                f"shares must not be negative, and at least one must be positive, not {self.shares()}"
            )

    def shares(self) -> dict[str, float]:
        """Relative frequency of each degradation by name."""
        return {
            "bsrgan": self.bsrgan,
            "bsrgan-plus": self.bsrgan_plus,
            "real-esrgan": self.real_esrgan,
            "light": self.light,
            "compressed": self.compressed,
            "clean": self.clean,
        }

    def sample(self, rng: np.random.Generator, size: tuple[int, int]) -> Parameters:
        """Pick one, and sample its program for an HR image of ``size`` (height, width)."""
        shares = np.array(list(self.shares().values()))
        picked = list(self.shares())[int(rng.choice(len(shares), p=shares / shares.sum()))]
        return {"picked": picked, **self._sample_picked(picked, rng, size)}

    def apply(self, images: Tensor, parameters: Sequence[Parameters]) -> Tensor:
        """Run the programs on (B, 3, H, W) in [0, 1]; see :class:`wildsr.degradations.degradation.Degradation`."""
        return run_steps(crop_to_multiple(images, self.scale), parameters)

    def _sample_picked(self, picked: str, rng: np.random.Generator, size: tuple[int, int]) -> Parameters:
        if picked in ("light", "compressed"):
            return _sample_light(rng, size, self.scale, compressed=picked == "compressed")
        if picked == "clean":
            return _sample_clean(rng, size, self.scale)
        if picked == "real-esrgan":
            return RealEsrgan(self.scale).sample(rng, size)
        if picked == "bsrgan-plus":
            return BsrganPlus(self.scale, camera=self.camera).sample(rng, size)
        return Bsrgan(self.scale, camera=self.camera).sample(rng, size)


def is_mild(parameters: Parameters) -> bool:
    """Whether no strong degradation of a :class:`Wild` was picked, which may be part of a ``Mixed`` or ``Profiled``."""
    inner = parameters.get("parameters")
    if isinstance(inner, dict):
        return is_mild(inner)
    return str(parameters.get("picked")).removeprefix("general ") not in _STRONG


def light(scale: int = 4) -> Wild:
    """Only the light degradation."""
    return Wild(scale, bsrgan=0, bsrgan_plus=0, real_esrgan=0, light=1, compressed=0, clean=0)


def clean(scale: int = 4) -> Wild:
    """Only downscaling."""
    return Wild(scale, bsrgan=0, bsrgan_plus=0, real_esrgan=0, light=0, compressed=0, clean=1)


def _sample_light(
    rng: np.random.Generator, size: tuple[int, int], scale: int, compressed: bool
) -> Parameters:
    steps: list[Step] = [_sample_slight_blur(rng, scale)] if rng.random() < 0.7 else []
    steps.append(_sample_downscaling(rng, size, scale))
    noise = rng.random()
    if noise < 0.3:
        channels = "grey" if rng.random() < 0.4 else "colour"
        level, seed = rng.uniform(0.5, 5), int(rng.integers(2**31))
        steps.append({"step": "gaussian_noise", "level": level, "channels": channels, "seed": seed})
    elif noise < 0.6:
        steps.append(sample_camera(rng, _QUIET_SHOTS))
    if compressed or rng.random() < 0.8:
        lowest, above = (15, 76) if compressed else (75, 96)
        steps.append({"step": "jpeg", "quality": int(rng.integers(lowest, above))})
    else:
        steps.append({"step": "round"})
    return {"steps": steps}


def _sample_clean(rng: np.random.Generator, size: tuple[int, int], scale: int) -> Parameters:
    return {"steps": [_sample_downscaling(rng, size, scale), {"step": "round"}]}


def _sample_slight_blur(rng: np.random.Generator, scale: int) -> Step:
    """Up to 0.35 pixels of the result, about as much as downscaling itself."""
    sigma_x, sigma_y = (float(sigma) for sigma in rng.uniform(0.05, 0.35, 2) * scale)
    step = {"step": "blur", "size": 4 * scale + 1, "sigma_x": sigma_x, "sigma_y": sigma_x}
    return step | {"sigma_y": sigma_y, "theta": rng.uniform(0, np.pi)} if rng.random() < 0.5 else step


def _sample_downscaling(rng: np.random.Generator, size: tuple[int, int], scale: int) -> Step:
    method = _METHODS[int(rng.integers(len(_METHODS)))]
    return {"step": "resize", "size": [size[0] // scale, size[1] // scale], **method}

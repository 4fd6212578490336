"""A small wild degradation: blur, resize, noise and JPEG, drawn at random; some pictures stay nearly clean.

It follows the practical degradation of BSRGAN (Zhang et al., 2021, section 3) in its parts and their ranges,
but keeps their order and leaves out the camera pipeline.
"""

import math
from typing import Any

import torch
from torch import Generator, Tensor

from wildsr.ops.filtering import filter_per_sample
from wildsr.ops.jpeg import jpeg
from wildsr.ops.kernels import gaussian_kernel
from wildsr.ops.resize import resize

Parameters = dict[str, Any]
"""One picture's degradation as data: numbers, strings and lists only, so that it can be kept as JSON and replayed."""

KERNEL_SIZE = 21


class SimpleDegradation:
    """HR to LR by ``scale``: ``sample`` draws what happens to one picture, ``apply`` does it to a batch."""

    def __init__(self, scale: int = 4) -> None:
        self.scale = scale

    def sample(self, rng: Generator) -> Parameters:
        """Draw the parameters of one picture; sigmas of blurs in HR pixels, of noise in levels of 8 bits."""
        severity = _choice(rng, {"clean": 0.1, "light": 0.3, "full": 0.6})
        parameters: Parameters = {
            "severity": severity,
            "method": _choice(rng, {"bicubic": 0.5, "bilinear": 0.25, "area": 0.25}),
            "blur": None,
            "halfway": None,
            "noise": None,
            "jpeg": None,
        }
        if severity == "clean":
            return parameters
        full = severity == "full"
        if _uniform(rng, 0, 1) < 0.8:
            widest = (3.0 if full else 1.2) * self.scale / 4
            sigma = _uniform(rng, 0.1, widest)
            other = _uniform(rng, 0.1, widest) if _uniform(rng, 0, 1) < 0.5 else sigma
            parameters["blur"] = [sigma, other, _uniform(rng, 0, math.pi)]
        if full and _uniform(rng, 0, 1) < 0.6:
            parameters["halfway"] = {
                "factor": _uniform(rng, 1 / self.scale, 1.2),
                "method": _choice(rng, {"bicubic": 0.4, "bilinear": 0.3, "area": 0.3}),
                "noise": _noise(rng, 15) if _uniform(rng, 0, 1) < 0.5 else None,
                "jpeg": int(_uniform(rng, 40, 96)) if _uniform(rng, 0, 1) < 0.5 else None,
            }
        if _uniform(rng, 0, 1) < (0.7 if full else 0.5):
            parameters["noise"] = _noise(rng, 25 if full else 5)
        if _uniform(rng, 0, 1) < 0.8:
            parameters["jpeg"] = int(_uniform(rng, 30 if full else 75, 96))
        return parameters

    def apply(self, images: Tensor, parameters: list[Parameters]) -> Tensor:
        """Degrade (B, 3, H, W) in [0, 1], H and W multiples of the scale, to (B, 3, H/scale, W/scale) in [0, 1].

        One entry of ``parameters`` for each picture; the same parameters give the same result.
        """
        if len(parameters) != len(images):
            raise ValueError(f"{len(images)} pictures but {len(parameters)} sets of parameters")
        height, width = images.shape[-2] // self.scale, images.shape[-1] // self.scale
        blurred = filter_per_sample(images, torch.stack([_kernel(p["blur"]) for p in parameters]))
        degraded = [
            self._compress(one.unsqueeze(0), (height, width), chosen)
            for one, chosen in zip(blurred, parameters, strict=True)
        ]
        return torch.cat(degraded)

    def _compress(self, image: Tensor, size: tuple[int, int], chosen: Parameters) -> Tensor:
        """What follows the blur, for one picture (1, 3, H, W)."""
        halfway = chosen["halfway"]
        if halfway is not None:
            between = (
                max(size[0], round(image.shape[-2] * halfway["factor"])),
                max(size[1], round(image.shape[-1] * halfway["factor"])),
            )
            image = resize(image, between, halfway["method"])
            image = _jpeg(_add_noise(image, halfway["noise"]), halfway["jpeg"])
        image = _add_noise(resize(image, size, chosen["method"]), chosen["noise"])
        return _jpeg(image, chosen["jpeg"]).clamp(0, 1)


def _kernel(blur: list[float] | None) -> Tensor:
    sigma_x, sigma_y, theta = blur if blur is not None else (1e-3, 1e-3, 0.0)
    return gaussian_kernel(KERNEL_SIZE, sigma_x, sigma_y, theta)


def _noise(rng: Generator, strongest: float) -> Parameters:
    return {
        "sigma": _uniform(rng, 1, strongest),
        "grey": _uniform(rng, 0, 1) < 0.4,
        "seed": int(torch.randint(2**31, (1,), generator=rng)),
    }


def _add_noise(image: Tensor, noise: Parameters | None) -> Tensor:
    if noise is None:
        return image
    own = Generator(device="cpu").manual_seed(noise["seed"])
    shape = (1, 1 if noise["grey"] else 3, *image.shape[-2:])
    drawn = torch.randn(shape, generator=own).to(image)
    sigma: float = noise["sigma"] / 255
    return (image + drawn * sigma).clamp(0, 1)


def _jpeg(image: Tensor, quality: int | None) -> Tensor:
    return image if quality is None else jpeg(image[0], quality).unsqueeze(0)


def _uniform(rng: Generator, low: float, high: float) -> float:
    return low + (high - low) * float(torch.rand(1, generator=rng))


def _choice(rng: Generator, weights: dict[str, float]) -> str:
    index = int(torch.multinomial(torch.tensor(list(weights.values())), 1, generator=rng))
    return list(weights)[index]

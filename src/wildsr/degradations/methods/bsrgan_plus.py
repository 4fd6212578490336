"""BSRGAN's extended degradation (BSRGAN+): two rounds of blur, resizing and several kinds of noise.

It is the one of the public code of BSRGAN and KAIR, with the same probabilities.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from numpy.random import Generator
from torch import Tensor

from wildsr.degradations.degradation import HeightWidth, Parameters, Step
from wildsr.degradations.methods.bsrgan import (
    METHODS,
    resize,
    sample_blur,
    sample_gaussian_noise,
    sample_jpeg,
    sample_seed,
)
from wildsr.degradations.program import run_steps
from wildsr.degradations.steps.camera import sample_camera
from wildsr.ops.cropping import crop_to_multiple

RARE = 0.1
"""Probability of Poisson noise, of speckle noise and of the camera, in each round."""


@dataclass(frozen=True)
class BsrganPlus:
    """Thirteen steps: blur, resize, four kinds of noise, JPEG, and all but the JPEG again; then a last resize and JPEG.

    With probability ``shuffle_prob`` all are shuffled, otherwise only the noise steps of each round. With ``sharpen``
    unsharp masking comes first, and training then needs HR images sharpened in the same way. With ``camera`` the noise
    steps include camera sensor noise, which the public code never uses.
    """

    scale: int = 4
    shuffle_prob: float = 0.5
    sharpen: bool = False
    camera: bool = False

    def sample(self, rng: Generator, size: HeightWidth) -> Parameters:
        """Sample the steps for an HR image of ``size`` (height, width)."""
        current = (size[0] - size[0] % self.scale, size[1] - size[1] % self.scale)
        final = (current[0] // self.scale, current[1] // self.scale)
        steps: list[Step] = [{"step": "sharpen"}] if self.sharpen else []
        for kind in self._order(rng):
            if kind in (0, 7):
                steps.append(sample_blur(rng, self.scale))
            elif kind in (1, 8):
                steps.append(self._sample_resize(rng, current))
                current = steps[-1]["size"]
            elif kind in (2, 9):
                steps.append(sample_gaussian_noise(rng))
            elif kind in (3, 10) and rng.random() < RARE:
                steps.append(_sample_poisson_noise(rng))
            elif kind in (4, 11) and rng.random() < RARE:
                steps.append(sample_gaussian_noise(rng, "speckle_noise"))
            elif kind in (5, 12) and self.camera and rng.random() < RARE:
                steps.append(sample_camera(rng))
            elif kind == 6:
                steps.append(sample_jpeg(rng))
        steps += [resize(final, METHODS[rng.integers(3)]), sample_jpeg(rng)]
        return {"steps": steps}

    def apply(self, images: Tensor, parameters: Sequence[Parameters]) -> Tensor:
        """Run the steps on (B, 3, H, W) in [0, 1]; see :class:`wildsr.degradations.degradation.Degradation`."""
        return run_steps(crop_to_multiple(images, self.scale), parameters)

    def _order(self, rng: Generator) -> list[int]:
        if rng.random() < self.shuffle_prob:
            everything: list[int] = rng.permutation(13).tolist()
            return everything
        first, second = rng.permutation(range(2, 6)).tolist(), rng.permutation(range(9, 13)).tolist()
        return [0, 1, *first, 6, 7, 8, *second]

    def _sample_resize(self, rng: Generator, size: HeightWidth) -> Step:
        kind = rng.random()
        factor = 1.0
        if kind > 0.8:
            factor = rng.uniform(1, 2)
        elif kind < 0.7:
            factor = rng.uniform(0.5 / self.scale, 1)
        return resize((int(factor * size[0]), int(factor * size[1])), METHODS[rng.integers(3)])


def _sample_poisson_noise(rng: Generator) -> Step:
    photons = float(10 ** rng.uniform(2, 4))
    return {
        "step": "poisson_noise",
        "photons": photons,
        "seed": sample_seed(rng),
        "grey": bool(rng.random() >= 0.5),
    }

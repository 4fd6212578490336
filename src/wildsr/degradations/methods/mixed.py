"""A mixture of two degradations."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from wildsr.degradations.degradation import Degradation, DegradationError, Parameters
from wildsr.ops.cropping import crop_to_multiple


@dataclass(frozen=True)
class Mixed:
    """Degrades a ``share`` of the images by ``other``, the rest by ``main``; ``picked`` in the parameters names which.

    Raises:
        DegradationError: the share is not from 0 to 1, or the scales differ.
    """

    main: Degradation
    other: Degradation
    share: float

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise DegradationError(f"'share' is a share from 0 to 1, not {self.share}")
        if self.main.scale != self.other.scale:
            raise DegradationError(
                f"degradations of one scale can be mixed, not x{self.main.scale} and x{self.other.scale}"
            )

    @property
    def scale(self) -> int:
        """HR pixels for each LR pixel, along a side."""
        return self.main.scale

    def sample(self, rng: np.random.Generator, size: tuple[int, int]) -> Parameters:
        """Pick one, and sample its parameters for an HR image of ``size`` (height, width)."""
        picked = "other" if rng.random() < self.share else "main"
        return {"picked": picked, "parameters": self._named(picked).sample(rng, size)}

    def apply(self, images: Tensor, parameters: Sequence[Parameters]) -> Tensor:
        """Degrade (B, 3, H, W) in [0, 1] to (B, 3, H // scale, W // scale) in [0, 1].

        Raises:
            DegradationError: for parameters of another degradation, or not one for each image.
        """
        if len(parameters) != len(images):
            raise DegradationError(f"{len(images)} images but {len(parameters)} sets of parameters")
        hr = crop_to_multiple(images, self.scale)
        each = zip(torch.split(hr, 1), parameters, strict=True)
        return torch.cat(
            [self._named(one.get("picked")).apply(image, [one.get("parameters", {})]) for image, one in each]
        )

    def _named(self, picked: object) -> Degradation:
        if picked not in ("main", "other"):
            raise DegradationError(f"these parameters are of another degradation: they picked {picked!r}")
        return self.main if picked == "main" else self.other

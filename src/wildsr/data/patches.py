"""Where patches are cut and how they are turned: drawn from the generator of one sample."""

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Literal

import numpy as np
from torch import Tensor

from wildsr.data.image_sets import ImageSet, require_few
from wildsr.image import ImageError
from wildsr.ops.dihedral import dihedral

Augment = Literal["none", "mirror", "all"]
"""``mirror``: left and right exchanged half of the time; ``all``: one of the eight flips and rotations."""
Weighing = Literal["image", "area"]
"""``image``: each image once before any comes again, in a new order every time; ``area``: drawn by its area."""


@lru_cache(maxsize=8)
def _order(count: int, seed: int, role: int, epoch: int) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    return np.random.default_rng([seed, role, epoch]).permutation(count)


@dataclass
class Picker:
    """Which image a sample is cut from.

    ``role`` keeps the orders of two sets of images apart that one dataset draws from. What cannot be read after all
    is noted in ``problems``, and the next image takes its place.
    """

    images: ImageSet
    seed: int
    weighing: Weighing = "image"
    role: int = 0
    problems: dict[str, str] = field(default_factory=dict)

    @cached_property
    def _areas(self) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
        """Of all images up to each one."""
        return np.cumsum([size.width * size.height for size in self.images.sizes])

    def number(self, index: int, rng: np.random.Generator) -> int:
        """The number of the image for sample ``index``."""
        if self.weighing == "area":
            areas = self._areas
            return int(np.searchsorted(areas, rng.random() * areas[-1], side="right"))
        epoch, place = divmod(index, len(self.images))
        return int(_order(len(self.images), self.seed, self.role, epoch)[place])

    def pick(self, index: int, rng: np.random.Generator) -> Tensor:
        """The image for sample ``index``, uint8 (3, H, W).

        Raises:
            DataError: when more than :data:`BAD_SHARE` of the images cannot be read.
        """
        return self._first_readable(index, rng, (self.images,))[0]

    def pick_with(self, partner: "Picker", index: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """The image for sample ``index``, and that of the same number of another set."""
        first, second = self._first_readable(index, rng, (self.images, partner.images))
        return first, second

    def _first_readable(
        self, index: int, rng: np.random.Generator, sets: tuple[ImageSet, ...]
    ) -> list[Tensor]:
        number = self.number(index, rng)
        while True:
            try:
                return [images[number] for images in sets]
            except ImageError as error:
                self.problems[self.images.names[number]] = str(error)
            require_few(list(self.problems.values()), len(self.images))
            number = (number + 1) % len(self.images)


def draw_crop(rng: np.random.Generator, size: tuple[int, int], patch: int) -> tuple[int, int]:
    """Top and left of a square of ``patch`` pixels in an image of ``size`` (height, width)."""
    height, width = size
    return int(rng.integers(height - patch + 1)), int(rng.integers(width - patch + 1))


def cut(image: Tensor, place: tuple[int, int], patch: int) -> Tensor:
    """The square of ``patch`` pixels of (..., H, W) at ``place`` (top, left)."""
    top, left = place
    return image[..., top : top + patch, left : left + patch]


def draw_mode(rng: np.random.Generator, augment: Augment) -> int:
    """A mode of :func:`turned`."""
    if augment == "none":
        return 0
    return int(rng.integers(2 if augment == "mirror" else 8))


def turned(patch: Tensor, mode: int, augment: Augment) -> Tensor:
    """Flip or rotate a square patch (..., S, S) by a mode of :func:`draw_mode`."""
    if augment == "mirror":
        return patch.flip(-1) if mode else patch
    return dihedral(patch, mode)


def as_float(patch: Tensor) -> Tensor:
    """Levels of 8 bits to float32 in [0, 1]."""
    return patch.float().div(255)

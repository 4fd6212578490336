"""Random crops and augmentations of patches, from the generator of one sample."""

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Literal

import numpy as np
from torch import Tensor

from wildsr.data.image_sets import ImageSet, require_few
from wildsr.image import ImageError
from wildsr.ops.dihedral import dihedral

Augment = Literal["none", "mirror", "all"]
"""``mirror``: horizontal flip with probability 1/2; ``all``: one of the eight flips and rotations."""
Weighing = Literal["image", "area"]
"""``image``: each image once per epoch, shuffled; ``area``: with probability proportional to its area."""


@lru_cache(maxsize=8)
def _order(count: int, seed: int, role: int, epoch: int) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    return np.random.default_rng([seed, role, epoch]).permutation(count)


@dataclass
class Picker:
    """Chooses the image that a sample is cropped from.

    Different values of ``role`` give two image sets of one dataset different orders. Images that cannot be read are
    noted in ``problems`` and replaced by the next image.
    """

    images: ImageSet
    seed: int
    weighing: Weighing = "image"
    role: int = 0
    problems: dict[str, str] = field(default_factory=dict)

    @cached_property
    def _areas(self) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
        """Cumulative areas of the images."""
        return np.cumsum([size.width * size.height for size in self.images.sizes])

    def number(self, index: int, rng: np.random.Generator) -> int:
        """The index of the image for sample ``index``."""
        if self.weighing == "area":
            areas = self._areas
            return int(np.searchsorted(areas, rng.random() * areas[-1], side="right"))
        epoch, place = divmod(index, len(self.images))
        return int(_order(len(self.images), self.seed, self.role, epoch)[place])

    def pick(self, index: int, rng: np.random.Generator) -> Tensor:
        """The image for sample ``index``, uint8 (3, H, W).

        Raises:
            DataError: more than :data:`BAD_SHARE` of the images cannot be read.
        """
        return self._first_readable(index, rng, (self.images,))[0]

    def pick_with(self, partner: "Picker", index: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """The image for sample ``index``, and the one of the same index in another set."""
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
    """Sample top and left of a square of ``patch`` pixels in an image of ``size`` (height, width)."""
    height, width = size
    return int(rng.integers(height - patch + 1)), int(rng.integers(width - patch + 1))


def cut(image: Tensor, place: tuple[int, int], patch: int) -> Tensor:
    """The square of ``patch`` pixels of (..., H, W) at ``place`` (top, left)."""
    top, left = place
    return image[..., top : top + patch, left : left + patch]


def draw_mode(rng: np.random.Generator, augment: Augment) -> int:
    """Sample a mode of :func:`turned`."""
    if augment == "none":
        return 0
    return int(rng.integers(2 if augment == "mirror" else 8))


def turned(patch: Tensor, mode: int, augment: Augment) -> Tensor:
    """Flip or rotate a square patch (..., S, S) by a mode of :func:`draw_mode`."""
    if augment == "mirror":
        return patch.flip(-1) if mode else patch
    return dihedral(patch, mode)


def as_float(patch: Tensor) -> Tensor:
    """Convert 8-bit levels to float32 in [0, 1]."""
    return patch.float().div(255)

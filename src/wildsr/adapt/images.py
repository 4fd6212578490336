"""HR images for training and proof: sharp photos, or the camera's own photos, downscaled until they are clean."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from wildsr.image import ImageError, read_levels, write_rgb
from wildsr.ops.cropping import crop_to_multiple
from wildsr.ops.filtering import wiener_filter
from wildsr.ops.resize import imresize

LEAST = 96
"""Shortest side in pixels of an HR image, as far as the photo has that many."""
_TILE, _TILES = 1024, 4
"""A larger photo is reduced to the tiles with the most detail."""
_FACTORS = (2, 3, 4)
_DENSE = 256
"""Shortest side of an HR image below which a photo is not downscaled by more than 2: whole scenes of fewer pixels have
far more detail in each pixel than real HR images, and a model that is trained on them sharpens too much."""
_SHARP, _QUIET = 0.5, 1.5
"""Blur in HR pixels and noise in levels below which an HR image counts as clean."""
_REMAINING, _LEAST_NOISE = 1.5, 0.8
"""Noise that is removed from downscaled photos: as a multiple of the level divided by the factor, since noise is
correlated, and at least, in levels. LPIPS rewards dots where its reference has noise."""
_FLAT = 1.0
"""Standard deviation in levels below which an image has nothing to learn from."""

OnImage = Callable[[int, int], None]


@dataclass(frozen=True)
class CleanUpSettings:
    """Factor by which each photo is downscaled, by name, and the noise of the photos in levels, 0 to leave it.

    Photos that are not named are downscaled by ``usual``. What downscaling leaves of the noise is removed.
    """

    factors: Mapping[str, int]
    usual: int = 2
    noise: float = 0.0

    def of(self, name: str, width: int, height: int) -> int:
        """The factor for a photo, smaller where little would be left of it."""
        factor = self.factors.get(name, self.usual)
        while factor > 1 and min(width, height) // factor < (_DENSE if factor > 2 else LEAST):
            factor -= 1
        return factor


def clean_factor(blur: float, noise: float) -> int:
    """The factor, 2 to 4, after which a blur of ``blur`` pixels and noise of ``noise`` levels are negligible.

    RealSR halves all photos; stronger blur and noise need more.
    """
    return next((f for f in _FACTORS if blur / f <= _SHARP and noise / f <= _QUIET), _FACTORS[-1])


@dataclass(frozen=True)
class MadeImages:
    """Number of HR images, of photos they come from, and the reasons why other photos gave none."""

    images: int
    photos: int
    left_out: tuple[str, ...]


def write_hr_images(
    photos: Sequence[tuple[str, Path]],
    clean: CleanUpSettings | None,
    folder: Path,
    least: int,
    *,
    seconds: float | None = None,
    on_image: OnImage | None = None,
) -> MadeImages:
    """Write the HR images of photos, as PNG files of at least ``least`` pixels a side.

    Smaller ones are continued by reflection, so that every photo is used. A large photo gives its tiles with the most
    detail.

    Args:
        photos: their names and files.
        clean: how photos are downscaled; None: they are sharp and stay as they are.
        folder: for the images.
        least: shortest side in pixels.
        seconds: time after which the remaining photos are left out; None: no limit.
        on_image: called with (photos done, photos in all).

    Raises:
        ImageError: an image cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    began, images, used, left_out = time.monotonic(), 0, 0, []
    for number, (name, path) in enumerate(photos):
        if on_image is not None:
            on_image(number, len(photos))
        if seconds is not None and time.monotonic() - began > seconds and used:
            left_out.append(f"{len(photos) - number} photos from {name} on: no time was left to read them")
            break
        try:
            tiles = detailed_tiles(read_levels(path))
        except ImageError as error:
            left_out.append(str(error))
            continue
        found = 0
        for index, hr in enumerate(clean_tile(tile, clean, name) for tile in tiles):
            if float(hr.std()) * 255 < _FLAT:
                continue
            write_rgb(folder / f"{number:05d}-{index}.png", reflected(hr, least))
            found += 1
        if not found:
            left_out.append(f"{name}: it has no detail")
        images, used = images + found, used + bool(found)
    return MadeImages(images, used, tuple(left_out))


def clean_tile(tile: Tensor, clean: CleanUpSettings | None, name: str) -> Tensor:
    """The HR image (1, 3, h, w) in [0, 1] of a photo or a tile of one, (1, 3, H, W) uint8."""
    image = tile.float() / 255
    if clean is None:
        return image
    factor = clean.of(name, image.shape[-1], image.shape[-2])
    if factor > 1:
        image = imresize(crop_to_multiple(image, factor), 1 / factor).clamp(0, 1)
    if not clean.noise:
        return image
    return wiener_filter(image, max(_REMAINING * clean.noise / factor, _LEAST_NOISE) / 255)


def detailed_tiles(levels: Tensor) -> list[Tensor]:
    """A photo (1, 3, H, W) uint8 as it is, or the tiles of a large one with the largest gradients."""
    height, width = levels.shape[-2:]
    if height * width <= _TILES * _TILE**2:
        return [levels]
    rows, columns = (range(0, max(side - _TILE, 0) + 1, _TILE) for side in (height, width))
    tiles = [levels[..., top : top + _TILE, left : left + _TILE] for top in rows for left in columns]
    order = sorted(range(len(tiles)), key=lambda index: -_detail(tiles[index]))
    return [tiles[index] for index in sorted(order[:_TILES])]


def reflected(image: Tensor, least: int) -> Tensor:
    """An image (1, 3, H, W) continued by reflection at the bottom and right to at least ``least`` pixels a side."""
    height, width = image.shape[-2:]
    below, right = max(least - height, 0), max(least - width, 0)
    if not below and not right:
        return image
    padded = np.pad(image[0].numpy(), ((0, 0), (0, below), (0, right)), mode="symmetric")
    return torch.from_numpy(padded).unsqueeze(0)


def _detail(tile: Tensor) -> float:
    grey = F.avg_pool2d(tile.float().mean(1, keepdim=True), 2)
    return float(grey.diff(dim=-1).abs().mean() + grey.diff(dim=-2).abs().mean())

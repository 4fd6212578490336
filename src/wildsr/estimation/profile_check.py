"""Checks profiles by degrading sharp images with them, and measuring these again."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from wildsr.degradations.methods.profiled import Profiled
from wildsr.degradations.profile import Profile, Remeasured
from wildsr.estimation.camera import NOISE_AT
from wildsr.estimation.errors import EstimationError
from wildsr.estimation.measuring import measure_windows, profile_of
from wildsr.image import quantize
from wildsr.image.jpeg_facts import JpegFacts, standard_tables
from wildsr.ops.resize import imresize
from wildsr.storage.evenly import evenly

_SHARP = 0.35  # sigma in pixels of images that count as sharp
_LEAST_TILE, _TILE = 48, 256
_JOINED = 256
_MOST_IMAGES = 12


def remeasured(photos: Profile, again: Profile) -> tuple[Remeasured, ...]:
    """The numbers measured in photos, each with that of images degraded by their profile."""
    return tuple(
        Remeasured(name, one, other)
        for name, one, other in (
            ("wide", photos.blur.wide, again.blur.wide),
            ("narrow", photos.blur.narrow, again.blur.narrow),
            ("noise dark", photos.noise.level(NOISE_AT[0]), again.noise.level(NOISE_AT[0])),
            ("noise bright", photos.noise.level(NOISE_AT[-1]), again.noise.level(NOISE_AT[-1])),
            ("sharpening", photos.sharpening.strength, again.sharpening.strength),
        )
    )


@dataclass(frozen=True)
class ProfileCheck:
    """A profile, compared with measurements of images that were degraded by it.

    Attributes:
        wanted, found: both profiles.
        failures: what is not within its tolerance; empty: the profile passed.
    """

    wanted: Profile
    found: Profile
    failures: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether all is within its tolerance."""
        return not self.failures


def check_profile(
    profile: Profile, clean: Sequence[Tensor], *, scale: int = 4, seed: int = 0
) -> ProfileCheck:
    """Degrade clean images by a profile, and measure the result as if it were photos.

    Args:
        profile: to be checked.
        clean: sharp images without noise, (3, H, W) in [0, 1]; at least ``scale`` * 64 pixels a side, ten or more.
        scale: of the degradation.
        seed: of what is sampled.

    Raises:
        EstimationError: nothing can be measured in the degraded images.
    """
    degradation = Profiled(profile, scale)
    measured = []
    for index, image in enumerate(clean):
        size = (image.shape[-2], image.shape[-1])
        parameters = degradation.sample(np.random.default_rng([seed, index]), size)
        levels = quantize(degradation.apply(image.unsqueeze(0), [parameters]))[0]
        measured.append(measure_windows([levels], str(index), _facts(parameters["steps"][-1])))
    found = profile_of(measured)
    return ProfileCheck(profile, found, tuple(_differences(profile, found)))


def checked_by_photos(profile: Profile, photos: Sequence[Tensor], *, seed: int = 0) -> Profile:
    """A profile with its ``check``, on sharp images made of the ``photos`` themselves, (3, H, W) uint8, by downscaling.

    The profile has no check if the photos are too small for that.
    """
    factor = min(max(math.ceil(profile.blur.wide / _SHARP), 2), 4)
    clean = own_clean_images(photos, factor)
    try:
        found = check_profile(profile, clean, scale=1, seed=seed).found if clean else None
    except EstimationError:
        found = None
    return profile if found is None else replace(profile, check=remeasured(profile, found))


def own_clean_images(photos: Sequence[Tensor], factor: int) -> list[Tensor]:
    """Sharp images made of photos (3, H, W) uint8 by downscaling, (3, h, w) in [0, 1]; small ones are joined."""
    small = [
        imresize(photo[None].float() / 255, 1 / factor).clamp(0, 1)[0]
        for photo in photos
        if min(photo.shape[-2:]) >= factor * _LEAST_TILE
    ]
    tiles: list[Tensor] = []
    side = min([_TILE, *(min(one.shape[-2:]) for one in small)]) // 16 * 16
    for one in small:
        for top in range(0, one.shape[-2] - side + 1, side):
            for left in range(0, one.shape[-1] - side + 1, side):
                tiles.append(one[:, top : top + side, left : left + side])
    across = max(1, math.ceil(_JOINED / max(side, 1)))
    tiles = evenly(tiles, across**2 * _MOST_IMAGES)
    found = []
    for first in range(0, len(tiles) - across**2 + 1, across**2):
        rows = [torch.cat(tiles[row : row + across], -1) for row in range(first, first + across**2, across)]
        found.append(torch.cat(rows, -2))
    return found


def _differences(wanted: Profile, found: Profile) -> list[str]:
    """Differences beyond the tolerance: 15 % for sigmas, 20 % for noise, or the smallest measurable difference."""
    lines = []
    pairs = [
        ("the wide sigma of the blur", wanted.blur.wide, found.blur.wide, 0.15, 0.15),
        ("the narrow sigma of the blur", wanted.blur.narrow, found.blur.narrow, 0.15, 0.15),
        ("the level of the noise in dark parts", wanted.noise.level(0.2), found.noise.level(0.2), 0.2, 0.5),
        ("the level of the noise in bright parts", wanted.noise.level(0.8), found.noise.level(0.8), 0.2, 0.5),
        ("the strength of sharpening", wanted.sharpening.strength, found.sharpening.strength, 0.3, 0.3),
    ]
    for what, one, two, share, least in pairs:
        if abs(one - two) > max(share * one, least):
            lines.append(f"{what} is {one:.2f} in the profile, and {two:.2f} when measured again")
    return lines


def _facts(step: dict[str, object]) -> JpegFacts | None:
    """The facts of the JPEG file that this step of a program stands for; None for another step."""
    if step["step"] != "jpeg":
        return None
    quality = int(str(step["quality"]))
    luma, chroma = standard_tables(quality)
    given = step.get("luma")
    if given:
        luma, chroma = tuple(step["luma"]), tuple(step["chroma"])  # type: ignore[arg-type]
    return JpegFacts(luma, chroma, str(step["subsampling"]), quality, not given)

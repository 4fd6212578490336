"""The photos of an adaptation: which are used, which are set aside, and what was measured in them."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wildsr.adapt.errors import SeveralCameras
from wildsr.adapt.images import CleanUpSettings, clean_factor
from wildsr.adapt.request import FEWEST_PHOTOS
from wildsr.degradations.profile import Profile
from wildsr.errors import UsageError
from wildsr.estimation.inventory import Inventory, Photo

SHARE = 0.2
"""Share of the photos that is set aside for the proof."""
_FEWEST_ASIDE = 3
Named = tuple[str, Path]


@dataclass(frozen=True)
class Chosen:
    """Photos for training and for the proof, by name, and the camera."""

    training: tuple[Photo, ...]
    aside: tuple[Photo, ...]
    camera: str

    def content(self) -> dict[str, Any]:
        """As JSON: the digests identify the photos."""
        return {
            "camera": self.camera,
            "training": {photo.name: photo.digest for photo in self.training},
            "aside": {photo.name: photo.digest for photo in self.aside},
        }


def choose_photos(inventory: Inventory, only: str | None) -> Chosen:
    """The photos of an adaptation.

    Raises:
        UsageError: there are too few usable photos.
        SeveralCameras: there are photos of several cameras.
    """
    usable, cameras = inventory.usable, inventory.cameras
    known = {name: count for name, count in cameras.items() if count >= 2}
    if only is None and len(known) > 1 and sum(known.values()) - max(known.values()) > 0.1 * len(usable):
        listed = ", ".join(f"'{name}' ({count} photos)" for name, count in cameras.items())
        largest = next(iter(cameras))
        raise SeveralCameras(
            f"these photos are from {len(cameras)} cameras: {listed}. A model is for one camera: choose with --only "
            f"'{largest}', or give a folder with the photos of one camera",
            cameras,
        )
    if len(usable) < FEWEST_PHOTOS:
        raise UsageError(
            f"{len(usable)} usable {'photo' if len(usable) == 1 else 'photos'} of {len(inventory.photos)}; at least "
            f"{FEWEST_PHOTOS} are needed, and 30 or more are better. Add photos of the same camera as they come from "
            f"it: not resized, not edited{_reasons(inventory)}"
        )
    share = max(SHARE, _FEWEST_ASIDE / len(usable))
    training, aside = inventory.split(share)
    return Chosen(training, aside, only or next(iter(cameras)))


def named(photos: Sequence[Photo]) -> list[Named]:
    """Names and files."""
    return [(photo.name, photo.path) for photo in photos]


def clean_up_of(profile: Profile) -> CleanUpSettings:
    """How the photos of a profile are downscaled until they are clean.

    The noise decides photo by photo; the blur of the whole camera is more certain than that of a single photo.
    """
    blur, noise = profile.blur.wide, profile.noise.level(0.5)
    factors = {photo.name: clean_factor(blur, photo.noise) for photo in profile.photos if photo.noise >= 0}
    return CleanUpSettings(factors, clean_factor(blur, noise))


_LEAST_BLUR = 0.6
"""Blur in pixels below which differences between photos are hardly visible."""


def varies(profile: Profile) -> bool:
    """Whether the photos have as little in common as photos of any origin.

    Photos of one camera share their blur and their compression; noise varies with the light. On simulated cameras the
    standard deviation of the blur, relative to its mean or to 0.6 pixels, was at most 0.25, on photos of the general
    mixture 0.6. Two signs are needed.
    """
    widths = [photo.wide for photo in profile.photos if photo.edges and photo.wide > 0]
    levels = [math.log(photo.noise) for photo in profile.photos if photo.noise > 0]
    qualities = [float(photo.quality) for photo in profile.photos if photo.quality]
    blur = _deviation(widths) / max(_LEAST_BLUR, statistics.fmean(widths)) if widths else 0.0
    return (blur > 0.4) + (_deviation(levels) > 0.7) + (_deviation(qualities) > 12) >= 2


def _deviation(values: Sequence[float]) -> float:
    """Standard deviation; 0 for fewer than two values."""
    return statistics.pstdev(values) if len(values) > 1 else 0.0


def _reasons(inventory: Inventory) -> str:
    if not inventory.problems:
        return ""
    listed = "; ".join(f"{name}: {reason}" for name, reason in inventory.problems[:5])
    more = f"; and {len(inventory.problems) - 5} more" if len(inventory.problems) > 5 else ""
    return f". Not used: {listed}{more}"

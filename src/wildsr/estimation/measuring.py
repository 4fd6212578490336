"""Measurements of photos, and the profile of the camera that took them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from wildsr.degradations.profile import (
    Blur,
    Compression,
    JpegSetting,
    Noise,
    PhotoMeasurement,
    Profile,
    Sharpening,
    Subsampling,
)
from wildsr.estimation.camera import NOISE_AT, CameraEstimate, Ellipse, estimated_camera
from wildsr.estimation.camera_features import PhotoFeatures, photo_features
from wildsr.estimation.errors import EstimationError
from wildsr.estimation.flat_blocks import (
    FlatBlocks,
    channel_correlations,
    flat_blocks,
    joined,
    level_function,
)
from wildsr.estimation.inventory import Photo
from wildsr.estimation.plain_noise import plain_noise
from wildsr.image import read_windows
from wildsr.image.jpeg_facts import JpegFacts

_FEWEST_BLOCKS = 20
_LEAST_SHARE = 0.02
_LEAST_STRENGTH = 0.1


@dataclass(frozen=True)
class MeasuredPhoto:
    """Measurements of one photo: features, flat blocks, and JPEG compression (None: no JPEG file)."""

    name: str
    width: int
    height: int
    features: PhotoFeatures
    blocks: FlatBlocks
    jpeg: JpegFacts | None


def measure_photo(photo: Photo) -> MeasuredPhoto:
    """Measure one photo. Raises ``ImageError`` if it cannot be read."""
    found = measure_windows(read_windows(photo.path), photo.name, photo.jpeg)
    return found if photo.size is None else replace(found, width=photo.size.width, height=photo.size.height)


def measure_windows(windows: Sequence[Tensor], name: str, jpeg: JpegFacts | None = None) -> MeasuredPhoto:
    """Measure a photo from windows (3, h, w) uint8 of it; the size is that of the first."""
    blocks = joined([flat_blocks(window) for window in windows])
    height, width = windows[0].shape[-2:]
    return MeasuredPhoto(name, width, height, photo_features(list(windows), blocks, jpeg), blocks, jpeg)


def profile_of(measured: Sequence[MeasuredPhoto]) -> Profile:
    """The profile of measured photos, without pools.

    Raises:
        EstimationError: no photo has an edge.
    """
    try:
        found = estimated_camera([one.features for one in measured])
    except ValueError as error:
        raise EstimationError(
            "no photo has edges from which blur can be measured; add photos with sharp outlines"
        ) from error
    typical, errors = found.typical, found.errors
    blur = Blur(
        typical.wide, typical.narrow, typical.angle, found.spread, 0.0,
        errors.wide, errors.narrow, errors.angle,
    )  # fmt: skip
    strength = found.strength if found.strength >= _LEAST_STRENGTH else 0.0
    sharp = Sharpening(strength, found.radius, found.strength_error)
    compression = _compression([one.jpeg for one in measured])
    noise = _noise(found, joined([one.blocks for one in measured]), compressed=compression.share >= 0.5)
    return Profile(blur, noise, compression, sharp, photos=tuple(_listed(one) for one in measured))


def _noise(found: CameraEstimate, blocks: FlatBlocks, *, compressed: bool) -> Noise:
    """Noise before compression: by the network for JPEG files, measured in the others."""
    if len(blocks) < _FEWEST_BLOCKS:
        return Noise()
    if not compressed:
        return plain_noise(blocks)
    constant, slope = variance_line(found.noise[0], found.noise[-1])
    seen = level_function(blocks, compressed=True)
    channels = channel_correlations(found.channels)
    return Noise(constant, slope, found.correlation, channels, min(found.noise_error, 9.0), 0.0, seen.curve)


def variance_line(dark: float, bright: float) -> tuple[float, float]:
    """Constant and slope of the variance of noise with these levels in dark and bright parts, at ``NOISE_AT``."""
    slope = (bright**2 - dark**2) / (NOISE_AT[-1] - NOISE_AT[0])
    constant = dark**2 - slope * NOISE_AT[0]
    if constant < 0:
        return 0.0, bright**2 / NOISE_AT[-1]
    if constant + slope < 0:
        largest = dark**2 / (1 - NOISE_AT[0])
        return largest, -largest
    return constant, slope


def _compression(found: Sequence[JpegFacts | None]) -> Compression:
    """The settings of JPEG files, most frequent first; rare ones are left out."""
    facts = [one for one in found if one is not None]
    if not facts:
        return Compression()
    groups = Counter(facts).most_common()
    kept = [(one, count) for one, count in groups if count >= _LEAST_SHARE * len(facts)] or groups[:50]
    total = sum(count for _, count in kept)
    return Compression(len(facts) / len(found), tuple(_setting(one, count / total) for one, count in kept))


def _setting(facts: JpegFacts, share: float) -> JpegSetting:
    known: dict[str, Subsampling] = {"4:4:4": "4:4:4", "4:2:2": "4:2:2"}
    subsampling = known.get(facts.subsampling, "4:2:0")
    if facts.standard:
        return JpegSetting(facts.quality, subsampling, share)
    return JpegSetting(facts.quality, subsampling, share, facts.luma, facts.chroma)


def _listed(one: MeasuredPhoto) -> PhotoMeasurement:
    edges = int(one.features.counts.sum())
    try:
        ellipse = estimated_camera([one.features]).typical
    except ValueError:
        edges, ellipse = 0, Ellipse(0.0, 0.0, 0.0)
    jpeg = one.jpeg
    noise = level_function(one.blocks, compressed=jpeg is not None).level() if len(one.blocks) else -1.0
    quality = jpeg.quality if jpeg is not None else 0
    return PhotoMeasurement(
        one.name,
        one.width,
        one.height,
        edges,
        ellipse.wide,
        ellipse.narrow,
        ellipse.angle,
        noise,
        quality,
    )

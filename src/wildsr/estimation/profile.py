"""Measures the profile of a camera in its photos, and checks profiles by measuring again."""

import contextlib
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from wildsr.degradations.methods.profiled import Profiled
from wildsr.degradations.pools import KernelPool, NoisePool, same_size
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
from wildsr.estimation.blur import DirectionalBlur, blur_distribution, fitted_ellipse, photo_blur
from wildsr.estimation.errors import EstimationError
from wildsr.estimation.flat_blocks import FlatBlocks, fitted_noise, flat_blocks, joined, level_function
from wildsr.estimation.inventory import Photo
from wildsr.estimation.kernel_pools import central_crop
from wildsr.estimation.kernelgan import CropSource, KernelGANSettings, estimate_kernels, finished
from wildsr.estimation.noise import NoiseRule, collect_noise
from wildsr.estimation.sources import Source
from wildsr.image import ImageError, quantize, read_levels, read_windows
from wildsr.image.jpeg_facts import JpegFacts, standard_tables

OnProgress = Callable[[int, int, str], None]
"""Called with (amount done, amount in all, description)."""
_MOST_PHOTOS = 200
_FEWEST_BLOCKS = 20
_LEAST_SHARE = 0.02
_LEAST_STRENGTH = 0.3
_PATCHES = (256, 128, 64, 32)
_ENOUGH_PATCHES = 16
_MOST_KERNELS, _TOGETHER = 24, 8
_MOST_PATCHES, _MOST_PATCH_PHOTOS = 200, 40


@dataclass(frozen=True)
class MeasuredPhoto:
    """Measurements of one photo: blur, flat blocks, and JPEG compression (None: no JPEG file)."""

    name: str
    width: int
    height: int
    blur: DirectionalBlur
    blocks: FlatBlocks
    jpeg: JpegFacts | None


def estimate_profile(
    photos: Sequence[Photo],
    *,
    seconds: float | None = 60,
    thorough: bool = False,
    seed: int = 0,
    on_progress: OnProgress | None = None,
) -> Profile:
    """Measure blur, noise, compression and sharpening in photos of one camera.

    Args:
        photos: usable photos of an inventory. At most 200 are measured, evenly chosen.
        seconds: stop measuring further photos after this time, once ten are measured; None: measure all.
        thorough: also estimate kernels with KernelGAN, in full: half a minute for each of up to 24 photos and core.
        seed: of what is chosen at random.
        on_progress: progress in photos.

    Raises:
        EstimationError: none of the photos can be measured.
    """
    began = time.monotonic()
    chosen = _evenly(photos, _MOST_PHOTOS)
    measured: list[MeasuredPhoto] = []
    reasons: list[str] = []
    for index, photo in enumerate(chosen):
        if seconds is not None and len(measured) >= 10 and time.monotonic() - began > 0.7 * seconds:
            break
        try:
            measured.append(measure_photo(photo))
        except ImageError as error:
            reasons.append(str(error))
        if on_progress is not None:
            on_progress(index + 1, len(chosen), "measuring blur and noise")
    if not measured:
        raise EstimationError(
            "none of the photos can be measured" + "".join(f"\n  {one}" for one in reasons[:5])
        )
    profile = profile_of(measured, seed=seed)
    cameras = Counter(photo.camera for photo in photos)
    return replace(
        profile,
        camera=cameras.most_common(1)[0][0],
        noise_pool=_noise_pool(chosen, profile, seed),
        kernel_pool=_kernel_pool(chosen, seed, on_progress) if thorough else None,
    )


def measure_photo(photo: Photo) -> MeasuredPhoto:
    """Measure one photo. Raises ``ImageError`` if it cannot be read."""
    return measure_windows(read_windows(photo.path), photo.name, photo.jpeg)


def measure_windows(windows: Sequence[Tensor], name: str, jpeg: JpegFacts | None = None) -> MeasuredPhoto:
    """Measure a photo of which these windows (3, h, w) uint8 were read."""
    blocks = joined([flat_blocks(window) for window in windows])
    noise = level_function(blocks, compressed=jpeg is not None).level() if len(blocks) else 0.0
    blur = photo_blur(list(windows), noise)
    height, width = windows[0].shape[-2:]
    return MeasuredPhoto(name, width, height, blur, blocks, jpeg)


def profile_of(measured: Sequence[MeasuredPhoto], *, seed: int = 0) -> Profile:
    """The profile of measured photos, without pools.

    Raises:
        EstimationError: no photo has an edge.
    """
    compression = _compression([one.jpeg for one in measured])
    blocks = joined([one.blocks for one in measured])
    settings = [one for one in compression.settings for _ in range(max(1, round(8 * one.share)))]
    if compression.share < 0.5:
        settings = []
    noise = fitted_noise(blocks, settings, seed=seed) if len(blocks) >= _FEWEST_BLOCKS else Noise()
    try:
        found = blur_distribution([one.blur for one in measured], seed=seed)
    except ValueError as error:
        raise EstimationError(
            "no photo has edges from which blur can be measured; add photos with sharp outlines"
        ) from error
    typical, errors = found.typical, found.errors
    blur = Blur(
        typical.wide,
        typical.narrow,
        typical.angle,
        found.spread,
        0.0,
        errors.wide,
        errors.narrow,
        errors.angle,
    )
    certain = found.strength >= _LEAST_STRENGTH and found.strength > 2 * found.strength_error
    sharp = Sharpening(found.strength if certain else 0.0, found.radius, found.strength_error)
    photos = tuple(_listed(one) for one in measured)
    return Profile(blur, noise, compression, sharp, photos=photos)


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
    found = profile_of(measured, seed=seed)
    return ProfileCheck(profile, found, tuple(_differences(profile, found)))


def summary(profile: Profile) -> list[str]:
    """A readable summary of a profile, in a few lines."""
    blur, noise, compression, sharp = profile.blur, profile.noise, profile.compression, profile.sharpening
    levels = ", ".join(f"{noise.level(value):.2f}" for value in (0.2, 0.5, 0.8))
    lines = [
        f"blur: sigma {blur.wide:.2f} +- {blur.wide_error:.2f} and {blur.narrow:.2f} +- {blur.narrow_error:.2f} "
        f"pixels, the wide axis at {math.degrees(blur.angle):.0f} degrees",
        f"noise: {levels} levels in dark, middle and bright parts, correlated over {noise.correlation:.2f} pixels",
    ]
    if compression.share:
        most = max(compression.settings, key=lambda one: one.share)
        lines.append(
            f"compression: {compression.share:.0%} JPEG, mostly quality {most.quality}, {most.subsampling}"
        )
    else:
        lines.append("compression: no JPEG files")
    if sharp.strength > 2 * sharp.error:
        lines.append(f"sharpening: strength {sharp.strength:.2f}, radius {sharp.radius:.1f} pixels")
    return lines


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
    ellipse = fitted_ellipse(one.blur.level, one.blur.weight)
    jpeg = one.jpeg
    noise = level_function(one.blocks, compressed=jpeg is not None).level() if len(one.blocks) else -1.0
    quality = jpeg.quality if jpeg is not None else 0
    return PhotoMeasurement(
        one.name,
        one.width,
        one.height,
        one.blur.edges,
        ellipse.wide,
        ellipse.narrow,
        ellipse.angle,
        noise,
        quality,
    )


def _kernel_pool(photos: Sequence[Photo], seed: int, on_progress: OnProgress | None) -> KernelPool | None:
    """KernelGAN's kernels for x4 of up to 24 photos; None if there are none."""
    settings = KernelGANSettings()
    chosen = _evenly(photos, _MOST_KERNELS)
    kernels: list[Tensor] = []
    names: list[str] = []
    for start in range(0, len(chosen), _TOGETHER):
        group: list[tuple[Photo, CropSource]] = []
        for photo in chosen[start : start + _TOGETHER]:
            with contextlib.suppress(ImageError, EstimationError):
                group.append((photo, CropSource(central_crop(read_levels(photo.path)[0]), settings, seed)))
        if on_progress is not None:
            on_progress(start, len(chosen), "estimating kernels with KernelGAN")
        if not group:
            continue
        for (photo, _), raw in zip(group, estimate_kernels([one for _, one in group], settings), strict=True):
            with contextlib.suppress(EstimationError):
                kernels.append(finished(raw))
                names.append(photo.name)
    return KernelPool(same_size(kernels), 4, tuple(names)) if kernels else None


def _noise_pool(photos: Sequence[Photo], profile: Profile, seed: int) -> NoisePool | None:
    """RealSR's noise patches, of the largest size of which there are enough; None if there are none."""
    level = max(profile.noise.level(0.2), profile.noise.level(0.8))
    sources = [Source(photo.path, photo.name, photo.name) for photo in _evenly(photos, _MOST_PATCH_PHOTOS)]
    for patch in _PATCHES:
        if not any(photo.size is not None and min(photo.size) > patch for photo in photos):
            continue
        rule = NoiseRule(patch, max_variance=max(20.0, 1.5 * level**2), min_variance=0.1)
        try:
            pool, _ = collect_noise(sources, rule, limit=_MOST_PATCHES, seed=seed)
        except EstimationError:
            continue
        if len(pool) >= _ENOUGH_PATCHES or patch == _PATCHES[-1]:
            return pool
    return None


def _evenly(photos: Sequence[Photo], most: int) -> list[Photo]:
    if len(photos) <= most:
        return list(photos)
    return [photos[index * len(photos) // most] for index in range(most)]

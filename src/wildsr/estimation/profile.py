"""Measures the profile of a camera in its photos."""

import contextlib
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from torch import Tensor

from wildsr.degradations.pools import KernelPool, NoisePool, same_size
from wildsr.degradations.profile import Profile
from wildsr.estimation.camera import Ellipse
from wildsr.estimation.errors import EstimationError
from wildsr.estimation.fast_kernels import FastSettings, fast_kernels, start_kernel
from wildsr.estimation.inventory import Photo
from wildsr.estimation.kernel_pools import central_crop
from wildsr.estimation.kernelgan import (
    CropSource,
    KernelGANSettings,
    estimate_kernels,
    finished,
    kernel_device,
)
from wildsr.estimation.measuring import MeasuredPhoto, measure_photo, profile_of
from wildsr.estimation.noise import NoiseRule, collect_noise
from wildsr.estimation.profile_check import checked_by_photos
from wildsr.estimation.sources import Source
from wildsr.image import ImageError, read_levels, read_windows
from wildsr.ops.estimated_kernels import SIGNIFICANT
from wildsr.storage.evenly import evenly

OnProgress = Callable[[int, int, str], None]
"""Called with (amount done, amount in all, description)."""
FULL, QUICK = KernelGANSettings(), FastSettings()
_MOST_PHOTOS = 200
_PATCHES = (256, 128, 64, 32)
_ENOUGH_PATCHES = 16
_MOST_KERNELS, _TOGETHER, _TOGETHER_FAST = 24, 8, 4
_MOST_CHECKING = 24
_MOST_PATCHES, _MOST_PATCH_PHOTOS = 200, 40


def estimate_profile(
    photos: Sequence[Photo],
    *,
    seconds: float | None = 60,
    thorough: bool = False,
    quick_kernels: bool = False,
    device: str = "auto",
    seed: int = 0,
    on_progress: OnProgress | None = None,
) -> Profile:
    """Measure blur, noise, compression and sharpening in photos of one camera.

    Args:
        photos: usable photos of an inventory. At most 200 are measured, evenly chosen.
        seconds: stop measuring further photos after this time, once ten are measured; None: measure all.
        thorough: also estimate kernels with KernelGAN, in full: half a minute for each of up to 24 photos and core.
        quick_kernels: also estimate kernels with the fast KernelGAN, a few seconds each, until ``seconds`` are over.
        device: where kernels are estimated: ``auto`` (CUDA if there is one, else the CPU), or a device of PyTorch.
        seed: of what is chosen at random.
        on_progress: progress in photos.

    Raises:
        EstimationError: none of the photos can be measured.
        ValueError: the device is not available.
    """
    place = kernel_device(device)
    began = time.monotonic()
    chosen = evenly(photos, _MOST_PHOTOS)
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
    seen = profile_of(measured)
    if on_progress is not None:
        on_progress(len(chosen), len(chosen), "measuring images degraded by the profile")
    windows: list[Tensor] = []
    for photo in evenly(chosen, _MOST_CHECKING):
        with contextlib.suppress(ImageError):
            windows += read_windows(photo.path)
    profile = checked_by_photos(seen, windows, seed=seed)
    cameras = Counter(photo.camera for photo in photos)
    kernels = None
    if thorough:
        kernels = _kernel_pool(chosen, FULL, profile, place, seed, None, on_progress)
    elif quick_kernels:
        until = None if seconds is None else began + seconds
        kernels = _kernel_pool(chosen, QUICK, profile, place, seed, until, on_progress)
    return replace(
        profile,
        camera=cameras.most_common(1)[0][0],
        noise_pool=_noise_pool(chosen, profile, seed),
        kernel_pool=kernels,
    )


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
    if sharp.strength:
        lines.append(f"sharpening: strength {sharp.strength:.2f}, radius {sharp.radius:.1f} pixels")
    return lines


def _kernel_pool(
    photos: Sequence[Photo],
    settings: KernelGANSettings | FastSettings,
    profile: Profile,
    device: str,
    seed: int,
    until: float | None,
    on_progress: OnProgress | None,
) -> KernelPool | None:
    """KernelGAN's kernels for x4 of up to 24 photos; None if there are none. No group begins after ``until``."""
    chosen = evenly(photos, _MOST_KERNELS)
    fast = isinstance(settings, FastSettings)
    cropping = settings.crops() if isinstance(settings, FastSettings) else settings
    together = _TOGETHER_FAST if fast else _TOGETHER
    start = start_kernel(Ellipse(profile.blur.wide, profile.blur.narrow, profile.blur.angle))
    kernels: list[Tensor] = []
    names: list[str] = []
    for first in range(0, len(chosen), together):
        if kernels and until is not None and time.monotonic() > until:
            break
        group: list[tuple[Photo, CropSource]] = []
        for photo in chosen[first : first + together]:
            with contextlib.suppress(ImageError, EstimationError):
                group.append((photo, CropSource(central_crop(read_levels(photo.path)[0]), cropping, seed)))
        if on_progress is not None:
            on_progress(first, len(chosen), "estimating kernels with KernelGAN")
        if not group:
            continue
        crops = [one for _, one in group]
        if isinstance(settings, FastSettings):
            found = fast_kernels(crops, [start] * len(crops), settings, device=device)
        else:
            found = estimate_kernels(crops, settings, device=device)
        for (photo, _), raw in zip(group, found, strict=True):
            with contextlib.suppress(EstimationError):
                significant = settings.significant if isinstance(settings, FastSettings) else SIGNIFICANT
                kernels.append(finished(raw, significant=significant))
                names.append(photo.name)
    return KernelPool(same_size(kernels), 4, tuple(names)) if kernels else None


def _noise_pool(photos: Sequence[Photo], profile: Profile, seed: int) -> NoisePool | None:
    """RealSR's noise patches, of the largest size of which there are enough; None if there are none."""
    level = max(profile.noise.level(0.2), profile.noise.level(0.8))
    sources = [Source(photo.path, photo.name, photo.name) for photo in evenly(photos, _MOST_PATCH_PHOTOS)]
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

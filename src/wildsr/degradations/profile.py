"""Profiles of cameras: blur, noise, compression and sharpening as measured in photos, and the files that hold them.

A profile is a folder with ``profile.json`` and, where they were collected, ``noise.safetensors`` (RealSR's noise
patches) and ``kernels.safetensors`` (KernelGAN's kernels). Files are untrusted: every value is checked.
"""

import dataclasses
import hashlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar

from wildsr.degradations.degradation import DegradationError, Step
from wildsr.degradations.fields import read_fields, require
from wildsr.degradations.pools import (
    KernelPool,
    NoisePool,
    PoolError,
    load_kernel_pool,
    load_noise_pool,
    save_kernel_pool,
    save_noise_pool,
)
from wildsr.storage.atomic import write_text

FORMAT = "wildsr camera profile"
VERSION = 1
FILE = "profile.json"
NOISE_FILE, KERNEL_FILE = "noise.safetensors", "kernels.safetensors"
_MOST_BYTES = 16 << 20
_MOST_PHOTOS = 100_000
_MOST_SETTINGS = 1000
_MOST_CHECKED = 100
_LARGEST_SIGMA = 20.0

Subsampling = Literal["4:4:4", "4:2:2", "4:2:0"]
Row = tuple[float, float, float]
Matrix = tuple[Row, Row, Row]
IDENTITY: Matrix = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
Part = TypeVar("Part")


class ProfileError(DegradationError):
    """A profile cannot be read or written; the message says what happened, to which file, and what to do."""


@dataclass(frozen=True)
class Blur:
    """Distribution of the Gaussian blur of a camera; sigmas in pixels of its photos.

    It is the blur that a photo has in addition to that of MATLAB's bicubic downscaling: applied to a clean HR image
    with ``scale`` times these sigmas before the image is downscaled by ``scale``, it gives such photos.

    Attributes:
        wide, narrow: standard deviations along the principal axes; 0 if the photos are as sharp as downscaled ones.
        angle: of the wide axis in radians, 0 to pi, from the columns towards the rows (``theta`` of
            :func:`wildsr.ops.kernels.gaussian_kernel`).
        spread: standard deviation of the logarithm of the sigmas between photos.
        angle_spread: standard deviation of the angle between photos, in radians.
        wide_error, narrow_error, angle_error: standard errors of the first three.
    """

    wide: float = 0.0
    narrow: float = 0.0
    angle: float = 0.0
    spread: float = 0.0
    angle_spread: float = 0.0
    wide_error: float = 0.0
    narrow_error: float = 0.0
    angle_error: float = 0.0

    def __post_init__(self) -> None:
        require(
            0 <= self.narrow <= self.wide <= _LARGEST_SIGMA,
            f"sigmas are from 0 to {_LARGEST_SIGMA:g}, the wide one first",
            (self.wide, self.narrow),
        )
        require(0 <= self.angle <= math.pi, "an angle is from 0 to pi", self.angle)
        require(0 <= self.spread <= 2, "a spread is from 0 to 2", self.spread)
        require(0 <= self.angle_spread <= math.pi, "a spread of angles is from 0 to pi", self.angle_spread)
        errors = (self.wide_error, self.narrow_error, self.angle_error)
        require(min(errors) >= 0, "standard errors are not negative", errors)


@dataclass(frozen=True)
class Noise:
    """Noise of a camera before compression, in levels of 8 bits of the photos' own encoding.

    Attributes:
        constant, slope: the variance of a value in [0, 1] is ``constant + slope * value``, at least 0.
        correlation: standard deviation in pixels of the Gaussian that white noise was filtered with; 0: it is white.
        channels: correlations of R, G and B.
        error: relative standard error of the level.
        spread: standard deviation of the logarithm of the level between photos.
        curve: measured (value, level, number of blocks), for reports.
    """

    constant: float = 0.0
    slope: float = 0.0
    correlation: float = 0.0
    channels: Matrix = IDENTITY
    error: float = 0.0
    spread: float = 0.0
    curve: tuple[tuple[float, float, float], ...] = ()

    def __post_init__(self) -> None:
        most = 128.0**2
        require(
            abs(self.constant) <= most and abs(self.slope) <= most,
            f"variances are at most {most:g}",
            self.slope,
        )
        require(0 <= self.correlation <= 5, "a correlation is from 0 to 5 pixels", self.correlation)
        require(self.error >= 0, "a standard error is not negative", self.error)
        require(0 <= self.spread <= 2, "a spread is from 0 to 2", self.spread)
        require(len(self.curve) <= 256, "a curve has at most 256 points", len(self.curve))
        for i in range(3):
            require(abs(self.channels[i][i] - 1) < 1e-3, "channels correlate with themselves", self.channels)
            for j in range(3):
                even = (
                    abs(self.channels[i][j] - self.channels[j][i]) < 1e-3
                    and abs(self.channels[i][j]) <= 1.001
                )
                require(even, "correlations are a symmetric matrix from -1 to 1", self.channels)

    def level(self, value: float = 0.5) -> float:
        """Standard deviation of the noise, in levels of 8 bits, where the image is ``value`` in [0, 1]."""
        return math.sqrt(max(self.constant + self.slope * value, 0.0))


@dataclass(frozen=True)
class JpegSetting:
    """One way in which photos of the camera are compressed.

    Attributes:
        quality: libjpeg's, 1 to 100; the nearest if the tables are others.
        subsampling: of the chroma.
        share: of the camera's JPEG files.
        luma, chroma: quantisation tables, 64 steps row by row; empty: libjpeg's for ``quality``.
    """

    quality: int
    subsampling: Subsampling = "4:2:0"
    share: float = 1.0
    luma: tuple[int, ...] = ()
    chroma: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        require(1 <= self.quality <= 100, "a quality is from 1 to 100", self.quality)
        require(0 < self.share <= 1, "a share is from 0 to 1", self.share)
        require(len(self.luma) == len(self.chroma), "there are two tables or none", len(self.luma))
        for table in (self.luma, self.chroma):
            right = not table or (len(table) == 64 and min(table) >= 1 and max(table) <= 65535)
            require(right, "a quantisation table has 64 steps from 1 to 65535", table)

    def step(self) -> Step:
        """The step of a program that compresses so."""
        step: Step = {"step": "jpeg", "quality": self.quality, "subsampling": self.subsampling}
        return step | {"luma": list(self.luma), "chroma": list(self.chroma)} if self.luma else step


@dataclass(frozen=True)
class Compression:
    """Compression of the camera's photos: the ``share`` of JPEG files, and how they were compressed."""

    share: float = 0.0
    settings: tuple[JpegSetting, ...] = ()

    def __post_init__(self) -> None:
        require(0 <= self.share <= 1, "a share is from 0 to 1", self.share)
        require(self.share == 0 or bool(self.settings), "JPEG files need settings", self.settings)


@dataclass(frozen=True)
class Sharpening:
    """Unsharp masking of a camera: ``image + strength * (image - blurred image)``, by a Gaussian of ``radius`` pixels.

    A ``strength`` of 0: no halos were found. ``error`` is its standard error.
    """

    strength: float = 0.0
    radius: float = 1.0
    error: float = 0.0

    def __post_init__(self) -> None:
        require(0 <= self.strength <= 10, "a strength is from 0 to 10", self.strength)
        require(0.1 <= self.radius <= 20, "a radius is from 0.1 to 20 pixels", self.radius)
        require(self.error >= 0, "a standard error is not negative", self.error)


@dataclass(frozen=True)
class PhotoMeasurement:
    """Measurements of one photo; sigmas, angle and sharpening as in the profile.

    Attributes:
        name: of the photo.
        width, height: in pixels.
        edges: how many edge pixels the blur was measured at; 0: it has none, and the blur is not known.
        wide, narrow, angle: of its blur; less certain than those of the profile.
        noise: level at mid-grey, after compression; -1: it has no flat part.
        quality: of its JPEG compression; 0: it is no JPEG file.
    """

    name: str
    width: int
    height: int
    edges: int = 0
    wide: float = 0.0
    narrow: float = 0.0
    angle: float = 0.0
    noise: float = -1.0
    quality: int = 0


@dataclass(frozen=True)
class Remeasured:
    """A number measured in the photos, and in images degraded by their profile.

    Attributes:
        name: of the number: "wide", "narrow", "noise dark", "noise bright" or "sharpening".
        photos, again: in the photos, and in the degraded images.
    """

    name: str
    photos: float
    again: float


@dataclass(frozen=True)
class Profile:
    """A camera as measured in its photos.

    Attributes:
        camera: make and model, or another name.
        photos: what was measured in each.
        noise_pool, kernel_pool: RealSR's noise patches, and KernelGAN's kernels; None: not collected.
        check: how well images degraded by the profile agree with the photos; empty: not checked.
    """

    blur: Blur = Blur()
    noise: Noise = Noise()
    compression: Compression = Compression()
    sharpening: Sharpening = Sharpening()
    camera: str = ""
    photos: tuple[PhotoMeasurement, ...] = ()
    noise_pool: NoisePool | None = None
    kernel_pool: KernelPool | None = None
    check: tuple[Remeasured, ...] = ()

    @cached_property
    def digest(self) -> str:
        """SHA-256 of everything that a degradation by the profile depends on."""
        content = _content(self)
        parts = {name: content[name] for name in ("blur", "noise", "compression", "sharpening", "pools")}
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def write_profile(profile: Profile, folder: str | os.PathLike[str]) -> Path:
    """Write ``profile.json`` and the pools into ``folder``, which is created; the path of ``profile.json``.

    Raises:
        ProfileError: a file cannot be written.
    """
    folder = Path(folder)
    path = folder / FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if profile.noise_pool is not None:
            save_noise_pool(folder / NOISE_FILE, profile.noise_pool)
        if profile.kernel_pool is not None:
            save_kernel_pool(folder / KERNEL_FILE, profile.kernel_pool)
        content = {"format": FORMAT, "version": VERSION, "digest": profile.digest, **_content(profile)}
        write_text(path, json.dumps(content, indent=1, allow_nan=False) + "\n")
    except PoolError as error:
        raise ProfileError(str(error)) from error
    except OSError as error:
        raise ProfileError(f"{path} cannot be written: {error.strerror or error}") from error
    return path


def read_profile(path: str | os.PathLike[str]) -> Profile:
    """Read a profile from its folder or its ``profile.json``; pools are read from beside it.

    Raises:
        ProfileError: a file is missing, damaged, of another kind or version, or a value is out of range.
    """
    path = Path(path)
    path = path / FILE if path.is_dir() else path
    content = _read_json(path)
    try:
        blur = read_fields(Blur, _section(content, "blur"), "blur")
        noise = read_fields(Noise, _section(content, "noise"), "noise")
        compression = _compression(_section(content, "compression"))
        sharpening = read_fields(Sharpening, _section(content, "sharpening"), "sharpening")
        camera = content.get("camera", "")
        if not isinstance(camera, str):
            raise DegradationError(f"'camera' must be text, not {camera!r}")
        photos = _each(PhotoMeasurement, content.get("photos", []), "photos", _MOST_PHOTOS)
        check = _each(Remeasured, content.get("check", []), "check", _MOST_CHECKED)
        pools = _section(content, "pools")
        patches = _pool(path.with_name(NOISE_FILE), pools.get("noise"), load_noise_pool)
        kernels = _pool(path.with_name(KERNEL_FILE), pools.get("kernels"), load_kernel_pool)
    except (DegradationError, PoolError, OverflowError) as error:
        raise ProfileError(f"{path} cannot be used: {error}; measure the photos again") from error
    return Profile(blur, noise, compression, sharpening, camera, photos, patches, kernels, check)


def _content(profile: Profile) -> dict[str, Any]:
    noise, kernels = profile.noise_pool, profile.kernel_pool
    return {
        "camera": profile.camera,
        "blur": dataclasses.asdict(profile.blur),
        "noise": dataclasses.asdict(profile.noise),
        "compression": dataclasses.asdict(profile.compression),
        "sharpening": dataclasses.asdict(profile.sharpening),
        "pools": {
            "noise": noise.digest if noise is not None else None,
            "kernels": kernels.digest if kernels is not None else None,
        },
        "photos": [dataclasses.asdict(one) for one in profile.photos],
        "check": [dataclasses.asdict(one) for one in profile.check],
    }


def _read_json(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES + 1)
        if len(text) > _MOST_BYTES:
            raise ValueError(f"more than {_MOST_BYTES >> 20} MiB")
        content = json.loads(text)
    except OSError as error:
        raise ProfileError(
            f"{path} cannot be read: {error.strerror or error}; make a profile with: "
            "wildsr estimate profile PHOTOS -o FOLDER"
        ) from error
    except (ValueError, RecursionError) as error:
        raise ProfileError(f"{path} is not a camera profile: {error}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ProfileError(f'{path} is not a camera profile; those have "format": "{FORMAT}"')
    if content.get("version") != VERSION:
        raise ProfileError(
            f"{path} has version {content.get('version')} of the format, and this wildsr reads {VERSION}; "
            "use the wildsr that wrote it, or measure the photos again"
        )
    return content


def _section(content: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = content.get(name)
    if not isinstance(found, dict):
        raise DegradationError(f"'{name}' is missing")
    return found


def _compression(content: dict[str, Any]) -> Compression:
    settings = _each(JpegSetting, content.get("settings", []), "compression", _MOST_SETTINGS)
    share = content.get("share")
    if isinstance(share, bool) or not isinstance(share, int | float):
        raise DegradationError(f"compression: 'share' must be a number, not {share!r}")
    try:
        return Compression(float(share), settings)
    except ValueError as error:
        raise DegradationError(f"compression: {error}") from error


def _each(kind: type[Part], content: object, name: str, most: int) -> tuple[Part, ...]:
    if not isinstance(content, Sequence) or isinstance(content, str) or len(content) > most:
        raise DegradationError(f"'{name}' must be a list of at most {most}")
    found = []
    for index, one in enumerate(content):
        if not isinstance(one, dict):
            raise DegradationError(f"{name} {index} must be a dictionary")
        found.append(read_fields(kind, one, f"{name} {index}"))
    return tuple(found)


def _pool(path: Path, digest: object, load: Any) -> Any:
    """The pool beside a profile, checked to be the one that the profile names; None if it names none."""
    if digest is None:
        return None
    pool = load(path)
    if pool.digest != digest:
        raise DegradationError(f"{path.name} is not the pool that belongs to it")
    return pool

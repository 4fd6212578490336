"""Makes a pair of an HR and an LR image from one photo, as ``wildsr prepare`` does."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from wildsr.data.errors import DataError
from wildsr.data.learned import named_degradation
from wildsr.degradations.degradation import Degradation, DegradationError, Parameters
from wildsr.degradations.methods.learned import Dsgan
from wildsr.degradations.methods.realsr import RealSr
from wildsr.degradations.pools import load_kernel_pool, load_noise_pool
from wildsr.estimation.cleanup import clean_up, clean_up_ddnsr
from wildsr.image import quantize
from wildsr.ops.cropping import crop_to_multiple
from wildsr.storage.seeds import generator

Role = Literal["source", "target"]
CleanUpMethod = Literal["realsr", "ddnsr", "none"]


@dataclass(frozen=True)
class Preparation:
    """Settings for making pairs; either pools or a preset.

    Attributes:
        scale: HR pixels for each LR pixel, along a side.
        clean_up: how an image of the source domain becomes an HR image; those of the target domain are unchanged.
        preset: name of a degradation; None: RealSR's, which without pools is bicubic.
        kernels, noise: pool files for RealSR's degradation.
        patch: side of the sub-images that pairs are cut into, in HR pixels; None: whole images.
        stride: distance of sub-images in HR pixels; the last ones end at the border and overlap more.
        least: HR images with a shorter side are skipped.
        seed: of the degradation. The parameters for an image depend on the seed and its path within the folder.
    """

    scale: int = 4
    clean_up: CleanUpMethod = "realsr"
    preset: str | None = None
    kernels: Path | None = None
    noise: Path | None = None
    patch: int | None = None
    stride: int | None = None
    least: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        if self.preset is not None and (self.kernels or self.noise):
            raise DataError("a preset and pools cannot be combined; use one or the other")
        for name, value in (("patch", self.patch), ("stride", self.stride)):
            if value is not None and (value < self.scale or value % self.scale):
                raise DataError(f"the {name} must be a multiple of the scale {self.scale}, not {value}")
        if self.stride is not None and self.patch is None:
            raise DataError("a stride needs a patch: it is the distance from one sub-image to the next")


class TooSmall(Exception):
    """An image is too small for a pair; the message gives its size."""


@cache
def degradation_of(how: Preparation) -> Degradation:
    """The degradation for LR images; pools are read once per process.

    Raises:
        DataError: the preset or a pool does not fit.
        PoolError: a pool cannot be read.
    """
    try:
        if how.preset is not None:
            return named_degradation(how.preset, how.scale)
        kernels = load_kernel_pool(how.kernels) if how.kernels else None
        return RealSr(how.scale, load_noise_pool(how.noise) if how.noise else None, kernels)
    except DegradationError as error:
        raise DataError(str(error)) from error


def make_pair(levels: Tensor, role: Role, how: Preparation, name: str) -> tuple[Tensor, Tensor, Parameters]:
    """Make HR and LR images, both uint8 (3, h, w), of ``levels`` (3, H, W) uint8, and return their parameters too.

    HR images are cropped to a multiple of the scale, at the bottom and right. Cleaned-up ones are truncated to whole
    levels, not rounded, and bicubic LR images are made from the values before truncation, both as in RealSR. LR
    images of DSGAN are made of these values too, and truncated, as in its create_dataset.py. With the seed, ``name``
    (the path within the folder) decides what is sampled, as in :mod:`wildsr.storage.seeds`.

    Raises:
        TooSmall: the HR image has a side below ``how.least``.
    """
    exact = levels.float().div(255).unsqueeze(0)
    if role == "source" and how.clean_up == "realsr":
        exact = clean_up(exact, how.scale)
    elif role == "source" and how.clean_up == "ddnsr":
        exact = clean_up_ddnsr(exact).clamp(0, 1)
    exact = crop_to_multiple(exact, how.scale)
    height, width = exact.shape[-2:]
    least = max(how.least, how.patch or how.scale)
    if min(height, width) < least:
        raise TooSmall(f"as an HR image it has {width}x{height} pixels, at least {least} are required")
    # A whole level with a rounding error must not be truncated to the one below.
    hr = (exact * 255 + 1e-4).floor().to(torch.uint8)
    degradation = degradation_of(how)
    parameters = degradation.sample(generator(how.seed, name), (height, width))
    dsgan = isinstance(degradation, Dsgan)
    bicubic = how.preset is None and how.kernels is None
    lr = degradation.apply(exact if bicubic or dsgan else hr.float() / 255, [parameters])[0]
    return hr[0], (lr * 255).to(torch.uint8) if dsgan else quantize(lr), parameters


def sub_images(size: tuple[int, int], patch: int, stride: int) -> Iterator[tuple[int, int]]:
    """Top and left of the sub-images that cover ``size`` (height, width)."""
    rows, columns = (sorted({*range(0, side - patch, stride), side - patch}) for side in size)
    return ((top, left) for top in rows for left in columns)

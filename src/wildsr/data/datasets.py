"""Training datasets: ``sample(index)`` returns one sample by role, which depends only on the seed and the index.

All images of a sample are float32 (3, S, S) RGB in [0, 1]: ``lr`` and ``hr`` are a pair; ``hr_reference`` is ``hr``
before sharpening; ``source`` and ``lr_real`` are from other images than ``hr``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, Protocol

import numpy as np
from torch import Tensor

from wildsr.data.patches import Augment, Picker, as_float, cut, draw_crop, draw_mode, turned
from wildsr.data.rendered import render_image
from wildsr.degradations.degradation import Degradation
from wildsr.degradations.methods.wild import is_mild
from wildsr.degradations.pools import NoisePool
from wildsr.ops.filtering import filter_separably
from wildsr.ops.kernels import gaussian_profile
from wildsr.ops.noise import inject_noise

TrainingSample = dict[str, Tensor]
SHUFFLED = 1024
"""Patches that are shuffled together where several come from one image; the size of DDNSR's buffer."""
_DEFOCUS = (2.0, 4.0)
"""Standard deviations in LR pixels, far beyond the blur of lenses: with 1 to 3 a model for blurred photos learned to
soften everything."""


class Dataset(Protocol):
    """An infinite sequence of samples."""

    @property
    def pickers(self) -> Sequence[Picker]:
        """The sources of its images."""
        ...

    def sample(self, index: int) -> TrainingSample:
        """Sample number ``index``, from 0."""
        ...


class Sharpener(Protocol):
    """Sharpens (3, H, W) in [0, 1]."""

    def __call__(self, image: Tensor) -> Tensor:
        """Sharpen the image."""
        ...


@dataclass(frozen=True)
class DegradedPairs:
    """HR patches, and LR patches made by a degradation.

    A patch of ``hr_patch`` pixels is cropped and degraded; then both are cropped to the same area, ``lr_patch`` pixels
    on a side in LR. BSRGAN crops 320 and then 72x4, so that blurs and shifts have context.

    ``sharpen`` sharpens the HR patch before it is degraded (Real-ESRGAN's ``gt_usm``); ``hr_reference`` is then the
    original patch. With ``degrade_original``, the original patch is degraded instead, so that the network learns to
    sharpen.
    ``rendered`` is the share of patches from :func:`wildsr.data.rendered.render_image`. ``defocused`` is the share of
    blurred HR patches among those with a mild degradation (see :func:`wildsr.degradations.methods.wild.is_mild`): sharp
    photos have few areas out of focus, and a network that has seen none draws edges into them.
    """

    hr: Picker
    degradation: Degradation
    hr_patch: int
    lr_patch: int
    seed: int
    augment: Augment = "all"
    sharpen: Sharpener | None = None
    rendered: float = 0
    degrade_original: bool = False
    defocused: float = 0

    @property
    def pickers(self) -> Sequence[Picker]:
        """The sources of its images."""
        return (self.hr,)

    def sample(self, index: int) -> TrainingSample:
        """``lr`` and ``hr``, and ``hr_reference`` if HR patches are sharpened."""
        rng = np.random.default_rng([self.seed, index])
        rendered = self.rendered > 0 and rng.random() < self.rendered
        image = render_image(rng, self.hr_patch) if rendered else self.hr.pick(index, rng)
        reference = _patch(image, self.hr_patch, self.augment, rng, rng)
        parameters = self.degradation.sample(rng, (self.hr_patch, self.hr_patch))
        if self.defocused > 0 and is_mild(parameters) and rng.random() < self.defocused:
            reference = _defocused(reference, rng, self.degradation.scale)
        hr = reference if self.sharpen is None else self.sharpen(reference)
        degraded = reference if self.degrade_original else hr
        lr = self.degradation.apply(degraded.unsqueeze(0), [parameters])[0]
        scale = self.degradation.scale
        top, left = draw_crop(rng, (lr.shape[-2], lr.shape[-1]), self.lr_patch)
        hr_place, kept = (top * scale, left * scale), self.lr_patch * scale
        sample = {"lr": cut(lr, (top, left), self.lr_patch), "hr": cut(hr, hr_place, kept)}
        if self.sharpen is not None:
            sample["hr_reference"] = cut(reference, hr_place, kept)
        return sample


@dataclass(frozen=True)
class PairsInContext:
    """HR patches, and LR patches as cropped from the whole degraded image, as in KAIR's training of RRDB-PSNR.

    The patch is degraded together with ``context`` HR pixels around it, as far as the image goes, and the LR patch is
    cut out of the result. It is that of the whole image, if a pixel of the degradation depends on no HR pixel further
    away: bicubic x1/4 reaches 8 pixels.

    ``context`` is a multiple of the scale, ``lr_patch`` the side of the LR patch.
    """

    hr: Picker
    degradation: Degradation
    lr_patch: int
    context: int
    seed: int
    augment: Augment = "all"

    @property
    def pickers(self) -> Sequence[Picker]:
        """The sources of its images."""
        return (self.hr,)

    def sample(self, index: int) -> TrainingSample:
        """``lr`` and ``hr``."""
        rng = np.random.default_rng([self.seed, index])
        image = self.hr.pick(index, rng)
        scale, patch = self.degradation.scale, self.lr_patch
        height, width = (side // scale for side in image.shape[-2:])
        place = draw_crop(rng, (height, width), patch)
        rows, columns = (
            slice(max(0, start - self.context // scale), min(side, start + patch + self.context // scale))
            for start, side in zip(place, (height, width), strict=True)
        )
        region = as_float(
            image[..., rows.start * scale : rows.stop * scale, columns.start * scale : columns.stop * scale]
        )
        parameters = self.degradation.sample(rng, (region.shape[-2], region.shape[-1]))
        degraded = self.degradation.apply(region.unsqueeze(0), [parameters])[0]
        top, left = place[0] - rows.start, place[1] - columns.start
        mode = draw_mode(rng, self.augment)
        return {
            "lr": turned(cut(degraded, (top, left), patch), mode, self.augment),
            "hr": turned(cut(region, (top * scale, left * scale), patch * scale), mode, self.augment),
        }


@dataclass(frozen=True)
class FolderPairs:
    """Pairs of LR and HR patches, from two sets of images in the same order.

    ``noise`` is added to the LR patch after cropping and augmentation (RealSR, section 3.3).
    """

    lr: Picker
    hr: Picker
    scale: int
    lr_patch: int
    seed: int
    augment: Augment = "all"
    noise: NoisePool | None = None

    @property
    def pickers(self) -> Sequence[Picker]:
        """The sources of its images."""
        return (self.lr, self.hr)

    def sample(self, index: int) -> TrainingSample:
        """``lr`` and ``hr``."""
        rng = np.random.default_rng([self.seed, index])
        lr, hr = self.lr.pick_with(self.hr, index, rng)
        top, left = draw_crop(rng, (lr.shape[-2], lr.shape[-1]), self.lr_patch)
        mode = draw_mode(rng, self.augment)
        lr = turned(as_float(cut(lr, (top, left), self.lr_patch)), mode, self.augment)
        hr_place = (top * self.scale, left * self.scale)
        hr = turned(as_float(cut(hr, hr_place, self.lr_patch * self.scale)), mode, self.augment)
        if self.noise is not None:
            lr = inject_noise(lr.unsqueeze(0), _noise(self.noise, self.lr_patch, rng))[0]
        return {"lr": lr, "hr": hr}


@dataclass(frozen=True)
class Unpaired:
    """HR patches and unrelated patches of other images: of the source domain, or of real LR images.

    They have ``hr_patch`` and ``other_patch`` pixels on a side. With a degradation, ``lr`` is the degraded HR patch.
    The other patch is ``source`` (DSGAN) or ``lr_real`` (DDNSR), from images in an independent order; without
    ``other`` it is cropped from the HR patch, as in DSGAN, whose HR images are of the source domain.

    With ``crops`` above 1, that many patches are cropped from each image, all flipped alike, before the next one is
    taken, and patches are shuffled in blocks of :data:`SHUFFLED` (DDNSR).
    """

    hr: Picker
    other: Picker | None
    other_role: Literal["source", "lr_real"]
    hr_patch: int
    other_patch: int
    seed: int
    augment: Augment = "all"
    degradation: Degradation | None = None
    crops: int = 1

    @property
    def pickers(self) -> Sequence[Picker]:
        """The sources of its images."""
        return (self.hr,) if self.other is None else (self.hr, self.other)

    def sample(self, index: int) -> TrainingSample:
        """``hr``, ``source`` or ``lr_real``, and ``lr`` with a degradation."""
        rng = np.random.default_rng([self.seed, index])
        hr = self._crop(self.hr, index, self.hr_patch, rng)
        if self.other is None:
            other = cut(
                hr, draw_crop(rng, (self.hr_patch, self.hr_patch), self.other_patch), self.other_patch
            )
        else:
            other = self._crop(self.other, index, self.other_patch, rng)
        sample = {"hr": hr, self.other_role: other}
        if self.degradation is not None:
            parameters = self.degradation.sample(rng, (self.hr_patch, self.hr_patch))
            sample["lr"] = self.degradation.apply(hr.unsqueeze(0), [parameters])[0]
        return sample

    def _crop(self, picker: Picker, index: int, size: int, rng: np.random.Generator) -> Tensor:
        """A patch of the image for sample ``index``."""
        if self.crops == 1:
            return _patch(picker.pick(index, rng), size, self.augment, rng, rng)
        visit = _shuffled(index, self.seed) // self.crops
        image_rng = np.random.default_rng([self.seed, visit, picker.role, self.crops])
        return _patch(picker.pick(visit, image_rng), size, self.augment, rng, image_rng)


def _shuffled(index: int, seed: int) -> int:
    """The index that takes the place of ``index`` when its block of :data:`SHUFFLED` is shuffled."""
    block, place = divmod(index, SHUFFLED)
    return block * SHUFFLED + int(_block_order(seed, block)[place])


@lru_cache(maxsize=4)
def _block_order(seed: int, block: int) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    return np.random.default_rng([seed, block, SHUFFLED]).permutation(SHUFFLED)


def _patch(
    image: Tensor, size: int, augment: Augment, rng: np.random.Generator, flips: np.random.Generator
) -> Tensor:
    place = draw_crop(rng, (image.shape[-2], image.shape[-1]), size)
    return turned(as_float(cut(image, place, size)), draw_mode(flips, augment), augment)


def _noise(pool: NoisePool, size: int, rng: np.random.Generator) -> Tensor:
    """A random crop (1, 3, size, size) of a patch of the pool."""
    patch = pool.patches[int(rng.integers(len(pool)))]
    place = draw_crop(rng, (patch.shape[-2], patch.shape[-1]), size)
    return as_float(cut(patch, place, size)).unsqueeze(0)


def _defocused(patch: Tensor, rng: np.random.Generator, scale: int) -> Tensor:
    sigma = float(np.exp(rng.uniform(*np.log(_DEFOCUS)))) * scale
    profile = gaussian_profile(2 * int(3 * sigma) + 1, sigma)
    return filter_separably(patch.unsqueeze(0), profile)[0]

"""Training data: which images, and how samples are made of them. Imports torch only to build them.

``folder`` is what ``wildsr train --data`` gives; each kind documents what it expects there. A folder may also be a
store of images (``.lmdb``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from wildsr.recipes.config.degradations import AnyDegradation, build_degradation
from wildsr.recipes.config.node import Node, OneOf
from wildsr.recipes.errors import RecipeError
from wildsr.storage.cores import usable_cores

if TYPE_CHECKING:
    from torch import Tensor

    from wildsr.data.datasets import Dataset
    from wildsr.data.image_sets import ImageSet
    from wildsr.degradations.degradation import Degradation
    from wildsr.degradations.pools import NoisePool

Count = Annotated[int, Field(ge=1)]


@dataclass(frozen=True)
class TrainingData:
    """A dataset, and the images behind it by role."""

    dataset: "Dataset"
    images: "dict[str, ImageSet]"

    def keep_what_fits(self, budget: int) -> None:
        """Read all images into memory if they take at most ``budget`` bytes."""
        sets = list(self.images.values())
        if sum(images.bytes for images in sets) <= budget:
            for images in sets:
                images.keep()

    def notes(self) -> Sequence[str]:
        """Facts for the user: the number of images, where they are kept, and which were left out."""
        notes = []
        for role, images in self.images.items():
            where = "in memory" if images.kept else "read when needed"
            notes.append(f"{role}: {len(images)} images, {images.bytes / 1e9:.2f} GB, {where}")
            if images.small:
                notes.append(
                    f"{role}: {len(images.small)} images are too small and left out, such as {images.small[0]}"
                )
            notes += [f"{role}: left out: {problem}" for problem in images.unreadable]
        return notes


_SOURCES = ("train-source", "Corrupted-tr-x", "DPEDiphone-tr-x")
_TARGETS = ("train-target", "Corrupted-tr-y", "DPEDiphone-tr-y")
"""Names of folders with images of the source domain, and with clean ones, in NTIRE 2020 and of `wildsr data layout`."""


class DataConfig(Node):
    """Base of all kinds of training data. A subclass adds its settings as fields, and builds the dataset."""

    kind: str
    folder: Path | None = None
    """Folder of the images, given by ``--data``."""
    augment: Literal["none", "mirror", "all"] = "all"
    """``mirror``: left and right exchanged with probability 1/2; ``all``: the eight flips and rotations."""
    weighing: Literal["image", "area"] = "image"
    """``image``: every image equally often; ``area``: in proportion to the size of the image."""
    workers: int | None = Field(default=None, ge=0)
    """Processes that prepare samples; null for as many as there are spare processors, at most 8."""
    memory: bool = True
    """Keep the images in memory if they fit."""

    mixes: ClassVar[bool] = True
    """Whether HR images can come from several folders."""

    def build(self, scale: int, seed: int) -> TrainingData:
        """The dataset. Only the headers of the images are read.

        Raises:
            RecipeError: a folder is missing, sizes of patches do not suit each other, or a pool or model is wrong.
            DataError: images are missing, too small, not paired, or too many cannot be read.
        """
        raise NotImplementedError

    def build_degradation(self, scale: int) -> "Degradation | None":
        """The degradation that makes LR patches of HR patches; None where LR images are given.

        Raises:
            RecipeError: it cannot be built.
        """
        del scale
        return None

    def worker_count(self) -> int:
        """The number of processes that prepare samples."""
        return self.workers if self.workers is not None else min(8, max(1, usable_cores() - 1))

    def given(self, folders: Sequence[Path]) -> dict[str, Any]:
        """The recipe values that ``--data`` sets. Raises ``RecipeError`` for too many folders."""
        if len(folders) == 1:
            return {"data.folder": folders[0]}
        if folders and not self.mixes:
            raise RecipeError(f"{self.kind} data are in one folder; give --data once")
        return {"data.hr": tuple(folders)} if folders else {}

    def _folder(self, instead: str = "data.hr") -> Path:
        if self.folder is None:
            raise RecipeError(
                f"the folder of the images is not known; give it with --data FOLDER, or --set {instead}=FOLDER"
            )
        return self.folder

    def _inside(self, key: str, *names: str) -> Path:
        """The store or folder in ``folder`` that has the first of ``names``. Error messages name ``key``, which can
        replace it."""
        folder = self._folder(key)
        return _found_inside(folder, names) or folder / names[0]


class DegradedDataConfig(DataConfig):
    """Sharp images, degraded on the fly. ``folder`` holds the images."""

    kind: Literal["degraded"] = "degraded"
    hr: tuple[Path, ...] = ()
    """Folders of the images, if not ``folder``; several are mixed."""
    degradation: AnyDegradation
    """Makes the LR patch of the HR patch."""
    hr_patch: Count
    """Side in pixels of the HR patch that is cropped and degraded."""
    lr_patch: Count
    """Side in pixels of the LR patch that is cropped from the result."""
    context: int | None = Field(default=None, ge=1)
    """HR pixels around the patch that are degraded with it and then cut off, so that LR patches are those of the whole
    image; for degradations of limited reach, such as ``bicubic`` with 16. null degrades the patch alone."""
    sharpen: bool = False
    """Sharpen the HR patch first (USM, Real-ESRGAN); it is then the target of pixel and feature losses."""
    crisp: Annotated[float, Field(ge=0)] = 0
    """Weight with which the edges of the target are made steeper, without halos; the original patch is degraded.
    Instead of ``sharpen``."""
    rendered: Annotated[float, Field(ge=0, le=1)] = 0
    """Share of patches that are rendered instead of cropped from an image: text, line art and dead leaves."""
    defocused: Annotated[float, Field(ge=0, le=1)] = 0
    """Share of blurred HR patches, among those with a mild degradation, so that areas out of focus stay smooth."""

    def build_degradation(self, scale: int) -> "Degradation":
        """The degradation."""
        return build_degradation(self.degradation, scale)

    def build(self, scale: int, seed: int) -> TrainingData:
        """HR patches and their degraded counterparts."""
        from wildsr.data.datasets import DegradedPairs, PairsInContext
        from wildsr.data.image_sets import find_images
        from wildsr.data.patches import Picker

        if self.hr_patch % scale or self.lr_patch * scale > self.hr_patch:
            raise RecipeError(
                f"data.hr_patch is {self.hr_patch}; it must be a multiple of the scale {scale}, and at least "
                f"{scale} times data.lr_patch, which is {self.lr_patch}"
            )
        if self.sharpen and self.crisp:
            raise RecipeError("data.sharpen and data.crisp exclude each other; set one of them to false or 0")
        sharpen = _sharpen if self.sharpen else partial(_steepen, weight=self.crisp) if self.crisp else None
        degradation = self.build_degradation(scale)
        images = find_images(self.hr or (self._folder(),), self.hr_patch)
        picker = Picker(images, seed, self.weighing)
        if self.context is not None:
            self._check_context(self.context, scale)
            in_context = PairsInContext(picker, degradation, self.lr_patch, self.context, seed, self.augment)
            return TrainingData(in_context, {"HR": images})
        dataset = DegradedPairs(
            picker,
            degradation,
            self.hr_patch,
            self.lr_patch,
            seed,
            self.augment,
            sharpen,
            self.rendered,
            self.crisp > 0,
            self.defocused,
        )
        return TrainingData(dataset, {"HR": images})

    def _check_context(self, context: int, scale: int) -> None:
        if context % scale or self.hr_patch != self.lr_patch * scale:
            raise RecipeError(
                f"data.context must be a multiple of the scale {scale}, and data.hr_patch {scale} times data.lr_patch: "
                "the patch is not cropped again"
            )
        if self.sharpen or self.crisp or self.rendered or self.defocused:
            raise RecipeError(
                "data.context excludes data.sharpen, data.crisp, data.rendered and data.defocused; set it to null"
            )


class PairedDataConfig(DataConfig):
    """LR and HR images that belong together by name. ``folder`` holds LR and HR, as ``wildsr prepare`` writes them."""

    kind: Literal["paired"] = "paired"
    lr: Path | None = None
    """Folder of the LR images, if not ``folder``/LR."""
    hr: Path | None = None
    """Folder of the HR images, if not ``folder``/HR."""
    lr_patch: Count
    """Side of the LR patch in pixels."""
    inject_noise: bool = False
    """Add a noise patch from a pool to every LR patch (RealSR)."""
    noise: Path | None = None
    """The noise pool, if not ``folder``/noise.safetensors."""

    mixes: ClassVar[bool] = False

    def build(self, scale: int, seed: int) -> TrainingData:
        """Aligned patches of LR and HR images."""
        from wildsr.data.datasets import FolderPairs
        from wildsr.data.pairs import find_pairs
        from wildsr.data.patches import Picker

        lr = self.lr or self._inside("data.lr", "LR")
        hr = self.hr or self._inside("data.hr", "HR")
        noise = self._noise_pool() if self.inject_noise else None
        lrs, hrs = find_pairs(lr, hr, scale, self.lr_patch)
        dataset = FolderPairs(
            Picker(lrs, seed, self.weighing),
            Picker(hrs, seed, self.weighing),
            scale,
            self.lr_patch,
            seed,
            self.augment,
            noise,
        )
        return TrainingData(dataset, {"LR": lrs, "HR": hrs})

    def _noise_pool(self) -> "NoisePool":
        from wildsr.degradations.pools import PoolError, load_noise_pool

        path = self.noise or self._folder("data.noise") / "noise.safetensors"
        if not path.is_file():
            raise RecipeError(
                f"there is no noise pool {path}. `wildsr estimate noise IMAGES -o FILE` makes one, --set "
                "data.noise=FILE names it, and --set data.inject_noise=false does without"
            )
        try:
            noise = load_noise_pool(path)
        except PoolError as error:
            raise RecipeError(f"data.noise: {error}") from error
        if noise.patches.shape[-1] < self.lr_patch:
            raise RecipeError(
                f"data.noise: its patches are {noise.patches.shape[-1]} pixels wide, LR patches {self.lr_patch}; "
                "collect larger ones, or make data.lr_patch smaller"
            )
        return noise


class UnpairedDataConfig(DataConfig):
    """Sharp images and images of a source domain (DSGAN). ``folder`` holds the folders HR and source."""

    kind: Literal["unpaired"] = "unpaired"
    hr: tuple[Path, ...] = ()
    """Folders of the sharp images, if not ``folder``/HR; several are mixed."""
    source: Path | None = None
    """Folder of the images of the source domain, if not ``folder``/source."""
    same: bool = False
    """Crop the source patches from the HR patches, which then come from all of ``folder`` (DSGAN)."""
    degradation: AnyDegradation | None = None
    """Makes the LR patch of the HR patch; null for no LR patch."""
    hr_patch: Count
    """Side of the HR patch in pixels."""
    source_patch: Count
    """Side of the source patch in pixels."""

    def build_degradation(self, scale: int) -> "Degradation | None":
        """The degradation, if there is one."""
        return None if self.degradation is None else build_degradation(self.degradation, scale)

    def build(self, scale: int, seed: int) -> TrainingData:
        """HR patches, their degraded counterparts, and patches of the source domain."""
        from wildsr.data.datasets import Unpaired
        from wildsr.data.image_sets import find_images
        from wildsr.data.patches import Picker

        degradation = self.build_degradation(scale)
        if self.same:
            if self.source is not None or self.source_patch > self.hr_patch:
                raise RecipeError(
                    "data.same crops source patches from HR patches: give no data.source, and no larger patches"
                )
            hrs = find_images(self.hr or (self._folder(),), self.hr_patch)
            sources = None
        else:
            hrs = find_images(self.hr or (self._inside("data.hr", "HR", *_TARGETS),), self.hr_patch)
            sources = find_images(
                self.source or self._inside("data.source", "source", *_SOURCES), self.source_patch
            )
        dataset = Unpaired(
            Picker(hrs, seed, self.weighing),
            None if sources is None else Picker(sources, seed, self.weighing, role=1),
            "source",
            self.hr_patch,
            self.source_patch,
            seed,
            self.augment,
            degradation,
        )
        return TrainingData(dataset, {"HR": hrs} if sources is None else {"HR": hrs, "source": sources})


class DualDataConfig(DataConfig):
    """HR images and unrelated real LR images (DDNSR). ``folder`` holds the folders HR and LR, or NTIRE 2020's."""

    kind: Literal["dual"] = "dual"
    hr: tuple[Path, ...] = ()
    """Folders of the HR images, if not ``folder``/HR; several are mixed."""
    lr: Path | None = None
    """Folder of the LR images, if not ``folder``/LR."""
    hr_patch: Count
    """Side of the HR patch in pixels."""
    lr_patch: Count
    """Side of the LR patch in pixels."""
    crops: Count = 1
    """Patches that are cropped from each image before the next one is taken; they are shuffled in blocks of 1024."""

    def given(self, folders: Sequence[Path]) -> dict[str, Any]:
        """Assign the folders to the fields: one may hold LR images; its HR images and all others are mixed."""
        if len(folders) < 2:
            return super().given(folders)
        with_lr = {path: lr for path in folders if (lr := _found_inside(path, ("LR", *_SOURCES)))}
        if len(with_lr) > 1:
            raise RecipeError(
                f"{' and '.join(map(str, with_lr))} both hold real LR images; name one with --set data.lr=FOLDER, and "
                "the folders of HR images with --data"
            )
        hr = [_found_inside(path, ("HR", *_TARGETS)) if path in with_lr else path for path in folders]
        values: dict[str, Any] = {"data.hr": tuple(path for path in hr if path is not None)}
        if with_lr:
            values["data.lr"] = next(iter(with_lr.values()))
        return values

    def build(self, scale: int, seed: int) -> TrainingData:
        """HR patches and unrelated LR patches."""
        from wildsr.data.datasets import Unpaired
        from wildsr.data.image_sets import find_images
        from wildsr.data.patches import Picker

        if self.hr_patch != self.lr_patch * scale:
            raise RecipeError(f"data.hr_patch must be {scale} times data.lr_patch: {self.lr_patch * scale}")
        hrs = find_images(self.hr or (self._inside("data.hr", "HR", *_TARGETS),), self.hr_patch)
        lrs = find_images(self.lr or self._inside("data.lr", "LR", *_SOURCES), self.lr_patch)
        dataset = Unpaired(
            Picker(hrs, seed, self.weighing),
            Picker(lrs, seed, self.weighing, role=1),
            "lr_real",
            self.hr_patch,
            self.lr_patch,
            seed,
            self.augment,
            crops=self.crops,
        )
        return TrainingData(dataset, {"HR": hrs, "LR": lrs})


Data = Annotated[
    DataConfig,
    OneOf("kind", DegradedDataConfig, PairedDataConfig, UnpairedDataConfig, DualDataConfig),
]


def _found_inside(folder: Path, names: Sequence[str]) -> Path | None:
    """The store or folder in ``folder`` that has the first of ``names``; None if it has none."""
    from wildsr.data.store import SUFFIX

    for name in names:
        for path in (folder / f"{name}{SUFFIX}", folder / name):
            if path.exists():
                return path
    return None


def _sharpen(image: "Tensor") -> "Tensor":
    from wildsr.ops.sharpening import unsharp_mask

    return unsharp_mask(image.unsqueeze(0))[0]


def _steepen(image: "Tensor", weight: float) -> "Tensor":
    from wildsr.ops.sharpening import steepen_edges

    return steepen_edges(image.unsqueeze(0), weight)[0]

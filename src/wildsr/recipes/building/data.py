"""From the data of a recipe to a dataset: images found, kept in memory where they fit, pools and networks loaded."""

import dataclasses
import os
from collections.abc import Sequence
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from wildsr.data.datasets import Dataset, DegradedPairs, FolderPairs, Unpaired
from wildsr.data.image_sets import ImageSet, find_images
from wildsr.data.memory import image_budget
from wildsr.data.pairs import find_pairs
from wildsr.data.patches import Picker, as_float
from wildsr.data.store import SUFFIX
from wildsr.degradations.degradation import Degradation, DegradationError
from wildsr.degradations.learned import Ddnsr, Dsgan
from wildsr.degradations.pools import NoisePool, PoolError, load_kernel_pool, load_noise_pool
from wildsr.degradations.presets import preset
from wildsr.degradations.realsr import RealSr
from wildsr.networks.ddnsr import DegradationNetwork
from wildsr.ops.sharpening import unsharp_mask
from wildsr.recipes.parts import data as parts
from wildsr.recipes.parts.strict import RecipeError
from wildsr.zoo.catalogue import find
from wildsr.zoo.errors import ModelError
from wildsr.zoo.load import load_network


class Found(NamedTuple):
    """A dataset and the sets of images behind it, by role."""

    dataset: Dataset
    images: dict[str, ImageSet]


def build_data(part: parts.Data, scale: int, seed: int) -> Found:
    """The dataset of a recipe. Headers are read, and the images where they fit into memory.

    Raises:
        RecipeError: when a folder is not given, patches do not suit each other, or a pool or network is wrong.
        DataError: when images are missing, too small, not paired, or too many cannot be read.
    """
    match part:
        case parts.Degraded():
            found = _degraded(part, scale, seed)
        case parts.Paired():
            found = _paired(part, scale, seed)
        case parts.Unpaired():
            found = _unpaired(part, scale, seed)
        case parts.Dual():
            found = _dual(part, scale, seed)
    sets = list(found.images.values())
    if part.memory and sum(images.bytes for images in sets) <= image_budget():
        for images in sets:
            images.keep()
    return found


def workers_of(part: parts.Data) -> int:
    """How many processes prepare samples: as asked, or all processors but one, at most 8."""
    return part.workers if part.workers is not None else min(8, max(1, (os.cpu_count() or 2) - 1))


def build_degradation(part: parts.Degradation, scale: int) -> Degradation:
    """The degradation of a recipe.

    Raises:
        RecipeError: for an unknown name or option, or a pool or network that cannot be used.
    """
    try:
        match part:
            case parts.Preset():
                return _with_options(preset(part.name, scale), part)
            case parts.RealSRDegradation():
                noise = None if part.noise is None else load_noise_pool(part.noise)
                kernels = None if part.kernels is None else load_kernel_pool(part.kernels)
                return RealSr(scale, noise, kernels)
            case parts.LearnedDegradation():
                path = Path(part.model) if Path(part.model).is_file() else find(part.model)[1]
                network = load_network(path)
                if not isinstance(network, DegradationNetwork):
                    return Dsgan(network, scale)
                if part.references is None:
                    raise RecipeError(
                        f"data.degradation.references: {part.model} needs a folder of real LR images"
                    )
                images = find_images(part.references, 1)
                return Ddnsr(network, [as_float(images[index]) for index in range(len(images))], scale)
    except (DegradationError, PoolError, ModelError) as error:
        raise RecipeError(f"data.degradation: {error}") from error


def _with_options(degradation: Degradation, part: parts.Preset) -> Degradation:
    if not part.options:
        return degradation
    fields = getattr(degradation, "__dataclass_fields__", {})
    known = [name for name in fields if name != "scale"]
    for name in part.options:
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(known) or 'none'}"
            raise RecipeError(f"data.degradation.options.{name}: '{part.name}' has no such option; {hint}")
    try:
        changed: Degradation = dataclasses.replace(degradation, **part.options)  # type: ignore[type-var]
        return changed
    except (ValueError, TypeError) as error:
        raise RecipeError(f"data.degradation.options: {error}") from error


def _degraded(part: parts.Degraded, scale: int, seed: int) -> Found:
    if part.hr_patch % scale or part.lr_patch * scale > part.hr_patch:
        raise RecipeError(
            f"data.hr_patch is {part.hr_patch}; it must be a multiple of the scale {scale}, and at least "
            f"{scale} times data.lr_patch, which is {part.lr_patch}"
        )
    degradation = build_degradation(part.degradation, scale)
    images = find_images(part.hr or (_folder(part),), part.hr_patch)
    picker = Picker(images, seed, part.weighing)
    sharpen = _sharpen if part.sharpen else None
    dataset = DegradedPairs(
        picker, degradation, part.hr_patch, part.lr_patch, seed, part.augment, sharpen, part.drawn
    )
    return Found(dataset, {"HR": images})


def _paired(part: parts.Paired, scale: int, seed: int) -> Found:
    lr = part.lr or _inside(_folder(part, "data.lr"), "LR")
    hr = part.hr or _inside(_folder(part, "data.hr"), "HR")
    noise = _noise_pool(part) if part.inject_noise else None
    lrs, hrs = find_pairs(lr, hr, scale, part.lr_patch)
    pick = partial(Picker, seed=seed, weighing=part.weighing)
    dataset = FolderPairs(pick(lrs), pick(hrs), scale, part.lr_patch, seed, part.augment, noise)
    return Found(dataset, {"LR": lrs, "HR": hrs})


def _unpaired(part: parts.Unpaired, scale: int, seed: int) -> Found:
    degradation = None if part.degradation is None else build_degradation(part.degradation, scale)
    if part.same:
        if part.source is not None or part.source_patch > part.hr_patch:
            raise RecipeError(
                "data.same cuts source patches from HR patches: give no data.source, nor larger patches"
            )
        hrs = find_images(part.hr or (_folder(part),), part.hr_patch)
        sources = None
    else:
        hrs = find_images(part.hr or (_inside(_folder(part, "data.hr"), "HR"),), part.hr_patch)
        source = part.source or _inside(_folder(part, "data.source"), "source")
        sources = find_images(source, part.source_patch)
    dataset = Unpaired(
        Picker(hrs, seed, part.weighing),
        None if sources is None else Picker(sources, seed, part.weighing, role=1),
        "source",
        part.hr_patch,
        part.source_patch,
        seed,
        part.augment,
        degradation,
    )
    return Found(dataset, {"HR": hrs} if sources is None else {"HR": hrs, "source": sources})


def _dual(part: parts.Dual, scale: int, seed: int) -> Found:
    if part.hr_patch != part.lr_patch * scale:
        raise RecipeError(f"data.hr_patch must be {scale} times data.lr_patch: {part.lr_patch * scale}")
    hrs = find_images(part.hr or (_inside(_folder(part, "data.hr"), "HR"),), part.hr_patch)
    lrs = find_images(part.lr or _inside(_folder(part, "data.lr"), "LR"), part.lr_patch)
    first, second = Picker(hrs, seed, part.weighing), Picker(lrs, seed, part.weighing, role=1)
    dataset = Unpaired(first, second, "lr_real", part.hr_patch, part.lr_patch, seed, part.augment)
    return Found(dataset, {"HR": hrs, "LR": lrs})


def _noise_pool(part: parts.Paired) -> NoisePool:
    path = part.noise or _folder(part, "data.noise") / "noise.safetensors"
    if not path.is_file():
        raise RecipeError(
            f"there is no noise pool {path}. `wildsr estimate noise IMAGES -o FILE` makes one, --set data.noise=FILE "
            "names it, and --set data.inject_noise=false does without"
        )
    try:
        noise = load_noise_pool(path)
    except PoolError as error:
        raise RecipeError(f"data.noise: {error}") from error
    if noise.patches.shape[-1] < part.lr_patch:
        raise RecipeError(
            f"data.noise: its patches are {noise.patches.shape[-1]} pixels wide, LR patches {part.lr_patch}; collect "
            "larger ones, or make data.lr_patch smaller"
        )
    return noise


def _inside(folder: Path, name: str) -> Path:
    """The store of a name in a folder, or the folder of that name."""
    store = folder / f"{name}{SUFFIX}"
    return store if store.is_file() else folder / name


def _folder(part: parts.DataPart, instead: str = "data.hr") -> Path:
    if part.folder is None:
        raise RecipeError(f"which images? Give their folder with --data FOLDER, or --set {instead}=FOLDER")
    return part.folder


def _sharpen(image: Tensor) -> Tensor:
    return unsharp_mask(image.unsqueeze(0))[0]


def notes_on(found: Found) -> Sequence[str]:
    """What a person should know about the images: how many there are, and which were left out."""
    notes = []
    for role, images in found.images.items():
        where = "in memory" if images.kept else "read as they are needed"
        notes.append(f"{role}: {len(images)} images, {images.bytes / 1e9:.2f} GB, {where}")
        if images.small:
            notes.append(
                f"{role}: {len(images.small)} images are too small and left out, such as {images.small[0]}"
            )
        notes += [f"{role}: left out: {problem}" for problem in images.unreadable]
    return notes

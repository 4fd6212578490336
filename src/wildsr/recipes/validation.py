"""Validation during training: metrics on LR images that never change."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from wildsr.data.image_sets import find_images
from wildsr.data.pairs import find_pairs
from wildsr.data.patches import as_float
from wildsr.degradations.degradation import Degradation
from wildsr.evaluation.distortion import psnr, ssim
from wildsr.evaluation.perceptual import SMALLEST
from wildsr.networks.lpips import Lpips
from wildsr.ops.resize import resize
from wildsr.recipes.config.recipe import Recipe
from wildsr.recipes.errors import RecipeError
from wildsr.training.settings import Validate, Validation
from wildsr.zoo.architectures import ARCHITECTURES, recognise
from wildsr.zoo.errors import UnknownArchitecture
from wildsr.zoo.features.files import MissingWeights
from wildsr.zoo.features.lpips import load_lpips, lpips_files
from wildsr.zoo.load import contract_of
from wildsr.zoo.model import Model

_SHOWN = 4
_SMALLEST = 32
"""Smallest side in HR pixels; SSIM has windows of 11 pixels within a border."""
_SEED = 0x5EED
"""Separates the random numbers of a validation from those of training."""


@dataclass(frozen=True)
class ValidationPair:
    """LR (1, 3, h, w) and HR (1, 3, h * scale, w * scale) of one validation image, in [0, 1]."""

    name: str
    lr: Tensor
    hr: Tensor


def build_validation(recipe: Recipe, features: Path | None) -> Validate | None:
    """The validation function of a recipe; None if the recipe names no images for it.

    PSNR and SSIM are over RGB without a border as wide as the scale; LPIPS uses AlexNet, if its weights are found.

    Raises:
        RecipeError: the images cannot be paired with LR images, or the only metric to choose by cannot be computed.
        DataError: there are no images that can be used.
    """
    if recipe.validation.folder is None:
        return None
    if not recipe.networks[recipe.objective.result].upscales:
        raise RecipeError(
            f"validation.folder: the network of the objective '{recipe.objective.kind}' does not upscale, so there is "
            "nothing to compare with HR images"
        )
    pairs = _pairs(recipe)
    if small := [pair.name for pair in pairs if min(pair.hr.shape[-2:]) < _SMALLEST]:
        raise RecipeError(f"validation.folder: {small[0]} has less than {_SMALLEST} pixels on a side")
    lpips = _lpips(recipe, features, pairs)
    if recipe.validation.best_by == ("lpips",) and lpips is None:
        raise RecipeError(
            "validation.best_by is lpips, which cannot be computed here: give its weights with --features, and "
            f"images of at least {SMALLEST} pixels a side"
        )

    def validate(network: nn.Module) -> Validation:
        return _validated(network, recipe.scale, pairs, lpips)

    return validate


def _pairs(recipe: Recipe) -> list[ValidationPair]:
    folder = recipe.validation.folder
    assert folder is not None
    if (folder / "LR").is_dir() and (folder / "HR").is_dir():
        lrs, hrs = find_pairs(folder / "LR", folder / "HR", recipe.scale, 1)
        number = min(len(lrs), recipe.validation.images)
        return [
            _middle(lrs.names[index], as_float(lrs[index]), as_float(hrs[index]), recipe)
            for index in range(number)
        ]
    degradation = recipe.data.build_degradation(recipe.scale)
    if degradation is None:
        raise RecipeError(
            f"validation.folder: {folder} must hold the folders LR and HR, since this recipe degrades no images "
            "itself"
        )
    images = find_images(folder, (recipe.validation.patch or 16 * recipe.scale))
    number = min(len(images), recipe.validation.images)
    return [
        _degraded(images.names[index], as_float(images[index]), degradation, recipe, index)
        for index in range(number)
    ]


def _degraded(name: str, hr: Tensor, degradation: Degradation, recipe: Recipe, index: int) -> ValidationPair:
    height, width = _kept(hr.shape[-2], hr.shape[-1], recipe)
    hr = _cut(hr, height, width)
    rng = np.random.default_rng([_SEED, index])
    parameters = degradation.sample(rng, (height, width))
    return ValidationPair(name, degradation.apply(hr.unsqueeze(0), [parameters]), hr.unsqueeze(0))


def _middle(name: str, lr: Tensor, hr: Tensor, recipe: Recipe) -> ValidationPair:
    height, width = _kept(hr.shape[-2], hr.shape[-1], recipe)
    top = (lr.shape[-2] - height // recipe.scale) // 2
    left = (lr.shape[-1] - width // recipe.scale) // 2
    scale = recipe.scale
    small = lr[:, top : top + height // scale, left : left + width // scale]
    large = hr[:, top * scale : top * scale + height, left * scale : left * scale + width]
    return ValidationPair(name, small.unsqueeze(0), large.unsqueeze(0))


def _kept(height: int, width: int, recipe: Recipe) -> tuple[int, int]:
    """Size of the crop: multiples of the scale."""
    most = recipe.validation.patch or max(height, width)
    scale = recipe.scale
    return min(height, most) // scale * scale, min(width, most) // scale * scale


def _cut(image: Tensor, height: int, width: int) -> Tensor:
    top, left = (image.shape[-2] - height) // 2, (image.shape[-1] - width) // 2
    return image[:, top : top + height, left : left + width]


def note_on(recipe: Recipe, features: Path | None) -> str | None:
    """A note if LPIPS is left out of the validation because its weights are missing."""
    if recipe.validation.folder is None or not recipe.validation.lpips:
        return None
    try:
        lpips_files("alex", features)
    except MissingWeights as error:
        return f"validation without LPIPS: {error}"
    return None


def _lpips(recipe: Recipe, features: Path | None, pairs: Sequence[ValidationPair]) -> Lpips | None:
    if not recipe.validation.lpips or min(min(pair.hr.shape[-2:]) for pair in pairs) < SMALLEST:
        return None
    try:
        return load_lpips(features)
    except MissingWeights:
        return None


def _validated(
    network: nn.Module, scale: int, pairs: Sequence[ValidationPair], lpips: Lpips | None
) -> Validation:
    device = next(network.parameters()).device
    model = _model(network)
    found: dict[str, list[float]] = {}
    images: dict[str, Tensor] = {}
    for index, pair in enumerate(pairs):
        hr = pair.hr.to(device)
        sr = model(pair.lr.to(device)).float().clamp(0, 1)
        values = {"psnr": psnr(sr, hr, border=scale), "ssim": ssim(sr, hr, border=scale)}
        if lpips is not None:
            values["lpips"] = lpips.to(device)(sr, hr)
        for name, value in values.items():
            found.setdefault(name, []).append(float(value))
        if index < _SHOWN:
            near = resize(pair.lr, (hr.shape[-2], hr.shape[-1])).clamp(0, 1)
            images[pair.name] = torch.cat([near[0], sr[0].cpu(), pair.hr[0]], dim=-1)
    means = {name: sum(values) / len(values) for name, values in found.items()}
    return Validation(means, images, frozenset({"lpips"}))


def _model(network: nn.Module) -> Callable[[Tensor], Tensor]:
    """The network as a function of images in [0, 1]. Networks that are not wildsr's are assumed to work in [0, 1]."""
    try:
        recognised = recognise(network.state_dict())
    except UnknownArchitecture:
        return network
    if ARCHITECTURES[recognised.architecture].training_only:
        raise RecipeError(f"{recognised.architecture} does not upscale, so there is nothing to validate")
    return Model(network, contract_of(network, recognised.architecture, recognised.sizes, "in training"))

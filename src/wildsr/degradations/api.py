"""``wildsr.degrade`` and ``wildsr.degrade_pair``: degradations of images in memory or of one file."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, overload

import numpy as np
import torch
from torch import Tensor

from wildsr.degradations.degradation import Degradation, DegradationError, Parameters, Sample
from wildsr.degradations.files import apply_sample, sample_parameters, traits_of
from wildsr.degradations.presets import preset
from wildsr.image import Canvas, LoadedImage, read, render
from wildsr.image.arrays import Array, from_array
from wildsr.storage.seeds import generator


class DegradedArray(NamedTuple):
    """A degraded array (h, w, 3), and the parameters that produce it again."""

    image: Array
    parameters: Parameters


class DegradedTensor(NamedTuple):
    """A degraded tensor (3, h, w) or (B, 3, h, w), and the parameters that produce it again: a list for a batch."""

    image: Tensor
    parameters: Parameters | list[Parameters]


@overload
def degrade(
    image: Tensor,
    degradation: str | Degradation = "bsrgan",
    *,
    scale: int = 4,
    seed: int | None = None,
    parameters: Parameters | Sequence[Parameters] | None = None,
) -> DegradedTensor: ...


@overload
def degrade(
    image: Array | str | os.PathLike[str],
    degradation: str | Degradation = "bsrgan",
    *,
    scale: int = 4,
    seed: int | None = None,
    parameters: Parameters | Sequence[Parameters] | None = None,
) -> DegradedArray: ...


def degrade(
    image: Array | Tensor | str | os.PathLike[str],
    degradation: str | Degradation = "bsrgan",
    *,
    scale: int = 4,
    seed: int | None = None,
    parameters: Parameters | Sequence[Parameters] | None = None,
) -> DegradedArray | DegradedTensor:
    """Degrade and downscale an image, with randomly sampled parameters.

    Args:
        image: an array (H, W), (H, W, 1), (H, W, 3) or, with alpha, (H, W, 4) of uint8, uint16 or floats in [0, 1];
            a tensor (3, H, W) or (B, 3, H, W) of floats in [0, 1]; or the path of a file.
        degradation: a name in :data:`wildsr.degradations.PRESETS`, or a degradation.
        scale: HR pixels for each LR pixel along a side; a given degradation has its own.
        seed: 0 or more, for reproducible parameters: those of a file depend on the seed and the file name, as in
            ``wildsr degrade``; those of an array or a tensor on the seed and the index in the batch. None: new
            parameters each time.
        parameters: result of an earlier call, to repeat it; one for each image of a batch.

    Returns:
        For a tensor a tensor on its device and of its type; for an array or a file an RGB array
        (H // scale, W // scale, 3) of its type, without alpha; and the parameters.

    Raises:
        ImageError: the file cannot be read.
        DegradationError: there is no such degradation, or the parameters do not fit it or the image.
        ValueError: unsupported shape or type of the image.
    """
    chosen = preset(degradation, scale) if isinstance(degradation, str) else degradation
    if seed is None:
        seed = int(np.random.default_rng().integers(2**63))
    if isinstance(image, Tensor):
        return _degraded_tensor(image, chosen, seed, parameters)
    if parameters is not None and not isinstance(parameters, dict):
        raise DegradationError("one image has one dictionary of parameters")
    if isinstance(image, np.ndarray):
        return _degraded_image(from_array(image), "", chosen, seed, parameters)
    return _degraded_image(read(image), Path(image).name, chosen, seed, parameters)


def degrade_pair(
    image: Array,
    scale: int = 4,
    lr_patch: int = 72,
    rng: np.random.Generator | None = None,
    *,
    degradation: str | Degradation = "bsrgan",
) -> tuple[Array, Array]:
    """A random pair of LR and HR training patches of one image, by BSRGAN's degradation (Zhang et al., 2021).

    The whole image is degraded; then a patch is cropped at random from the result, and the same area from the image, as
    ``degradation_bsrgan`` of the public code does.

    Args:
        image: (H, W, 3) RGB, uint8, or floats in [0, 1]; at least ``lr_patch * scale`` pixels on both sides.
        scale: HR pixels for each LR pixel along a side; a given degradation has its own.
        lr_patch: side of the LR patch in pixels.
        rng: source of randomness; None: a new, unpredictable one.
        degradation: a name in :data:`wildsr.degradations.PRESETS`, or a degradation.

    Returns:
        LR (lr_patch, lr_patch, 3) and HR (lr_patch * scale, lr_patch * scale, 3), of the type of ``image``.

    Raises:
        DegradationError: there is no such degradation, or the image is too small.
        ValueError: unsupported shape or type of the image.
    """
    floats = np.issubdtype(image.dtype, np.floating)
    if image.ndim != 3 or image.shape[2] != 3 or not (floats or image.dtype == np.uint8):
        raise ValueError(
            f"expected an array (H, W, 3) of uint8 or floats in [0, 1], got {image.dtype} {image.shape}"
        )
    chosen = preset(degradation, scale) if isinstance(degradation, str) else degradation
    scale, side = chosen.scale, lr_patch * chosen.scale
    if lr_patch < 1 or min(image.shape[:2]) < side:
        raise DegradationError(
            f"an LR patch of {lr_patch} pixels at scale {scale} needs an image of at least {side} pixels on both "
            f"sides, not {image.shape[1]}x{image.shape[0]}"
        )
    rng = rng if rng is not None else np.random.default_rng()
    height, width = (length - length % scale for length in image.shape[:2])
    hr = image[:height, :width]
    levels = torch.from_numpy(np.ascontiguousarray(hr, np.float32)).permute(2, 0, 1)[None]
    images = levels.clamp(0, 1) if floats else levels / 255
    lr = chosen.apply(images, [chosen.sample(rng, (height, width))])[0].clamp(0, 1)
    top, left = (int(rng.integers(length - lr_patch + 1)) for length in lr.shape[-2:])
    patch = lr[:, top : top + lr_patch, left : left + lr_patch].permute(1, 2, 0).numpy()
    small = patch if floats else np.rint(patch * 255)
    corner = (top * scale, left * scale)
    return (
        small.astype(image.dtype),
        hr[corner[0] : corner[0] + side, corner[1] : corner[1] + side].copy(),
    )


def _degraded_image(
    image: LoadedImage, name: str, degradation: Degradation, seed: int, parameters: Parameters | None
) -> DegradedArray:
    hr = image.rgb.clamp(0, 1)
    sample = _sample(degradation, seed, hr, name, 0, parameters)
    lr = apply_sample(degradation, sample, hr)
    kept, _ = traits_of(image, lr, lower=False)
    with Canvas(lr.shape[-2], lr.shape[-1], kept) as canvas:
        canvas.paste(0, 0, lr)
        return DegradedArray(render(canvas), sample.parameters)


def _degraded_tensor(
    images: Tensor,
    degradation: Degradation,
    seed: int,
    parameters: Parameters | Sequence[Parameters] | None,
) -> DegradedTensor:
    if images.ndim not in (3, 4) or images.shape[-3] != 3 or not images.is_floating_point():
        raise ValueError(
            "expected a floating-point tensor (3, H, W) or (B, 3, H, W) in [0, 1], "
            f"got {images.dtype} {tuple(images.shape)}"
        )
    batch = images.reshape(-1, *images.shape[-3:]).float().clamp(0, 1)
    known = [parameters] if isinstance(parameters, dict) else parameters
    given: Sequence[Parameters | None] = [None] * len(batch) if known is None else known
    if len(given) != len(batch):
        raise DegradationError(f"{len(batch)} images but {len(given)} sets of parameters")
    sampled = [
        _sample(degradation, seed, one, "", index, own).parameters
        for index, (one, own) in enumerate(zip(torch.split(batch, 1), given, strict=True))
    ]
    lr = degradation.apply(batch, sampled).to(images.dtype)
    if images.ndim == 3:
        return DegradedTensor(lr[0], sampled[0])
    return DegradedTensor(lr, sampled)


def _sample(
    degradation: Degradation, seed: int, hr: Tensor, name: str, index: int, known: Parameters | None
) -> Sample:
    if known is not None:
        return Sample(name, (hr.shape[-2], hr.shape[-1]), known)
    return sample_parameters(degradation, generator(seed, name, index), hr, name)

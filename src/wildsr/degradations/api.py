"""``wildsr.degrade``: what ``wildsr degrade`` does, for one image."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from wildsr.degradations.degradation import Degradation, DegradationError, Parameters, Sample
from wildsr.degradations.files import again, draw, traits_of
from wildsr.degradations.presets import preset
from wildsr.image import Canvas, LoadedImage, read, render
from wildsr.image.arrays import Array, from_array
from wildsr.storage.seeds import generator


class Degraded(NamedTuple):
    """A degraded image, of the kind that was given, and the parameters, a list for a batch, that do it again."""

    image: Any
    parameters: Any


def degrade(
    image: Array | Tensor | str | os.PathLike[str],
    degradation: str | Degradation = "bsrgan",
    *,
    scale: int = 4,
    seed: int = 0,
    parameters: Parameters | Sequence[Parameters] | None = None,
) -> Degraded:
    """Make an image smaller and worse, as cameras and the web do.

    Args:
        image: an array (H, W), (H, W, 1), (H, W, 3) or, with alpha, (H, W, 4) of uint8, uint16 or floats in [0, 1];
            a tensor (3, H, W) or (B, 3, H, W) of floats in [0, 1]; or the path of a file.
        degradation: a name in :mod:`wildsr.degradations.presets`, or a degradation.
        scale: HR pixels for each LR pixel along a side; a degradation that is given has its own.
        seed: what is drawn follows from it, and for a file from its name as well, as in ``wildsr degrade``; for an
            array or a tensor from the place in the batch.
        parameters: to do again what an earlier call returned; one for each image of a batch.

    Returns:
        a tensor for a tensor, on its device and of its type; for an array or a file an array (H // scale, W // scale,
        3) of its type, in colour and without alpha; and the parameters.

    Raises:
        ImageError: the file cannot be read.
        DegradationError: there is no such degradation, or the parameters do not fit it or the image.
        ValueError: the shape or type of the image makes no sense.
    """
    chosen = preset(degradation, scale) if isinstance(degradation, str) else degradation
    if isinstance(image, Tensor):
        return _tensor(image, chosen, seed, parameters)
    if parameters is not None and not isinstance(parameters, dict):
        raise DegradationError("one image has one dictionary of parameters")
    if isinstance(image, np.ndarray):
        return _image(from_array(image), "", chosen, seed, parameters)
    return _image(read(image), Path(image).name, chosen, seed, parameters)


def _image(
    image: LoadedImage, name: str, degradation: Degradation, seed: int, parameters: Parameters | None
) -> Degraded:
    hr = image.rgb.clamp(0, 1)
    sample = _sample(degradation, seed, hr, name, 0, parameters)
    lr = again(degradation, sample, hr)
    kept, _ = traits_of(image, lr, lower=False)
    with Canvas(lr.shape[-2], lr.shape[-1], kept) as canvas:
        canvas.paste(0, 0, lr)
        return Degraded(render(canvas), sample.parameters)


def _tensor(
    images: Tensor,
    degradation: Degradation,
    seed: int,
    parameters: Parameters | Sequence[Parameters] | None,
) -> Degraded:
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
    samples = [
        _sample(degradation, seed, one, "", index, own)
        for index, (one, own) in enumerate(zip(torch.split(batch, 1), given, strict=True))
    ]
    drawn = [sample.parameters for sample in samples]
    lr = degradation.apply(batch, drawn).to(images.dtype)
    if images.ndim == 3:
        return Degraded(lr[0], drawn[0])
    return Degraded(lr, drawn)


def _sample(
    degradation: Degradation, seed: int, hr: Tensor, name: str, index: int, known: Parameters | None
) -> Sample:
    if known is not None:
        return Sample(name, (hr.shape[-2], hr.shape[-1]), known)
    return draw(degradation, generator(seed, name, index), hr, name)

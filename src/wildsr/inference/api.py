"""``wildsr.upscale``: the library call that is as good as the command."""

import os
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from wildsr.image import LoadedImage, Size, read, render
from wildsr.image.arrays import from_array
from wildsr.inference.engine import Precision
from wildsr.inference.files import Saving, check, compute, save, traits_for
from wildsr.inference.sizing import Fit, Wanted, passes
from wildsr.inference.upscaler import OnTile, Upscaler
from wildsr.ops.resize import resize
from wildsr.zoo.load import load
from wildsr.zoo.model import Model

Array = np.ndarray[Any, Any]


def upscale(
    image: Array | Tensor | str | os.PathLike[str],
    model: str | Path | Model = "default",
    *,
    output: str | os.PathLike[str] | None = None,
    format: str | None = None,
    quality: int | None = None,
    scale: float | None = None,
    width: int | None = None,
    height: int | None = None,
    fit: Fit = "inside",
    megapixels: float | None = None,
    ensemble: bool = False,
    back_projection: float = 0.0,
    strength: float = 1.0,
    toward: str | Path | Model | None = None,
    tile: int | None = None,
    overlap: int | None = None,
    device: str = "auto",
    precision: Precision = "auto",
    on_tile: OnTile | None = None,
) -> Any:
    """Upscale one image; what comes back is of the kind that was given: an array, a tensor, or a path.

    Args:
        image: an array (H, W), (H, W, 1), (H, W, 3) or, with alpha, (H, W, 4) of uint8, uint16 or floats in [0, 1];
            a tensor (3, H, W) or (B, 3, H, W) of floats in [0, 1]; or the path of a file.
        model: a name, a file, or a model that :func:`wildsr.load` returned.
        output: for a path: the file to write, replacing an older one, with metadata and profile as in
            ``wildsr upscale``. None: return the samples as an array.
        format, quality: of ``output``; by its suffix and at the format's default if not given.
        scale, width, height, fit, megapixels: the size wanted, see :class:`wildsr.inference.sizing.Wanted`; the
            model's own scale by default.
        toward: what a ``strength`` below 1 blends toward, a model of the same architecture; None: a plain resize.
        ensemble, back_projection, strength, tile, overlap, device, precision: see :class:`wildsr.Upscaler`.
        on_tile: called with (tiles done, tiles in all).

    Raises:
        ImageError: the file cannot be read or written.
        ModelError: there is no such model, or it cannot be blended with ``toward``.
        UpscaleError: not enough memory, or a damaged model.
        ValueError: an option or the shape of the image makes no sense.
    """
    wanted = Wanted(scale, width, height, fit, megapixels)
    upscaler = Upscaler(
        _loaded(model),
        device=device,
        precision=precision,
        tile=tile,
        overlap=overlap,
        ensemble=ensemble,
        back_projection=back_projection,
        strength=strength,
        toward=None if toward is None else _loaded(toward),
    )
    if isinstance(image, Tensor):
        return _tensor(image, upscaler, wanted, on_tile)
    if isinstance(image, np.ndarray):
        result = _array(from_array(image), upscaler, wanted, on_tile)
        return result[..., 0] if image.ndim == 2 else result
    source = read(image)
    if output is None:
        return _array(source, upscaler, wanted, on_tile)
    path, saving = Path(output), Saving(format, quality)
    target = check(path, source, upscaler, wanted, saving)
    save(path, compute(source, upscaler, target, traits_for(path, source, saving), on_tile), saving)
    return path


def _loaded(model: str | Path | Model) -> Model:
    return model if isinstance(model, Model) else load(model)


def _tensor(images: Tensor, upscaler: Upscaler, wanted: Wanted, on_tile: OnTile | None) -> Tensor:
    if images.ndim not in (3, 4) or images.shape[-3] != 3 or not images.is_floating_point():
        raise ValueError(
            "expected a floating-point tensor (3, H, W) or (B, 3, H, W) in [0, 1], "
            f"got {images.dtype} {tuple(images.shape)}"
        )
    batch = images.reshape(-1, *images.shape[-3:])
    source = Size(batch.shape[-1], batch.shape[-2])
    target = wanted.resolve(source, upscaler.scale)
    for size in [*passes(source, target.size, upscaler.scale)[1:], target.size]:
        batch = upscaler(batch, on_tile)
        if batch.shape[-2:] != (size.height, size.width):
            batch = resize(batch, (size.height, size.width)).clamp(0, 1)
    if target.crop is not None:
        top, left = (
            (target.size.height - target.crop.height) // 2,
            (target.size.width - target.crop.width) // 2,
        )
        batch = batch[..., top : top + target.crop.height, left : left + target.crop.width]
    return batch.reshape(*images.shape[:-2], *batch.shape[-2:]).to(images)


def _array(image: LoadedImage, upscaler: Upscaler, wanted: Wanted, on_tile: OnTile | None) -> Array:
    target = wanted.resolve(image.size, upscaler.scale)
    painted = compute(image, upscaler, target, image.traits, on_tile)
    with painted.canvas as canvas:
        return render(canvas, alpha=painted.alpha, size=target.size, crop=target.crop)

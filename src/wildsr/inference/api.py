"""``wildsr.upscale``: upscales one array, tensor or file with the options of the command."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from wildsr.image import LoadedImage, Traits, read, render
from wildsr.image.arrays import from_array
from wildsr.inference.engine import Precision
from wildsr.inference.files import SaveOptions, check, compute, save, traits_for
from wildsr.inference.sizing import Fit, OutputSize
from wildsr.inference.upscaler import OnTile, Upscaler
from wildsr.zoo.load import load
from wildsr.zoo.model import Model

if TYPE_CHECKING:
    from torch import Tensor

Array = np.ndarray[Any, Any]
_FLOAT = Traits(depth="float")


@overload
def upscale(
    image: "Tensor",
    model: str | Path | Model = "default",
    *,
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
) -> "Tensor": ...


@overload
def upscale(
    image: Array,
    model: str | Path | Model = "default",
    *,
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
) -> Array: ...


@overload
def upscale(
    image: str | os.PathLike[str],
    model: str | Path | Model = "default",
    *,
    output: None = None,
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
) -> Array: ...


@overload
def upscale(
    image: str | os.PathLike[str],
    model: str | Path | Model = "default",
    *,
    output: str | os.PathLike[str],
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
) -> Path: ...


def upscale(
    image: "Array | Tensor | str | os.PathLike[str]",
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
) -> "Tensor | Array | Path":
    """Upscale one image: a tensor to a tensor, an array to an array, a file to an array or to another file.

    Args:
        image: an array (H, W), (H, W, 1), (H, W, 3) or, with alpha, (H, W, 4) of uint8, uint16 or floats in [0, 1];
            a tensor (3, H, W) or (B, 3, H, W) of floats in [0, 1]; or the path of a file.
        model: a name, a file, or a model that :func:`wildsr.load` returned.
        output: for a path: the file to write, replacing an older one, with metadata and profile as in
            ``wildsr upscale``. None: return the samples as an array.
        format, quality: of ``output``; by its suffix and at the format's default if not given.
        scale, width, height, fit, megapixels: the size of the result, see :class:`wildsr.inference.OutputSize`; by
            default the model's scale.
        toward: what a ``strength`` below 1 blends toward, a model of the same architecture; None: a plain resize.
        ensemble, back_projection, strength, tile, overlap, device, precision: see :class:`wildsr.Upscaler`.
        on_tile: called after each tile with (tiles done, tiles in all); an exception that it raises is passed on.

    Returns:
        for a tensor, a tensor of its type, shape (..., 3, height, width), in [0, 1]; for an array or the path of a
        file, an array of the type of its samples and with its channels; with ``output``, the path that was written.

    Raises:
        ImageError: the file cannot be read or written.
        ModelError: there is no such model, or it cannot be blended with ``toward``.
        UpscaleError: not enough memory, or a damaged model.
        ValueError: an option is out of range, or the shape or type of the image is not one of these.
    """
    if output is not None and not isinstance(image, (str, os.PathLike)):
        raise ValueError("output is for files; for an array or a tensor, save what upscale returns")
    wanted = OutputSize(scale, width, height, fit, megapixels)
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
    if isinstance(image, np.ndarray):
        result = _rendered(from_array(image), upscaler, wanted, on_tile)
        return result[..., 0] if image.ndim == 2 else result
    if not isinstance(image, (str, os.PathLike)):
        return _tensor(image, upscaler, wanted, on_tile)
    source = read(image)
    if output is None:
        return _rendered(source, upscaler, wanted, on_tile)
    path, saving = Path(output), SaveOptions(format, quality)
    target = check(path, source, upscaler, wanted, saving)
    save(path, compute(source, upscaler, target, traits_for(path, source, saving), on_tile), saving)
    return path


def _loaded(model: str | Path | Model) -> Model:
    return model if isinstance(model, Model) else load(model)


def _tensor(images: "Tensor", upscaler: Upscaler, wanted: OutputSize, on_tile: OnTile | None) -> "Tensor":
    import torch

    if images.ndim not in (3, 4) or images.shape[-3] != 3 or not images.is_floating_point():
        raise ValueError(
            "expected a floating-point tensor (3, H, W) or (B, 3, H, W) in [0, 1], "
            f"got {images.dtype} {tuple(images.shape)}"
        )
    batch = images.detach().float().cpu().reshape(-1, *images.shape[-3:])
    results = [
        _rendered(LoadedImage.from_tensor(one[None], None, _FLOAT), upscaler, wanted, on_tile, False)
        for one in batch
    ]
    result = torch.from_numpy(np.stack(results)).permute(0, 3, 1, 2).clamp(0, 1)
    return result.reshape(*images.shape[:-2], *result.shape[-2:]).to(images)


def _rendered(
    image: LoadedImage,
    upscaler: Upscaler,
    wanted: OutputSize,
    on_tile: OnTile | None,
    deep: bool | None = None,
) -> Array:
    """The upscaled samples (height, width, channels) in the type and with the profile of ``image``."""
    target = wanted.resolve(image.size, upscaler.scale)
    painted = compute(image, upscaler, target, image.traits, on_tile, deep)
    with painted.canvas as canvas:
        return render(canvas, alpha=painted.alpha, size=target.size, crop=target.crop)

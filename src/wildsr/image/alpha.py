"""Transparency: plausible colours in transparent areas, and resizing of the alpha channel."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pyvips

from wildsr.image.formats import Size
from wildsr.image.libvips import from_array
from wildsr.image.loaded import Array, as_array, planes

if TYPE_CHECKING:
    import torch


def bled(samples: Array, opacity: Array) -> Array:
    """:func:`bleed` for samples (H, W, 1 or 3) of any type and opacity (H, W); float32 where it changes anything."""
    if opacity.min() > 0 or opacity.max() <= 0:
        return samples
    import torch

    rgb, alpha = (torch.from_numpy(part) for part in (planes(samples), opacity[None, None]))
    filled: Array = bleed(rgb, alpha)[0, : samples.shape[2]].permute(1, 2, 0).numpy()
    return filled


def bleed(rgb: "torch.Tensor", alpha: "torch.Tensor") -> "torch.Tensor":
    """Extend the colours of visible pixels into the fully transparent area, by a push-pull pyramid.

    Colours at alpha 0 are arbitrary, often black; a network would spread them across the visible edge as a
    halo. Pixels with alpha above 0 keep their colour exactly.

    Args:
        rgb: (1, 3, H, W) float.
        alpha: (1, 1, H, W) float in [0, 1].

    Returns:
        (1, 3, H, W); ``rgb`` itself where nothing, or everything, is fully transparent.
    """
    import torch

    hidden = alpha <= 0
    if not bool(hidden.any()) or bool(hidden.all()):
        return rgb
    return torch.where(hidden, _filled(rgb * alpha, alpha), rgb)


def _filled(weighted: "torch.Tensor", weight: "torch.Tensor") -> "torch.Tensor":
    """``weighted / weight`` where there is weight; elsewhere the next coarser level, interpolated."""
    import torch
    from torch.nn import functional

    own = weighted / weight.clamp_min(1e-12)
    if bool((weight > 0).all()):
        return own
    height, width = weight.shape[-2:]
    pad = (0, width % 2, 0, height % 2)
    coarse = _filled(
        functional.avg_pool2d(functional.pad(weighted, pad), 2),
        functional.avg_pool2d(functional.pad(weight, pad), 2),
    )
    doubled = (height + height % 2, width + width % 2)
    fine = functional.interpolate(coarse, size=doubled, mode="bilinear", align_corners=False)
    return torch.where(weight > 0, own, fine[..., :height, :width])


def enlarged(alpha: "torch.Tensor | Array", size: Size, depth: str) -> Any:
    """Alpha at the size of the output, as a streaming libvips image of one band (Catmull-Rom, clamped).

    Args:
        alpha: (1, 1, h, w) or (h, w) float in [0, 1], at any resolution.
        size: of the output.
        depth: ``uint8``, ``uint16`` or ``float``; full opacity is 255, 65535 or 1.
    """
    top = {"uint8": 255.0, "uint16": 65535.0, "float": 1.0}[depth]
    plane = np.clip(as_array(alpha).reshape(alpha.shape[-2:]), 0, 1) * np.float32(top)
    if depth != "float":
        plane = np.rint(plane)
    image = resized(from_array(np.ascontiguousarray(plane)[:, :, None], "b-w"), size, "cubic")
    if depth == "float":
        # Interpolation rounds and overshoots, but viewers may test whether alpha equals 1 exactly.
        return image.clamp(min=float(plane.min()), max=float(plane.max())).cast("float")
    return image.rint().cast("uchar" if depth == "uint8" else "ushort")


def resized(image: Any, size: Size, kernel: str) -> Any:
    """Resize a libvips image to exactly ``size``, streaming, in its own sample type.

    Args:
        image: of any sample type.
        size: of the result.
        kernel: for an axis that is downscaled; an upscaled one is interpolated by Catmull-Rom.
    """
    if (image.width, image.height) == size:
        return image
    # In integers libvips loses up to 0.1% to short coefficients, and clips the overshoot between the two passes.
    kind = image.format
    image = image.cast("float")
    across, down = size.width / image.width, size.height / image.height
    if min(across, down) < 1:
        image = image.resize(min(across, 1.0), vscale=min(down, 1.0), kernel=kernel)
    if (image.width, image.height) != size:
        # Not resize, which shifts an enlarged image by half an output pixel (libvips 8.18).
        across, down = size.width / image.width, size.height / image.height
        image = image.affine(
            [across, 0, 0, down],
            interpolate=pyvips.Interpolate.new("bicubic"),
            odx=(across - 1) / 2,
            ody=(down - 1) / 2,
            oarea=[0, 0, size.width, size.height],
            extend="copy",
        )
    return image if kind in ("float", "double") else image.rint().cast(kind)

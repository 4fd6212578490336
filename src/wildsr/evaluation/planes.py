"""Input checks of metrics, and conversion to planes of 8-bit levels, in strips of rows."""

from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor

from wildsr.ops.color import luma

Channels = Literal["rgb", "y"]
Rounding = Literal["none", "rgb", "rgb+y"]
_RGB2GRAY = (0.298936021293775, 0.587043074451121, 0.114020904255103)


def check_images(name: str, images: Tensor, border: int = 0, least: int = 1) -> Tensor:
    """``images`` (B, 3, H, W), cropped by ``border`` pixels on each side.

    Raises:
        ValueError: not a batch of RGB images of floating point or uint8, a negative border, or a side below
            ``least`` pixels after cropping.
    """
    shape = tuple(images.shape)
    if len(shape) != 4 or shape[1] != 3:
        raise ValueError(f"{name} must be RGB images of shape (B, 3, H, W), not {shape}")
    if not images.is_floating_point() and images.dtype != torch.uint8:
        raise ValueError(
            f"{name} must be floating point in [0, 1] or levels as uint8, not {images.dtype}; divide by 255 first"
        )
    if border < 0:
        raise ValueError(f"the border must be 0 or more pixels, not {border}")
    if min(shape[2:]) - 2 * border < least:
        without = f" without a border of {border}" if border else ""
        raise ValueError(
            f"{name} of {shape[3]}x{shape[2]} pixels{without}: too small, this metric needs {least}x{least}"
        )
    inner = slice(border, -border or None)
    return images[..., inner, inner]


def check_pair(result: Tensor, truth: Tensor, border: int = 0, least: int = 1) -> tuple[Tensor, Tensor]:
    """Crop both by the border; raises ``ValueError`` like :func:`check_images`, and for different shapes."""
    if result.shape != truth.shape:
        raise ValueError(
            f"the images have different shapes: {tuple(result.shape)} and {tuple(truth.shape)}; "
            "a result and its reference must have the same size"
        )
    result = check_images("the result", result, border, least)
    return result, check_images("the truth", truth, border, least)


def planes(images: Tensor, channels: Channels = "rgb", rounding: Rounding = "rgb") -> Tensor:
    """RGB (B, 3, H, W) in [0, 1] as float64 levels: (B, 3, H, W) of 0 to 255, or Y (B, 1, H, W) of 16 to 235.

    uint8 images hold levels already, in a quarter of the memory.

    ``rounding`` "rgb" clamps and rounds the image to 8 bits, as when saved; "rgb+y" then rounds Y to
    whole levels too, as rgb2ycbcr of MATLAB and KAIR does with 8-bit images; "none" takes the values as they are.
    """
    if images.dtype == torch.uint8:
        levels = images.double()
    elif rounding == "none":
        levels = images.double() * 255
    else:
        levels = (images.float() * 255).clamp(0, 255).round().double()
    if channels == "rgb":
        return levels
    y = luma(levels / 255) * 255
    return y.round() if rounding == "rgb+y" else y


def matlab_grey(images: Tensor) -> Tensor:
    """Grey (B, H, W) of MATLAB's rgb2gray, rounded to levels, as uint8 to save memory, of RGB (B, 3, H, W)."""
    parts = []
    for rows in strips(images.shape[2], 3 * len(images) * images.shape[3]):
        red, green, blue = planes(images[:, :, rows]).unbind(1)
        # MATLAB rounds halves up.
        grey = red * _RGB2GRAY[0] + green * _RGB2GRAY[1] + blue * _RGB2GRAY[2]
        parts.append((grey + 0.5).floor().clamp_(0, 255).to(torch.uint8))
    return torch.cat(parts, dim=1)


def strips(height: int, row: int, pixels: int = 1 << 20, multiple: int = 1) -> Iterator[slice]:
    """Rows 0 to ``height`` in strips of about ``pixels`` values, ``row`` to a row; in multiples of ``multiple`` rows.

    The size balances cache use of one core against synchronisation of threads.
    """
    rows = max(pixels // (row * multiple), 1) * multiple
    for top in range(0, height, rows):
        yield slice(top, min(top + rows, height))


def filtered(maps: Tensor, taps: Tensor) -> Tensor:
    """``maps`` (..., H, W) under the separable symmetric window ``taps`` ⊗ ``taps`` at valid positions."""
    for dimension in (-2, -1):
        length = maps.shape[dimension] - len(taps) + 1
        total = maps.narrow(dimension, 0, length) * taps[0]
        for offset, tap in enumerate(taps[1:].tolist(), start=1):
            total.add_(maps.narrow(dimension, offset, length), alpha=tap)
        maps = total
    return maps

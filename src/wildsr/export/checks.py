"""Checks of exported models: another program's results against those of the Model, and seams between tiles."""

import math
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wildsr.zoo.errors import ModelError
from wildsr.zoo.model import Model
from wildsr.zoo.unit_range import pad_to_multiple

LEAST_DB = 50.0
"""Lowest accepted PSNR to the model's results, in dB: a difference of about one level of 8 bits."""
LARGEST_FLOAT16 = 65504.0
Run = Callable[[Tensor], Tensor]


def probe_image(height: int, width: int, grey: bool = False) -> Tensor:
    """An image (1, 3, H, W) in [0, 1] with shading, edges and noise; the same in all channels if ``grey``."""
    drawn = torch.Generator().manual_seed(0)
    coarse = torch.rand(1, 3, 4, 6, generator=drawn)
    shading = F.interpolate(coarse, size=(height, width), mode="bilinear")
    rows, columns = torch.arange(height)[:, None], torch.arange(width)[None]
    edges = 0.25 * ((rows // 11 + columns // 17) % 2)
    image = (0.75 * shading + edges + 0.03 * torch.randn(shading.shape, generator=drawn)).clamp(0, 1)
    return image[:, :1].expand(-1, 3, -1, -1).contiguous() if grey else image


def psnr(found: Tensor, expected: Tensor) -> float:
    """PSNR in dB over all values; the peak is 1, or the largest value of ``expected`` if that is larger.

    -inf for another shape, or for values that are not finite; inf for equal values.
    """
    if found.shape != expected.shape or not bool(torch.isfinite(found).all()):
        return -math.inf
    error = float((found.double() - expected.double()).square().mean())
    peak = max(1.0, float(expected.abs().max()))
    return math.inf if error == 0 else 10 * math.log10(peak**2 / error)


def compare(
    model: Model, run: Run, sizes: tuple[tuple[int, int], ...], where: str, clamps: bool = False
) -> Iterator[str]:
    """Compare ``run`` with the model on images of these sizes (height, width), and on a grey one; a line for each.

    ``clamps`` says that ``run`` clamps its results to [0, 1].

    Raises:
        ModelError: below :data:`LEAST_DB`.
    """
    for index, (height, width) in enumerate((*sizes, sizes[0])):
        grey = index == len(sizes)
        image = probe_image(height, width, grey)
        with torch.inference_mode():
            expected = model(image)
            level = psnr(run(image), expected.clamp(0, 1) if clamps else expected)
        what = f"{width}x{height}{', grey' if grey else ''}"
        if not level >= LEAST_DB:
            raise ModelError(
                f"{model.contract.name} gives a different result in {where} ({what}: {level:.1f} dB to PyTorch, "
                f"at least {LEAST_DB:.0f} are needed); nothing was written"
            )
        yield f"{where}, {what}: {level:.1f} dB to PyTorch"


def tiled(run: Run, image: Tensor, tile: int, border: int, scale: int) -> Tensor:
    """Upscale (1, 3, H, W) in tiles of ``tile`` pixels with ``border`` pixels around, as Upscayl does.

    The image is continued at its borders by repeating its edge, so that every tile has its border on all sides.
    """
    height, width = image.shape[-2:]
    padded = F.pad(image, (border,) * 4, mode="replicate")
    rows = []
    for top in range(0, height, tile):
        row = []
        for left in range(0, width, tile):
            tall, wide = min(tile, height - top), min(tile, width - left)
            part = padded[..., top : top + tall + 2 * border, left : left + wide + 2 * border]
            core = run(part.contiguous())[..., border * scale :, border * scale :]
            row.append(core[..., : tall * scale, : wide * scale])
        rows.append(torch.cat(row, -1))
    return torch.cat(rows, -2)


def seam_levels(found: Tensor, whole: Tensor, tile: int) -> tuple[float, float]:
    """How visible the seams of tiles of ``tile`` pixels are: mean and largest step across them, in 8-bit levels.

    A step is the change, across a seam, of the difference to ``whole``, which was computed without tiles: zero where
    both sides have the same error.
    """
    error = found.clamp(0, 1) - whole.clamp(0, 1)
    height, width = error.shape[-2:]
    across = [(error[..., y, :] - error[..., y - 1, :]).abs().flatten() for y in range(tile, height, tile)]
    across += [(error[..., x] - error[..., x - 1]).abs().flatten() for x in range(tile, width, tile)]
    steps = 255 * torch.cat(across) if across else torch.zeros(1)
    return float(steps.mean()), float(steps.max())


def largest_activation(model: Model) -> float:
    """The largest absolute value that a layer of the network computes for images with noise, black, and white.

    Programs that compute in float16 show a black or grey image where it is above :data:`LARGEST_FLOAT16`.
    """
    largest = 0.0

    def look(_module: nn.Module, _given: object, made: object) -> None:
        nonlocal largest
        if isinstance(made, Tensor):
            largest = max(largest, float(made.abs().max()))

    leaves = [module for module in model.network.modules() if not list(module.children())]
    hooks = [module.register_forward_hook(look) for module in leaves]
    # One image at a time, with strong contrast, since activations grow with it.
    noise = torch.rand(1, 3, 48, 48, generator=torch.Generator().manual_seed(1)).round()
    try:
        with torch.inference_mode():
            for image in (probe_image(48, 48), noise, torch.zeros(1, 3, 48, 48), torch.ones(1, 3, 48, 48)):
                model.unit_range(pad_to_multiple(image, model.contract.size_multiple))
    finally:
        for hook in hooks:
            hook.remove()
    return largest

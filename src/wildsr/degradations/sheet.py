"""Contact sheets: many samples of a degradation of one image."""

import time
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor

from wildsr.degradations.degradation import Degradation, Parameters, Sample
from wildsr.degradations.files import DegradeSettings, apply_sample, sample_parameters, save
from wildsr.image import Size, Traits, read
from wildsr.image.formats import output_format
from wildsr.image.sheet import contact_sheet
from wildsr.storage.locations import Location
from wildsr.storage.seeds import generator

COLUMNS = 4
SIDE = 288
"""Largest side of the crop that is shown, in HR pixels."""
LEAST = 128
"""Smaller crops are magnified, so that labels are readable."""


def sample_sheet(
    hr: Tensor, name: str, degradation: Degradation, seed: int, count: int
) -> tuple[Tensor, list[Sample]]:
    """The central crop of (1, 3, H, W) and ``count`` degradations of it, upscaled by repeating pixels.

    Returns:
        the sheet, (1, 3, height, width), and the samples in their order, named NAME#1, NAME#2 and so on.

    Raises:
        DegradationError: the image is smaller than the scale.
    """
    crop = _middle(hr, max(SIDE - SIDE % degradation.scale, degradation.scale))
    zoom = -(-LEAST // crop.shape[-1])
    images, labels, samples = [_enlarged(crop, zoom)], [f"{name}, original"], []
    for index in range(1, count + 1):
        sample = sample_parameters(degradation, generator(seed, name, index), crop, f"{name}#{index}")
        lr = apply_sample(degradation, sample, crop)
        images.append(_enlarged(lr, zoom * degradation.scale))
        labels.append(f"{index}: {described(sample.parameters)}")
        samples.append(sample)
    return contact_sheet(images, labels, COLUMNS), samples


class Sheet(NamedTuple):
    """A written sheet: its samples, size (width, height) and the time in seconds."""

    samples: list[Sample]
    size: Size
    seconds: float


def degrade_to_sheet(
    source: Location, target: Location, name: str, settings: DegradeSettings, count: int
) -> Sheet:
    """Write :func:`sample_sheet` of the image ``source`` to ``target``.

    Raises:
        ImageError: the image cannot be read, or the sheet cannot be written.
        DegradationError: the image is too small.
    """
    began = time.monotonic()
    output_format(target, settings.format)
    degradation = settings.find(settings.preset, settings.scale)
    sheet, samples = sample_sheet(read(source).rgb.clamp(0, 1), name, degradation, settings.seed, count)
    save(target, sheet, Traits(), settings)
    return Sheet(samples, Size(sheet.shape[-1], sheet.shape[-2]), round(time.monotonic() - began, 3))


def described(parameters: Parameters) -> str:
    """The parameters of a program, short enough for a label; empty for other parameters."""
    steps = parameters.get("steps", [])
    return ", ".join(_word(step) for step in steps if isinstance(step, dict))


def _word(step: Parameters) -> str:
    name = str(step.get("step", "?"))
    if name == "blur":
        sigmas = sorted({round(float(step[key]), 1) for key in ("sigma_x", "sigma_y")}, reverse=True)
        return f"blur {'/'.join(map(str, sigmas))}"
    if name == "subsample":
        return f"blur {step['sigma']:.1f} 1/{step['every']}"
    if name == "resize":
        return f"{step['method'].replace('coverage', 'area')} {step['size'][1]}x{step['size'][0]}"
    if name in ("gaussian_noise", "speckle_noise"):
        kind = step.get("channels", "colour")
        return f"{name.removesuffix('_noise').replace('gaussian', 'noise')} {step['level']:g} {kind}"
    if name == "poisson_noise":
        return f"photons {step['photons']:.0f}"
    if name in ("jpeg", "differentiable_jpeg", "webp"):
        return f"{'webp' if name == 'webp' else 'jpeg'} {step['quality']:.0f}"
    return name.replace("_", " ")


def _enlarged(image: Tensor, times: int) -> Tensor:
    return F.interpolate(image, scale_factor=times, mode="nearest")[0]


def _middle(hr: Tensor, side: int) -> Tensor:
    height, width = (min(size, side) for size in hr.shape[-2:])
    top, left = (hr.shape[-2] - height) // 2, (hr.shape[-1] - width) // 2
    return hr[..., top : top + height, left : left + width].contiguous()

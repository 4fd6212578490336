"""Steerable pyramid: an image as frequency bands of several orientations (Simoncelli and Freeman, 1995).

The real pyramid of matlabPyrTools (buildSFpyr), with its tables of 256 and 1024 steps for the filters.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

_RADIAL_STEPS = 256
_ANGULAR_STEPS = 1024


@dataclass(frozen=True)
class Pyramid:
    """The bands of an image (H, W), all real.

    Attributes:
        high: the highest frequencies (H, W).
        bands: by level, from fine to coarse, and orientation; those of level n have (ceil(H / 2^n), ceil(W / 2^n)).
        low: the lowest frequencies.
    """

    high: Tensor
    bands: tuple[tuple[Tensor, ...], ...]
    low: Tensor


@dataclass(frozen=True)
class _Table:
    """A function at ``first``, ``first + step`` ...; linear between, constant beyond."""

    first: float
    step: float
    values: Tensor

    def __call__(self, x: Tensor, shift: float = 0.0) -> Tensor:
        """The function at ``x``, shifted to the right by ``shift``."""
        place = ((x - self.first - shift) / self.step).clamp(0, len(self.values) - 1)
        below = place.floor().long().clamp_max(len(self.values) - 2)
        values = self.values.to(x.device)
        return torch.lerp(values[below], values[below + 1], place - below)


def steerable_pyramid(image: Tensor, levels: int, orientations: int) -> Pyramid:
    """The steerable pyramid of (H, W), float64.

    Raises:
        ValueError: for an image too small for the levels.
    """
    height, width = image.shape
    if min(height, width) < 2 ** (levels + 2):
        raise ValueError(f"an image of {width}x{height} pixels is too small for {levels} levels of a pyramid")
    down, across = (
        ((torch.arange(side, dtype=torch.float64, device=image.device) - side // 2) / (side / 2))
        for side in (height, width)
    )
    angle = torch.atan2(down[:, None], across[None])
    radius = torch.hypot(down[:, None], across[None])
    radius[height // 2, width // 2] = radius[height // 2, width // 2 - 1]
    octave = radius.log2()
    rise, fall = _transition()
    spectrum = torch.fft.fftshift(torch.fft.fft2(image.double()))
    high = _image(spectrum * rise(octave))
    low = spectrum * fall(octave)
    bands = []
    for level in range(1, levels + 1):
        ring = low * rise(octave, -level)
        bands.append(tuple(_image(ring * mask) for mask in _fans(angle, orientations)))
        rows, columns = (_inner(side) for side in low.shape)
        low, octave, angle = low[rows, columns], octave[rows, columns], angle[rows, columns]
        low = low * fall(octave, -level)
    return Pyramid(high, tuple(bands), _image(low))


def _transition() -> tuple[_Table, _Table]:
    """Gains over octaves that rise from 0 to 1 between -1 and 0, and fall there; their squares sum to 1."""
    angles = math.pi * torch.arange(-_RADIAL_STEPS - 1, 2, dtype=torch.float64) / (2 * _RADIAL_STEPS)
    power = angles.cos().square()
    power[0], power[-1] = power[1], power[-2]
    octaves = -0.5 + 2 / math.pi * (angles + math.pi / 4)
    first, step = octaves[0].item(), (octaves[1] - octaves[0]).item()
    return _Table(first, step, power.sqrt()), _Table(first, step, (1 - power).clamp_min(0).sqrt())


def _fans(angle: Tensor, orientations: int) -> list[Tensor]:
    """The complex gain of each orientation: powers of cosines, with which the bands are derivatives."""
    order = orientations - 1
    factor = 2 ** (2 * order) * math.factorial(order) ** 2 / (orientations * math.factorial(2 * order))
    steps = torch.arange(-2 * _ANGULAR_STEPS - 1, _ANGULAR_STEPS + 2, dtype=torch.float64)
    angles = math.pi * steps / _ANGULAR_STEPS
    table = _Table(angles[0].item(), math.pi / _ANGULAR_STEPS, math.sqrt(factor) * angles.cos() ** order)
    phase: complex = (-1j) ** order
    return [phase * table(angle, math.pi * index / orientations) for index in range(orientations)]


def _inner(side: int) -> slice:
    """The lower half of the frequencies of a shifted spectrum."""
    half = (side + 1) // 2
    start = side // 2 - half // 2
    return slice(start, start + half)


def _image(spectrum: Tensor) -> Tensor:
    image: Tensor = torch.fft.ifft2(torch.fft.ifftshift(spectrum)).real
    return image

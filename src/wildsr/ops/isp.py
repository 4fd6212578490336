"""A camera pipeline: inversion of an image to raw sensor values, sensor noise, and development.

After Brooks et al., "Unprocessing Images for Learned Raw Denoising" (2019), section 3, with the values given there.
It is the camera-sensor noise that BSRGAN's paper (Zhang et al., 2021, section 3.4) describes and its public code
omits.

Developed images are (B, 3, H, W) sRGB in [0, 1]; linear images have the same shape, in the colours of the camera. A
raw image is (B, 1, H, W): each pixel records one colour, in a Bayer pattern that starts at the first pixel; sizes may
be odd. See :mod:`wildsr.ops.demosaic` for the conversion of raw to linear images.
"""

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from wildsr.ops.noise import sample_normal, sample_poisson

GAMMA = 2.2
INFLECTION = 0.9
"""Mean of the linear channels above which inverted white balance preserves highlights."""
_SMALLEST = 1e-8

# CIE XYZ to the colours of four cameras, and linear sRGB to XYZ (IEC 61966-2-1).
_XYZ_TO_CAMERAS = (
    ((1.0234, -0.2969, -0.2266), (-0.5625, 1.6328, -0.0469), (-0.0703, 0.2188, 0.6406)),
    ((0.4913, -0.0541, -0.0202), (-0.6130, 1.3513, 0.2906), (-0.1564, 0.2151, 0.7183)),
    ((0.8380, -0.2630, -0.0639), (-0.2887, 1.0725, 0.2496), (-0.0627, 0.1427, 0.5438)),
    ((0.6596, -0.2079, -0.0562), (-0.4782, 1.3016, 0.1933), (-0.0970, 0.1581, 0.5181)),
)
_RGB_TO_XYZ = (
    (0.4124564, 0.3575761, 0.1804375),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339, 0.1191920, 0.9503041),
)
CAMERAS = len(_XYZ_TO_CAMERAS)


@dataclass(frozen=True)
class Development:
    """Development parameters of B images.

    ``matrices`` (B, 3, 3) convert linear sRGB to the camera's colours; ``gains`` (B, 3) are the factors of red,
    green and blue, white balance and exposure together; ``toned`` (B,) bool is whether a tone curve is applied.
    """

    matrices: Tensor
    gains: Tensor
    toned: Tensor


def unprocess(images: Tensor, how: Development) -> Tensor:
    """Developed images to linear ones before white balance, (B, 3, H, W); out-of-gamut colours leave [0, 1]."""
    toned = _column(how.toned.to(images.device), images)
    linear = torch.where(toned, inverse_tone(images), images.clamp(0, 1)).clamp(min=_SMALLEST) ** GAMMA
    return invert_gains(apply_matrix(linear, how.matrices), how.gains)


def process(linear: Tensor, how: Development) -> Tensor:
    """Linear images after white balance (see :func:`apply_gains`) to developed ones, in [0, 1]."""
    rgb = apply_matrix(linear, torch.linalg.inv(how.matrices.double()))
    encoded = rgb.clamp(_SMALLEST, 1) ** (1 / GAMMA)
    return torch.where(_column(how.toned.to(linear.device), linear), tone(encoded), encoded)


def tone(images: Tensor) -> Tensor:
    """The S-shaped tone curve 3 x^2 - 2 x^3, for values in [0, 1]."""
    return images * images * (3 - 2 * images)


def inverse_tone(images: Tensor) -> Tensor:
    """The inverse of :func:`tone`, of images clamped to [0, 1]."""
    return 0.5 - torch.sin(torch.asin(1 - 2 * images.clamp(0, 1)) / 3)


def camera_matrices(weights: Tensor) -> Tensor:
    """Matrices (..., 3, 3) float64 from linear sRGB to a camera's colours: mixtures of four cameras, weights (..., 4).

    The rows sum to one, so that white stays white. The weights need not sum to one.
    """
    weights = weights.double()
    cameras = torch.tensor(_XYZ_TO_CAMERAS, dtype=torch.float64, device=weights.device)
    mixed = torch.einsum("...n,nij->...ij", weights / weights.sum(-1, keepdim=True), cameras)
    matrices = mixed @ torch.tensor(_RGB_TO_XYZ, dtype=torch.float64, device=weights.device)
    return matrices / matrices.sum(-1, keepdim=True)


def apply_matrix(images: Tensor, matrices: Tensor) -> Tensor:
    """Multiply the colour of each pixel of (B, 3, H, W) by matrices (B, 3, 3)."""
    # Spelled out: a product over three is too small for a matrix multiplication, and einsum's rounding
    # depends on the batch size.
    weights = matrices.to(images)[..., None, None]
    red, green, blue = images[:, None, 0], images[:, None, 1], images[:, None, 2]
    return weights[:, :, 0] * red + weights[:, :, 1] * green + weights[:, :, 2] * blue


def invert_gains(images: Tensor, gains: Tensor) -> Tensor:
    """Divide (B, 3, H, W) by gains (B, 3), except in highlights.

    A plain division would leave no pixel of the sensor saturated. Where the mean of the channels is above
    :data:`INFLECTION`, the factor approaches one, so that :func:`apply_gains` will clip them as cameras do.
    """
    inverse = 1 / gains.to(images)[:, :, None, None]
    bright = images.mean(1, keepdim=True) - INFLECTION
    kept = (bright.clamp(min=0) / (1 - INFLECTION)).clamp(max=1).square()
    return images * torch.maximum(kept + (1 - kept) * inverse, inverse)


def apply_gains(images: Tensor, gains: Tensor) -> Tensor:
    """Multiply (B, 3, H, W) by gains (B, 3), and clip to [0, 1]."""
    return (images * gains.to(images)[:, :, None, None]).clamp(0, 1)


def read_noise(shot: float, spread: float) -> float:
    """The variance of read noise that typically comes with ``shot`` noise at a camera's gain.

    ln(read) = 2.18 ln(shot) + 1.20 + spread, where ``spread`` is normal with a deviation of 0.26, and ln(shot) uniform
    from ln(0.0001) to ln(0.012), for a signal in [0, 1] (Brooks et al., 2019, section 3.1).
    """
    return math.exp(2.18 * math.log(shot) + 1.20 + spread)


@dataclass(frozen=True)
class SensorSamples:
    """Random samples for each raw value: photon ``counts`` and standard ``normal`` numbers, both (B, 1, H, W)."""

    counts: Tensor
    normal: Tensor


def sample_sensor(raw: Tensor, shot: float, generator: Generator) -> SensorSamples:
    """Sample the photon counts of a raw image, where white is 1 / ``shot`` photons, and the read noise."""
    counts = sample_poisson(raw.clamp(min=0) / shot, generator)
    return SensorSamples(counts, sample_normal(raw, generator))


def sensor_noise(drawn: SensorSamples, shot: float, read: float) -> Tensor:
    """A raw image with sensor noise: Poisson-distributed photon counts, and Gaussian noise of variance ``read``.

    Its mean is the raw image, its variance ``shot`` * raw + ``read``; clipped to [0, 1].
    """
    return (drawn.counts * shot + math.sqrt(read) * drawn.normal).clamp(0, 1)


def _column(values: Tensor, like: Tensor) -> Tensor:
    return values.reshape(-1, *[1] * (like.ndim - 1))

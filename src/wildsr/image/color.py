"""Quantisation, and embedded ICC profiles."""

from typing import Any

import torch

from wildsr.image.libvips import set_field

_PROFILE = "icc-profile-data"


def quantize(tensor: torch.Tensor, truncate: bool = False) -> torch.Tensor:
    """Quantise to 8 bits: clamp to [0, 1], times 255, rounded half to even.

    Args:
        tensor: floats of any shape.
        truncate: cut off fractions of levels instead of rounding, as some originals do.

    Returns:
        uint8 tensor of the same shape, on the same device.
    """
    levels = tensor.float().clamp(0, 1).mul(255)
    return (levels if truncate else levels.round()).to(torch.uint8)


def profile_of(image: Any) -> bytes | None:
    """The ICC profile embedded in a libvips image, or None."""
    return bytes(image.get(_PROFILE)) if image.get_typeof(_PROFILE) else None


def with_profile(image: Any, profile: bytes | None) -> Any:
    """A copy of ``image`` with exactly this embedded ``profile``, or with none."""
    image = image.copy()
    if profile is not None:
        set_field(image, _PROFILE, profile)
    elif image.get_typeof(_PROFILE):
        image.remove(_PROFILE)
    return image


def to_srgb(image: Any, *, sixteen: bool) -> Any:
    """Convert a libvips image from its profile (CMYK without one: a generic press) to sRGB of 8 or 16 bits.

    Colours outside sRGB are clipped, and the result has no embedded profile.

    Raises:
        pyvips.Error: the profile is broken.
    """
    fallback = {"input_profile": "cmyk"} if image.interpretation == "cmyk" else {}
    done = image.icc_transform(
        "srgb",
        embedded=True,
        intent="relative",
        black_point_compensation=True,
        depth=16 if sixteen else 8,
        **fallback,
    )
    return with_profile(done, None)

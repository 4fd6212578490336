"""Quantisation, and embedded ICC profiles."""

from typing import TYPE_CHECKING, Any

import numpy as np

from wildsr.image.libvips import set_field

if TYPE_CHECKING:
    from torch import Tensor

_PROFILE = "icc-profile-data"


def quantize(tensor: "Tensor", truncate: bool = False) -> "Tensor":
    """Quantise to 8 bits: clamp to [0, 1], times 255, rounded half to even.

    Args:
        tensor: floats of any shape.
        truncate: cut off fractions of levels instead of rounding, as some originals do.

    Returns:
        uint8 tensor of the same shape, on the same device.
    """
    levels = tensor.float().clamp(0, 1).mul(255)
    return (levels if truncate else levels.round()).byte()


def quantized(values: "np.ndarray[Any, Any]", top: int, truncate: bool = False) -> "np.ndarray[Any, Any]":
    """:func:`quantize` for an array, to integers from 0 to ``top``: uint8 for 255, uint16 for 65535."""
    scaled = np.clip(values, 0, 1)
    scaled *= np.float32(top)
    levels: np.ndarray[Any, Any] = (scaled if truncate else np.rint(scaled)).astype(
        np.uint8 if top == 255 else np.uint16
    )
    return levels


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

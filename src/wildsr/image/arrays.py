"""NumPy arrays as images."""

from typing import Any

import numpy as np

from wildsr.image.alpha import bled
from wildsr.image.loaded import LoadedImage, Traits, planes

Array = np.ndarray[Any, Any]

_INTEGERS = ("uint8", "uint16")


def from_array(array: Array) -> LoadedImage:
    """An image from (H, W) or (H, W, 1, 3 or 4), the fourth channel being alpha; uint8, uint16 or floats in [0, 1].

    Raises:
        ValueError: another shape or type.
    """
    if array.ndim not in (2, 3) or not array.size or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise ValueError(f"expected an array (H, W) or (H, W, 1, 3 or 4), got {array.shape}")
    samples = array.reshape(*array.shape[:2], -1)
    floats = np.issubdtype(array.dtype, np.floating)
    if not floats and array.dtype.name not in _INTEGERS:
        raise ValueError(f"expected uint8, uint16 or floating-point samples, got {array.dtype}")
    if floats:
        samples = samples.astype(np.float32)
    traits = Traits(depth="float" if floats else array.dtype.name, grey=samples.shape[2] == 1)
    if samples.shape[2] < 4:
        return LoadedImage(samples, None, traits)
    opacity = np.clip(planes(samples[:, :, 3:])[0, 0], 0, 1)
    return LoadedImage(bled(samples[:, :, :3], opacity), opacity, traits)

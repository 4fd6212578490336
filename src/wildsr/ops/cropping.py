"""Cropping to sizes that a scale divides."""

from torch import Tensor


def crop_to_multiple(images: Tensor, multiple: int) -> Tensor:
    """(..., H, W) without the rows at the bottom and the columns at the right beyond a multiple of ``multiple``."""
    height, width = images.shape[-2:]
    return images[..., : height - height % multiple, : width - width % multiple]

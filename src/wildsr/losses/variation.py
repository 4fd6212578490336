"""Total variation of an image, and its difference between two images."""

from typing import Literal

from torch import Tensor


def total_variation(images: Tensor, power: Literal[1, 2] = 1) -> Tensor:
    """Mean |difference|^power of vertical neighbours plus that of horizontal ones, for (B, C, H, W).

    SRResCGAN's code has both powers. BSRGAN's (KAIR) is twice the one with power 2.
    """
    vertical, horizontal = (difference.abs().pow(power).mean() for difference in _differences(images))
    return vertical + horizontal


def tv_difference(sr: Tensor, hr: Tensor) -> Tensor:
    """Difference between the neighbour differences of ``sr`` and those of ``hr``, both (B, C, H, W).

    L1 over both directions, divided by the number of values of a batch (SRResCGAN, section 3.3).
    """
    pairs = zip(_differences(sr), _differences(hr), strict=True)
    vertical, horizontal = ((ours - theirs).abs().sum() for ours, theirs in pairs)
    return (vertical + horizontal) / sr.numel()


def _differences(images: Tensor) -> tuple[Tensor, Tensor]:
    return images.diff(dim=-2), images.diff(dim=-1)

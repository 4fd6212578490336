"""Resizing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from wildsr.degradations.fields import require
from wildsr.ops import resize as resizing

# In pixels. Parameters may be untrusted. BSRGAN and Real-ESRGAN enlarge at most 2.25 times in a step, but
# for the last one, which goes to the final size: after several random downscales, from 9x9 to 80x80 for instance.
_MOST_ENLARGED, _ALWAYS_ALLOWED = 64, 1 << 24


@dataclass(frozen=True)
class Resize:
    """Resize to ``size`` (height, width), by a method of :func:`wildsr.ops.resize.resize` or ``matlab``.

    Without ``antialias``, bilinear and bicubic are OpenCV's; ``coverage`` is its INTER_AREA.
    """

    size: tuple[int, int]
    method: Literal["nearest", "bilinear", "bicubic", "area", "coverage", "matlab"]
    antialias: bool = False
    clamp: bool = True

    def __post_init__(self) -> None:
        require(min(self.size) > 0, "a size is positive", self.size)


def resize(images: Tensor, steps: Sequence[Resize]) -> Tensor:
    """Resize (n, 3, H, W); all steps must have the same size and method."""
    step = steps[0]
    height, width = images.shape[-2:]
    if step.size[0] * step.size[1] > max(_MOST_ENLARGED * height * width, _ALWAYS_ALLOWED):
        raise ValueError(
            f"{step.size[1]}x{step.size[0]} pixels are more than {_MOST_ENLARGED} times those of the image, "
            f"{width}x{height}"
        )
    if step.method == "matlab":
        resized = resizing.imresize(images, step.size[0] / images.shape[-2])
        if resized.shape[-2:] != step.size:
            raise ValueError(f"matlab's resizing does not take {tuple(images.shape[-2:])} to {step.size}")
    elif images.shape[-2:] == step.size:
        return images  # as in OpenCV, also for area and bicubic
    else:
        resized = resizing.resize(images, step.size, step.method, step.antialias)
    return resized.clamp(0, 1) if step.clamp else resized

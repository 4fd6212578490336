"""Computes output sizes from a scale, width, height or megapixels, and the passes that reach them."""

import math
from dataclasses import dataclass
from typing import Literal

from wildsr.image.formats import Size

Fit = Literal["inside", "outside", "crop", "stretch"]
"""How a width and a height together are met: ``inside`` keeps the aspect ratio and exceeds neither, ``outside`` keeps
it and falls below neither, ``crop`` is ``outside`` cropped to the size around the centre, ``stretch`` ignores the
aspect ratio."""


@dataclass(frozen=True)
class OutputSize:
    """The requested output size: at most one of ``scale``; ``width`` and/or ``height``; ``megapixels``. None of
    them: the model's scale.

    Raises ``ValueError`` when several are given and for sizes that are not positive.
    """

    scale: float | None = None
    width: int | None = None
    height: int | None = None
    fit: Fit = "inside"
    megapixels: float | None = None

    def __post_init__(self) -> None:
        ways = [
            name
            for name, given in {
                "scale": self.scale is not None,
                "width/height": self.width is not None or self.height is not None,
                "megapixels": self.megapixels is not None,
            }.items()
            if given
        ]
        if len(ways) > 1:
            raise ValueError(f"{' and '.join(ways)} were both given; use one of them")
        for name in ("scale", "width", "height", "megapixels"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} is {value}; it must be more than 0")

    def resolve(self, source: Size, model_scale: int) -> "Target":
        """The sizes for one image of size ``source``."""
        if self.width is not None and self.height is not None and self.fit == "stretch":
            return Target(Size(self.width, self.height), None)
        size = _scaled(source, self._factor(source, model_scale))
        if self.fit == "crop" and self.width is not None and self.height is not None:
            return Target(
                Size(max(size.width, self.width), max(size.height, self.height)),
                Size(self.width, self.height),
            )
        return Target(size, None)

    def _factor(self, source: Size, model_scale: int) -> float:
        if self.scale is not None:
            return self.scale
        if self.megapixels is not None:
            return math.sqrt(self.megapixels * 1e6 / (source.width * source.height))
        factors = [
            wanted / there
            for wanted, there in ((self.width, source.width), (self.height, source.height))
            if wanted is not None
        ]
        if not factors:
            return model_scale
        return min(factors) if self.fit == "inside" else max(factors)


@dataclass(frozen=True)
class Target:
    """The size to resize to, and the size of a centre crop afterwards."""

    size: Size
    crop: Size | None


def passes(source: Size, target: Size, model_scale: int) -> list[Size]:
    """The input size of each pass of the model; after the last one the image is resized to ``target`` exactly.

    One pass where the model's scale suffices. Otherwise all passes but the first start from the size from which the
    model reaches the target exactly, so that no pass is larger than necessary.
    """
    sizes = [target]
    while sizes[0].width > source.width * model_scale or sizes[0].height > source.height * model_scale:
        if model_scale == 1:
            break
        before = _scaled(sizes[0], 1 / model_scale)
        sizes.insert(0, Size(max(before.width, source.width), max(before.height, source.height)))
    return [source, *sizes[:-1]]


def _scaled(size: Size, factor: float) -> Size:
    return Size(max(1, round(size.width * factor)), max(1, round(size.height * factor)))

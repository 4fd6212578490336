"""The attributes and methods that the rest of the package needs from an upscaling network."""

from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class UpscalingNetwork(Protocol):
    """A network from images (B, 3, H, W) to (B, 3, scale*H, scale*W).

    Attributes:
        scale: HR pixels per LR pixel.
        size_multiple: H and W of the input are multiples of this.
        receptive_field: radius in LR pixels beyond which nothing influences an output pixel; for a
            :class:`WholeImageNetwork`, a pixel of ``local``.
    """

    scale: int
    size_multiple: int

    @property
    def receptive_field(self) -> int: ...  # noqa: D102

    def __call__(self, x: Tensor, /) -> Tensor: ...  # noqa: D102


class WholeImagePass(Protocol):
    """The state that a :class:`WholeImageNetwork` keeps while one image is computed tile by tile.

    A tiler runs passes over all tiles of the image: ``begin``, then for every tile ``add`` and ``finish``, then
    ``settled``. It repeats the pass while ``settled`` returns False.
    """

    def begin(self) -> None:
        """Forget what earlier, perhaps incomplete, passes added."""
        ...

    def add(self, core: Tensor) -> None:
        """Take into account a part of ``local``'s output; the parts of one pass cover the image exactly once."""
        ...

    def finish(self, lr: Tensor, local: Tensor) -> Tensor:
        """The output (1, 3, scale*H, scale*W) for a tile (1, 3, H, W) and ``local`` of that tile."""
        ...

    def settled(self) -> bool:
        """At the end of a pass: whether its outputs are final."""
        ...


@runtime_checkable
class WholeImageNetwork(Protocol):
    """A network whose output depends on statistics of the whole image, so that tiles cannot be run independently."""

    def local(self, lr: Tensor) -> Tensor:
        """The part that depends on a tile alone and can be traced: (B, 3, H, W) to (B, 3, scale*H, scale*W)."""
        ...

    def whole_image(self, lr: Tensor) -> WholeImagePass:
        """The state for one whole image (1, 3, H, W)."""
        ...

"""What a network offers when its output depends on statistics of the whole picture, so that tiling changes nothing."""

from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class WholeImageNetwork(Protocol):
    """A network whose forward pass is ``assemble(lr, r, shrink)`` with r = ``residual(lr)``.

    ``shrink`` is ``shrinkage(norm, bound(lr))`` with the L2 norm of the whole r, see :func:`wildsr.networks.l2_ball.shrinkage`.
    A tiler collects the sum of squares of the residuals of all tiles (each HR pixel counted once), makes one shrink per
    picture, and assembles tile by tile.
    """

    def residual(self, lr: Tensor) -> Tensor:
        """The convolutional part: (B, 3, H, W) to (B, 3, scale*H, scale*W), before the projection; local and traceable."""
        ...

    def bound(self, lr: Tensor) -> Tensor:
        """Radius (B,) of the L2 ball, from the whole picture (B, 3, H, W); never holds the upsampled picture."""
        ...

    def assemble(self, lr: Tensor, residual: Tensor, shrink: Tensor | float) -> Tensor:
        """The output (B, 3, scale*H, scale*W) of a picture or a tile from its residual; ``shrink`` a number or (B,)."""
        ...

"""What a network offers when its output depends on statistics of the whole image."""

from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class WholeImageNetwork(Protocol):
    """A network whose forward pass is ``assemble(lr, r, shrink)`` with r = ``residual(lr)``.

    ``shrink`` is :func:`wildsr.networks.l2_ball.shrinkage` of the L2 norm of the whole r and of
    ``bound(lr)``. So that tiling changes nothing, a tiler sums the squares of the residuals of all tiles
    (each HR pixel counted once), makes one shrink per image, and assembles tile by tile.
    """

    def residual(self, lr: Tensor) -> Tensor:
        """The local, traceable part: (B, 3, H, W) to (B, 3, scale*H, scale*W), before the projection."""
        ...

    def bound(self, lr: Tensor) -> Tensor:
        """Radius (B,) of the L2 ball, from whole images (B, 3, H, W); never holds them upsampled."""
        ...

    def assemble(self, lr: Tensor, residual: Tensor, shrink: Tensor | float) -> Tensor:
        """The output (B, 3, scale*H, scale*W) of an image or tile; ``shrink`` is a number or (B,)."""
        ...

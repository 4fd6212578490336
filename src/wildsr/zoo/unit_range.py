"""Scales value ranges: a network that works in [0, 255], say, from and to [0, 1]."""

from collections.abc import Callable
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from wildsr.networks.protocols import WholeImageNetwork, WholeImagePass


class UnitRange(nn.Module):
    """A network that works in [0, value_range], from and to [0, 1].

    The one place where value ranges are scaled. :meth:`local` and :meth:`whole_image` are those of a
    :class:`wildsr.networks.protocols.WholeImageNetwork`; all of any other network is local.
    """

    def __init__(self, network: nn.Module, value_range: float) -> None:
        super().__init__()
        self.network = network
        self.value_range = value_range

    def forward(self, x: Tensor) -> Tensor:
        """The network's output for (B, 3, H, W) in [0, 1]."""
        return self._scaled(self.network, x)

    def local(self, lr: Tensor) -> Tensor:
        """The part of the network that depends on a tile alone; for most networks that is all of it."""
        network = self.network
        return self._scaled(network.local if isinstance(network, WholeImageNetwork) else network, lr)

    def whole_image(self, lr: Tensor) -> WholeImagePass | None:
        """The state that the network needs for one whole image (1, 3, H, W); None where tiles are independent."""
        if not isinstance(self.network, WholeImageNetwork):
            return None
        state = self.network.whole_image(lr * self.value_range)
        return state if self.value_range == 1 else _UnitRangePass(state, self.value_range)

    def _scaled(self, function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        if self.value_range == 1:
            return function(x)
        return function(x * self.value_range) / self.value_range


class LocalPart(nn.Module):
    """The part of a network that depends on a tile alone, from and to [0, 1]."""

    def __init__(self, network: UnitRange) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """:meth:`UnitRange.local`."""
        return self.network.local(x)


@dataclass(frozen=True)
class _UnitRangePass:
    """The state of a network that works in [0, value_range], for tiles in [0, 1]."""

    state: WholeImagePass
    value_range: float

    def begin(self) -> None:
        self.state.begin()

    def add(self, core: Tensor) -> None:
        self.state.add(core * self.value_range)

    def finish(self, lr: Tensor, local: Tensor) -> Tensor:
        return self.state.finish(lr * self.value_range, local * self.value_range) / self.value_range

    def settled(self) -> bool:
        return self.state.settled()


def pad_to_multiple(image: Tensor, multiple: int) -> Tensor:
    """Pad (B, C, H, W) at the bottom and right to multiples of ``multiple``.

    By reflection, or by repeating the edge where the image is too small for that.
    """
    height, width = image.shape[-2:]
    below, right = -height % multiple, -width % multiple
    if not below and not right:
        return image
    mode = "reflect" if below < height and right < width else "replicate"
    return F.pad(image, (0, right, 0, below), mode=mode)

"""A Model: a network and its contract, the facts that are needed to run it."""

from collections.abc import Callable
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from wildsr.networks.protocols import WholeImageNetwork, WholeImagePass


@dataclass(frozen=True)
class Contract:
    """Facts about a network: its scale, value range, sizes, licence and source.

    Attributes:
        name: catalogue name, or the stem of the file.
        architecture: a key of :data:`wildsr.zoo.architectures.ARCHITECTURES`, "ONNX", or a name of spandrel's.
        sizes: the arguments to build the network with; empty for the last two.
        scale: HR pixels per LR pixel.
        value_range: the network works in [0, value_range]; 1 or 255.
        size_multiple: H and W of the input are multiples of this.
        receptive_field: radius in LR pixels beyond which nothing influences an output pixel, exactly; for "ONNX"
            as measured, for spandrel's networks the overlap.
        overlap: default overlap of tiles, in LR pixels on each side.
        licence: SPDX name, or "unknown".
        source: where the weights come from.
        trained_on: metrics of `wildsr evaluate` that served as a loss in training, as far as known.
        sha256: of the file, for ncnn of the ``.bin`` file; None for a model that does not come from a file.
    """

    name: str
    architecture: str
    sizes: dict[str, int]
    scale: int
    value_range: float
    size_multiple: int
    receptive_field: int
    overlap: int
    licence: str = "unknown"
    source: str = "unknown"
    sha256: str | None = None
    trained_on: tuple[str, ...] = ()


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


@dataclass(frozen=True)
class Model:
    """A network and its contract. Calling it upscales whole images; an ``Upscaler`` works in tiles."""

    network: nn.Module
    contract: Contract

    def __call__(self, lr: Tensor) -> Tensor:
        """Upscale (B, 3, H, W) RGB in [0, 1] to (B, 3, scale*H, scale*W), on the device of the network.

        One pass over the whole image. The result is in [0, 1] up to overshoot; it is not clamped.

        Raises:
            ValueError: for any other shape.
        """
        if lr.ndim != 4 or lr.shape[1] != 3 or not lr.numel():
            raise ValueError(f"expected RGB images of shape (B, 3, H, W), got {tuple(lr.shape)}")
        height, width = lr.shape[-2:]
        scale = self.contract.scale
        sr: Tensor = self.unit_range(pad_to_multiple(lr, self.contract.size_multiple))
        return sr[..., : height * scale, : width * scale]

    @property
    def unit_range(self) -> UnitRange:
        """The network, from and to [0, 1]."""
        return UnitRange(self.network, self.contract.value_range)


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

"""A Model: a network together with everything that anybody needs to know about it."""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class Contract:
    """What a network is, takes and gives.

    Attributes:
        name: catalogue name, or the stem of the file.
        architecture: a key of :data:`wildsr.zoo.architectures.ARCHITECTURES`, "ONNX", or a name of spandrel's.
        sizes: the numbers to build the network again with; none for the last two.
        scale: HR pixels per LR pixel.
        value_range: the network works in [0, value_range]; 1 or 255.
        size_multiple: H and W of what the network is given must be multiples of this.
        receptive_field: radius in LR pixels beyond which nothing influences an output pixel, exactly; for "ONNX"
            as measured, for spandrel's networks the overlap.
        overlap: default overlap of tiles, in LR pixels on each side.
        licence: SPDX name, or "unknown".
        source: where the weights come from.
        trained_on: metrics of `wildsr evaluate` that served as a loss in training, as far as known.
        sha256: of the file, or that of the pair which holds the weights; None for a model that was never a file.
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


@dataclass(frozen=True)
class Model:
    """A network and its contract. Calling it upscales whole images; an ``Upscaler`` works in tiles."""

    network: nn.Module
    contract: Contract

    def __call__(self, lr: Tensor) -> Tensor:
        """Upscale (B, 3, H, W) RGB in [0, 1] to (B, 3, scale*H, scale*W), on the device of the network.

        One pass over the whole image. The result is in the units of [0, 1] and not clamped.

        Raises:
            ValueError: for any other shape.
        """
        if lr.ndim != 4 or lr.shape[1] != 3 or not lr.numel():
            raise ValueError(f"expected RGB images of shape (B, 3, H, W), got {tuple(lr.shape)}")
        height, width = lr.shape[-2:]
        scale, top_value = self.contract.scale, self.contract.value_range
        padded = pad_to_multiple(lr, self.contract.size_multiple)
        sr: Tensor = self.network(padded * top_value) / top_value
        return sr[..., : height * scale, : width * scale]


def pad_to_multiple(image: Tensor, multiple: int) -> Tensor:
    """(B, C, H, W) extended below and to the right to multiples of ``multiple``.

    Reflected, or the edge repeated where the image is too small for that.
    """
    height, width = image.shape[-2:]
    below, right = -height % multiple, -width % multiple
    if not below and not right:
        return image
    mode = "reflect" if below < height and right < width else "replicate"
    return F.pad(image, (0, right, 0, below), mode=mode)

"""A Model: a network and its contract, the facts that are needed to run it. Imports torch only for the network."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn

    from wildsr.zoo.unit_range import UnitRange

    Arrays = dict[str, np.ndarray[Any, Any]]

LARGEST_TILE = 384
"""Side of the largest square tile of most networks, in LR pixels. RRDBNet-23 needs about 1.4 GiB for it on a CPU."""


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
        largest_tile: default side of the largest square tile, in LR pixels.
        licence: SPDX name, or "unknown".
        source: where the weights come from.
        trained_on: metrics of `wildsr evaluate` that served as a loss in training, as far as known.
        sha256: of the file, for ncnn of the ``.bin`` file, for ONNX with weights in other files of the digests of all;
            None for a model that does not come from a file.
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
    largest_tile: int = LARGEST_TILE


class Model:
    """A network and its contract. Calling it upscales whole images; an ``Upscaler`` works in tiles.

    Attributes:
        contract: see :class:`Contract`.
    """

    def __init__(self, network: "nn.Module", contract: Contract) -> None:
        self.contract = contract
        self._network: nn.Module | None = network
        self._build: Callable[[], nn.Module] | None = None
        self._file: Path | None = None
        self._identity: str | None = None
        self._whole_image = False

    @classmethod
    def deferred(
        cls,
        build: "Callable[[], nn.Module]",
        contract: Contract,
        identity: str,
        whole_image: bool,
        file: Path | None = None,
    ) -> "Model":
        """A model whose network is built when it is needed for the first time; not every use needs it.

        ``file``: has its weights, perhaps in a form that :meth:`weights` can read.
        """
        model = cls.__new__(cls)
        model.contract = contract
        model._network, model._build, model._file = None, build, file
        model._identity, model._whole_image = identity, whole_image
        return model

    @property
    def network(self) -> "nn.Module":
        """The network, from and to the value range of the contract."""
        if self._network is None:
            assert self._build is not None
            self._network = self._build()
        return self._network

    def __call__(self, lr: "Tensor") -> "Tensor":
        """Upscale (B, 3, H, W) RGB in [0, 1] to (B, 3, scale*H, scale*W), on the device of the network.

        One pass over the whole image. The result is in [0, 1] up to overshoot; it is not clamped.

        Raises:
            ValueError: for any other shape.
        """
        from wildsr.zoo.unit_range import pad_to_multiple

        if lr.ndim != 4 or lr.shape[1] != 3 or not lr.numel():
            raise ValueError(f"expected RGB images of shape (B, 3, H, W), got {tuple(lr.shape)}")
        height, width = lr.shape[-2:]
        scale = self.contract.scale
        sr: Tensor = self.unit_range(pad_to_multiple(lr, self.contract.size_multiple))
        return sr[..., : height * scale, : width * scale]

    @property
    def unit_range(self) -> "UnitRange":
        """The network, from and to [0, 1]."""
        from wildsr.zoo.unit_range import UnitRange

        return UnitRange(self.network, self.contract.value_range)

    @property
    def needs_whole_image(self) -> bool:
        """Whether the network needs statistics of the whole image, see :class:`wildsr.networks.WholeImageNetwork`."""
        if self._network is None:
            return self._whole_image
        from wildsr.networks.protocols import WholeImageNetwork

        return isinstance(self._network, WholeImageNetwork)

    def identity(self) -> str:
        """A digest of the network and its weights, the key of compiled models and measurements in caches."""
        if self._network is None and self._identity is not None:
            return self._identity
        return self._identity_of(_arrays(self.network))

    def weights(self) -> "Arrays | None":
        """The weights by the names of the network's module; read without PyTorch where its file allows that.

        None for a network of another class than its architecture's, which may compute something else with them.
        """
        if self._network is None and self._file is not None:
            from wildsr.zoo.formats.arrays import read_arrays

            found = read_arrays(self._file)
            # The names in the file may be others, and the file may have changed.
            if found is not None and self._identity_of(found) == self._identity:
                return found
        own = type(self.network).__name__ == self.contract.architecture
        return _arrays(self.network) if own else None

    def _identity_of(self, weights: "Mapping[str, np.ndarray[Any, Any]]") -> str:
        digest = hashlib.sha256(
            f"{self.contract.architecture} {sorted(self.contract.sizes.items())}".encode()
        )
        for name in sorted(weights):
            digest.update(name.encode())
            digest.update(weights[name].tobytes())
        return digest.hexdigest()


def _arrays(network: "nn.Module") -> "Arrays":
    return {name: tensor.detach().cpu().numpy() for name, tensor in network.state_dict().items()}

"""Degradations that a network has learned: DSGAN's, and DDNSR's with the noise of a real image.

Networks are given, with their weights, and are used on the device where they are; images must be there too. Results
are clamped to [0, 1] and not rounded to 8 bits.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from wildsr.degradations.degradation import DegradationError, Parameters
from wildsr.degradations.fields import read_fields
from wildsr.ops.cropping import crop_to_multiple
from wildsr.ops.resize import imresize


@dataclass(frozen=True)
class _DsganParameters:
    network: str


@dataclass(frozen=True)
class _DdnsrParameters:
    network: str
    references: str
    index: int
    top: int
    left: int


AnyParameters = TypeVar("AnyParameters", _DsganParameters, _DdnsrParameters)


class Dsgan:
    """MATLAB's bicubic, then a generator that adds the look of a camera (Fritsche et al., 2019, section 3.1).

    ``generator`` takes and gives (B, 3, h, w) in [0, 1], as :class:`wildsr.networks.dsgan.DSGANGenerator` does. Nothing
    is drawn: the network is the parameter.
    """

    def __init__(self, generator: nn.Module, scale: int = 4) -> None:
        self.scale = scale
        self._generator = generator
        self._digest = network_digest(generator)

    def sample(self, rng: np.random.Generator, size: tuple[int, int]) -> Parameters:  # noqa: ARG002
        """The network's digest, whatever the size."""
        return {"network": self._digest}

    def apply(self, images: Tensor, parameters: Sequence[Parameters]) -> Tensor:
        """Degrade (B, 3, H, W) in [0, 1] to (B, 3, H // scale, W // scale) in [0, 1].

        Raises:
            DegradationError: for parameters of another network, or not one for each image.
        """
        _read(_DsganParameters, images, parameters, self._digest)
        clean = imresize(crop_to_multiple(images, self.scale), 1 / self.scale)
        return _run(self._generator, clean.clamp(0, 1))


class Ddnsr:
    """DDNSR's dual-input network: an HR image, and a real LR image whose noise it takes on.

    ``network`` is a :class:`wildsr.networks.ddnsr.DegradationNetwork` or takes the same. ``references`` are real LR
    images (3, h, w) in [0, 1], which stay in memory; each drawn one is cropped to the size of the result.

    Raises:
        DegradationError: without references, or for one that is no RGB image.
    """

    def __init__(self, network: nn.Module, references: Sequence[Tensor], scale: int = 4) -> None:
        if not references:
            raise DegradationError(
                "DDNSR's degradation needs real LR images to take noise from, and got none"
            )
        for index, reference in enumerate(references):
            if reference.ndim != 3 or reference.shape[0] != 3:
                raise DegradationError(f"LR image {index} must be (3, h, w), not {tuple(reference.shape)}")
        self.scale = scale
        self._network = network
        self._references = list(references)
        self._network_digest = network_digest(network)
        self._references_digest = _digest(self._references)

    def sample(self, rng: np.random.Generator, size: tuple[int, int]) -> Parameters:
        """Draw a reference and where it is cropped.

        Raises:
            DegradationError: if the reference is smaller than the result.
        """
        height, width = size[0] // self.scale, size[1] // self.scale
        index = int(rng.integers(len(self._references)))
        tall, wide = self._references[index].shape[-2:]
        if tall < height or wide < width:
            raise DegradationError(
                f"LR image {index} has {tall} x {wide} pixels, too few for a result of {height} x {width}: "
                "leave it out, or degrade smaller images"
            )
        return {
            "network": self._network_digest,
            "references": self._references_digest,
            "index": index,
            "top": int(rng.integers(tall - height + 1)),
            "left": int(rng.integers(wide - width + 1)),
        }

    def apply(self, images: Tensor, parameters: Sequence[Parameters]) -> Tensor:
        """Degrade (B, 3, H, W) in [0, 1] to (B, 3, H // scale, W // scale) in [0, 1].

        Raises:
            DegradationError: for parameters of another network or other references, or not one for each image.
        """
        drawn = _read(_DdnsrParameters, images, parameters, self._network_digest)
        size = (images.shape[-2] // self.scale, images.shape[-1] // self.scale)
        crops = [self._crop(one, size, f"image {index}") for index, one in enumerate(drawn)]
        return _run(self._network, crop_to_multiple(images, self.scale), torch.stack(crops).to(images))

    def _crop(self, drawn: _DdnsrParameters, size: tuple[int, int], where: str) -> Tensor:
        if drawn.references != self._references_digest:
            raise DegradationError(
                _other(where, "set of LR images", drawn.references, self._references_digest)
            )
        if not 0 <= drawn.index < len(self._references) or min(drawn.top, drawn.left) < 0:
            raise DegradationError(
                f"{where}: there is no LR image {drawn.index} at {drawn.top}, {drawn.left}"
            )
        rows, columns = slice(drawn.top, drawn.top + size[0]), slice(drawn.left, drawn.left + size[1])
        crop = self._references[drawn.index][:, rows, columns]
        if crop.shape[-2:] != size:
            raise DegradationError(f"{where}: the parameters are of a smaller image")
        return crop


def _run(network: nn.Module, *inputs: Tensor) -> Tensor:
    """On a CPU one by one, which costs nothing, so that no image's last digit depends on its batch."""
    alone = inputs[0].device.type == "cpu"
    batches = zip(*(each.unsqueeze(1) for each in inputs), strict=True) if alone else [inputs]
    with torch.no_grad():
        return torch.cat([network(*batch) for batch in batches]).clamp(0, 1)


def network_digest(network: nn.Module) -> str:
    """The sha256 of a network's weights, their names and shapes, which tells it from others on replay."""
    state = network.state_dict()
    names = "\n".join(state)
    return _digest(state.values(), names)


def _digest(tensors: Iterable[Tensor], names: str = "") -> str:
    digest = hashlib.sha256(names.encode())
    for tensor in tensors:
        digest.update(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
        # As bytes, since NumPy does not know every type of PyTorch's.
        flat = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        digest.update(flat.numpy().tobytes())
    return digest.hexdigest()


def _read(
    kind: type[AnyParameters], images: Tensor, parameters: Sequence[Parameters], digest: str
) -> list[AnyParameters]:
    if len(parameters) != len(images):
        raise DegradationError(f"{len(images)} images but {len(parameters)} sets of parameters")
    drawn = [read_fields(kind, one, f"image {index}") for index, one in enumerate(parameters)]
    for index, one in enumerate(drawn):
        if one.network != digest:
            raise DegradationError(_other(f"image {index}", "network", one.network, digest))
    return drawn


def _other(where: str, what: str, theirs: str, ours: str) -> str:
    return (
        f"{where}: the parameters were drawn with another {what}, of the digest {theirs[:12]}, not {ours[:12]}; "
        "give the one they were drawn with"
    )

"""Learned degradations: DSGAN's, and DDNSR's with the noise of a real image.

Networks are passed in with their weights, and run on the device where they are; images must be there too. Results are
clamped to [0, 1] and not rounded to 8 bits.
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
    """MATLAB's bicubic, then a generator that adds the artefacts of a camera (Fritsche et al., 2019, section 3.1).

    ``generator`` maps (B, 3, h, w) in [0, 1] to the same, as :class:`wildsr.networks.dsgan.DSGANGenerator` does.
    Nothing is sampled: the only parameter is the digest of the network.
    """

    def __init__(self, generator: nn.Module, scale: int = 4) -> None:
        self.scale = scale
        self._generator = generator
        self._digest = network_digest(generator)

    def sample(self, rng: np.random.Generator, size: tuple[int, int]) -> Parameters:  # noqa: ARG002
        """The digest of the network, for any size."""
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
    """DDNSR's dual-input network: it transfers the noise of a real LR image to the degraded HR image.

    ``network`` is a :class:`wildsr.networks.ddnsr.DegradationNetwork` or has the same interface. ``references`` are
    real LR images (3, h, w) in [0, 1], which stay in memory; the sampled one is cropped to the size of the result.

    Raises:
        DegradationError: there are no references, or one is not an RGB image.
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
        """Sample a reference and the position of its crop.

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
        sampled = _read(_DdnsrParameters, images, parameters, self._network_digest)
        size = (images.shape[-2] // self.scale, images.shape[-1] // self.scale)
        crops = [self._crop(one, size, f"image {index}") for index, one in enumerate(sampled)]
        return _run(self._network, crop_to_multiple(images, self.scale), torch.stack(crops).to(images))

    def _crop(self, sampled: _DdnsrParameters, size: tuple[int, int], where: str) -> Tensor:
        if sampled.references != self._references_digest:
            raise DegradationError(
                _other(where, "set of LR images", sampled.references, self._references_digest)
            )
        if not 0 <= sampled.index < len(self._references) or min(sampled.top, sampled.left) < 0:
            raise DegradationError(
                f"{where}: there is no LR image {sampled.index} at {sampled.top}, {sampled.left}"
            )
        rows, columns = slice(sampled.top, sampled.top + size[0]), slice(sampled.left, sampled.left + size[1])
        crop = self._references[sampled.index][:, rows, columns]
        if crop.shape[-2:] != size:
            raise DegradationError(f"{where}: the parameters are of a smaller image")
        return crop


def _run(network: nn.Module, *inputs: Tensor) -> Tensor:
    """Run the network; on a CPU image by image, which is as fast, so that rounding does not depend on the batch."""
    alone = inputs[0].device.type == "cpu"
    batches = zip(*(each.unsqueeze(1) for each in inputs), strict=True) if alone else [inputs]
    with torch.no_grad():
        return torch.cat([network(*batch) for batch in batches]).clamp(0, 1)


def network_digest(network: nn.Module) -> str:
    """The sha256 of a network's weights, their names and shapes, to recognise it on replay."""
    state = network.state_dict()
    names = "\n".join(state)
    return _digest(state.values(), names)


def _digest(tensors: Iterable[Tensor], names: str = "") -> str:
    digest = hashlib.sha256(names.encode())
    for tensor in tensors:
        digest.update(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
        # As bytes, since NumPy lacks some of PyTorch's types.
        flat = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        digest.update(flat.numpy().tobytes())
    return digest.hexdigest()


def _read(
    kind: type[AnyParameters], images: Tensor, parameters: Sequence[Parameters], digest: str
) -> list[AnyParameters]:
    if len(parameters) != len(images):
        raise DegradationError(f"{len(images)} images but {len(parameters)} sets of parameters")
    found = [read_fields(kind, one, f"image {index}") for index, one in enumerate(parameters)]
    for index, one in enumerate(found):
        if one.network != digest:
            raise DegradationError(_other(f"image {index}", "network", one.network, digest))
    return found


def _other(where: str, what: str, theirs: str, ours: str) -> str:
    return (
        f"{where}: the parameters were sampled with another {what}, with the digest {theirs[:12]}, not {ours[:12]}; "
        "use the one they were sampled with"
    )

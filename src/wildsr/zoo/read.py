"""Reads model files of every format as named float32 tensors. The content decides the format."""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from wildsr.zoo.architectures import ARCHITECTURES, build, recognise
from wildsr.zoo.errors import ModelError
from wildsr.zoo.formats import h5, ncnn
from wildsr.zoo.formats.named_weights import NamedWeights
from wildsr.zoo.formats.ncnn_compute import evaluate
from wildsr.zoo.formats.pth import read_pickle, read_zip
from wildsr.zoo.formats.safetensors import read_safetensors

_BATCH_COUNT = ".num_batches_tracked"
"""The number of batches that a batch norm has seen: an integer that inference does not use."""
_NCNN_TOLERANCE = 1e-3
_OTHER_FILES = {
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"\xdd\x85\x76\x00": "an ncnn parameter file in binary form; ask for the .param file that is text",
    b"\x1f\x8b": "a gzip archive; unpack it first",
    b"Rar!": "a RAR archive; unpack it first",
    b"7z\xbc\xaf": "a 7z archive; unpack it first",
    b"version https://git-lfs": "a Git LFS pointer; download the real file",
    b"<": "a web page or XML; download the file itself",
}


def read_weights(path: Path) -> NamedWeights:
    """The weights of a safetensors, PyTorch, ncnn or Keras file, as float32 on the CPU.

    Where a file has several sets of weights, the moving average (EMA) is read.

    Raises:
        ModelError: when the file is missing, damaged, not a model, or would need code to be executed.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(64)
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror or error}") from error
    weights = _reader_for(path, head, size)(path)
    tensors = {
        key: _float32(path, key, value)
        for key, value in weights.tensors.items()
        if not key.endswith(_BATCH_COUNT)
    }
    return NamedWeights(tensors, weights.metadata)


def _reader_for(path: Path, head: bytes, size: int) -> Callable[[Path], NamedWeights]:
    if not size:
        raise ModelError(f"{path} is empty; download or copy it again")
    # First, since ncnn's weights have no magic number and may look like the start of any format.
    if path.suffix.lower() == ".bin" and path.with_suffix(".param").is_file():
        return _read_ncnn
    # Next, since the length that a safetensors file begins with may look like the start of a pickle.
    if head[8:9] == b"{":
        return read_safetensors
    if head.startswith(b"PK\x03\x04"):
        return read_zip
    if head.startswith(b"\x80"):
        return read_pickle
    if head.startswith(ncnn.MAGIC):
        return _read_ncnn
    if head.startswith(h5.MAGIC):
        return _read_keras
    for magic, kind in _OTHER_FILES.items():
        if head.lstrip().startswith(magic):
            raise ModelError(f"{path} is not a model but {kind}")
    if path.suffix.lower() == ".bin":
        return _read_ncnn  # raises, with the name of the missing file
    raise ModelError(
        f"{path} is not a model that wildsr knows: neither a safetensors, PyTorch, Keras, ncnn nor ONNX file"
    )


def _read_ncnn(path: Path) -> NamedWeights:
    """The weights of an ncnn model by our names; ``path`` is its ``.param`` or its ``.bin`` file.

    The names in a graph are arbitrary, so that the weights are assigned by order. Then the graph and the network are
    both computed on a small image: a graph that differs from the network is refused.
    """
    layers = ncnn.read_graph(path)
    try:
        weights = _named_by_graph(layers)
        recognised = recognise(weights)
        network = build(recognised)
        image = torch.rand(1, 3, 12, 8, generator=torch.Generator().manual_seed(0))
        with torch.inference_mode():
            of_graph, of_network = evaluate(layers, image), network(image)
    except ModelError as error:
        raise ModelError(f"{path} cannot be used: {error}") from error
    except (RuntimeError, ValueError, KeyError, IndexError, TypeError, OverflowError) as error:
        raise ModelError(f"{path} cannot be used: its graph cannot be computed ({error})") from error
    if of_graph.shape != of_network.shape or not _close(of_graph, of_network):
        raise ModelError(
            f"{path} cannot be used: its graph computes something other than {recognised.architecture} with its "
            "weights; ask for the PyTorch or ONNX file"
        )
    return NamedWeights(weights, {})


def _named_by_graph(layers: list[ncnn.NcnnLayer]) -> dict[str, Tensor]:
    readable = [each for each in ARCHITECTURES.values() if each.from_ncnn is not None]
    for architecture in readable:
        if architecture.from_ncnn and (weights := architecture.from_ncnn(layers)) is not None:
            return weights
    convolutions = sum(layer.kind == "Convolution" for layer in layers)
    raise ModelError(
        f"its graph ({convolutions} convolutions) is none of those that wildsr reads from ncnn: "
        f"{', '.join(each.name for each in readable)}"
    )


def _close(found: Tensor, expected: Tensor) -> bool:
    largest = max(1.0, float(expected.abs().max()))
    return bool((found - expected).abs().max() <= _NCNN_TOLERANCE * largest)


def _read_keras(path: Path) -> NamedWeights:
    layers = h5.read_keras(path)
    try:
        for architecture in ARCHITECTURES.values():
            if architecture.from_keras and (weights := architecture.from_keras(layers)) is not None:
                return NamedWeights(weights, {})
        raise ValueError("its layers are unknown")
    except ValueError as error:
        raise ModelError(f"{path} holds none of DDNSR's networks: {error}") from error


def _float32(path: Path, key: str, tensor: Tensor) -> Tensor:
    if not tensor.is_floating_point():
        raise ModelError(
            f"{path}: the tensor {key} is {tensor.dtype}; wildsr reads plain floating-point weights"
        )
    try:
        value = torch.empty(tensor.shape, dtype=torch.float32).copy_(tensor.detach())
        finite = bool(torch.isfinite(value).all())
    except RuntimeError as error:  # a type that PyTorch only stores, or an impossible shape
        raise ModelError(
            f"{path}: the tensor {key} ({tensor.dtype}) cannot be read as float32 ({str(error).splitlines()[0]})"
        ) from error
    if not finite:
        raise ModelError(f"{path}: the tensor {key} holds NaN or infinite values; the file is damaged")
    return value

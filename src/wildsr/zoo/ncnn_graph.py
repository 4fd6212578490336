"""The weights of an ncnn graph under the names of the network that it draws, proven by computing both."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from wildsr.networks.span import BLOCKS
from wildsr.zoo.architectures import build, recognise
from wildsr.zoo.errors import ModelError
from wildsr.zoo.key_tables import rrdbnet_layers
from wildsr.zoo.ncnn import Layer, read_graph

# Values in one blob and in all blobs of a graph, for the image of 96 pixels that it is tried on.
_LARGEST_BLOB, _ALL_BLOBS = 1 << 22, 1 << 26
_TOLERANCE = 1e-3


def read_ncnn(path: Path) -> dict[str, Tensor]:
    """The weights of an ncnn model by our names, float32; ``path`` is its ``.param`` or its ``.bin`` file.

    A graph has no names that mean anything, only an order. So the weights are named by it, and then the graph and the
    network are both computed on a small image: a graph that does anything else than the network is refused.

    Raises:
        ModelError: when the files cannot be read, or draw no network that wildsr knows.
    """
    layers = read_graph(path)
    try:
        weights = _named(layers)
        recognised = recognise(weights)
        network = build(recognised)
        image = torch.rand(1, 3, 12, 8, generator=torch.Generator().manual_seed(0))
        with torch.inference_mode():
            drawn, built = evaluate(layers, image), network(image)
    except ModelError as error:
        raise ModelError(f"{path} cannot be used: {error}") from error
    except (RuntimeError, ValueError, KeyError, IndexError, TypeError, OverflowError) as error:
        raise ModelError(f"{path} cannot be used: its graph cannot be computed ({error})") from error
    if drawn.shape != built.shape or not _close(drawn, built):
        raise ModelError(
            f"{path} cannot be used: its graph computes something else than {recognised.architecture} with its "
            "weights; ask for the PyTorch or ONNX file"
        )
    return weights


def _close(found: Tensor, expected: Tensor) -> bool:
    largest = max(1.0, float(expected.abs().max()))
    return bool((found - expected).abs().max() <= _TOLERANCE * largest)


def _named(layers: list[Layer]) -> dict[str, Tensor]:
    kinds = [layer.kind for layer in layers]
    convolutions = [layer.weights for layer in layers if layer.kind == "Convolution"]
    if "PReLU" in kinds:
        body = [layer.weights for layer in layers if layer.kind in ("Convolution", "PReLU")]
        return _flat({f"body.{index}": held for index, held in enumerate(body)})
    if "PixelShuffle" in kinds and len(convolutions) == len(_SPAN):
        weights = _flat(dict(zip(_SPAN, convolutions, strict=True)))
        return weights if "MemoryData" in kinds else weights | {"no_norm": torch.zeros(1)}
    upsamplings = kinds.count("Interp")
    blocks, rest = divmod(len(convolutions) - 4 - upsamplings, 15)
    if "PixelShuffle" not in kinds and blocks > 0 and not rest:
        return _flat(dict(zip(rrdbnet_layers(blocks, upsamplings), convolutions, strict=True)))
    raise ModelError(
        f"its graph ({len(convolutions)} convolutions) is none of those that wildsr reads from ncnn: "
        "SRVGGNetCompact, SPAN, RRDBNet"
    )


_SPAN = (
    "conv_1",
    *(f"block_{block}.c{index}_r" for block in range(1, BLOCKS + 1) for index in (1, 2, 3)),
    "conv_2",
    "conv_cat",
    "upsampler.0",
)


def _flat(layers: dict[str, dict[str, Tensor]]) -> dict[str, Tensor]:
    return {f"{layer}.{kind}": value for layer, held in layers.items() for kind, value in held.items()}


def evaluate(layers: list[Layer], image: Tensor) -> Tensor:
    """What an ncnn graph makes of an image (1, 3, H, W).

    Raises:
        ModelError: for a layer that the networks of this package do not need, or a graph without one output.
    """
    blobs: dict[str, Tensor] = {}
    total = 0.0
    for layer in layers:
        if layer.kind == "Input":
            made: tuple[Tensor, ...] = (image,)
        elif layer.kind == "Split":
            made = (blobs[layer.inputs[0]],) * len(layer.outputs)
        elif layer.kind in _COMPUTE:
            given = [blobs[name] for name in layer.inputs]
            total += _values_made(layer, given)
            if total > _ALL_BLOBS:
                raise ModelError(f"its graph would make {total:.0f} values of a small image")
            made = (_COMPUTE[layer.kind](layer, given),)
        else:
            raise ModelError(f"its graph has a layer of kind {layer.kind}, which wildsr does not read")
        blobs.update(zip(layer.outputs, made, strict=True))
    used = {name for layer in layers for name in layer.inputs}
    outputs = [name for name in blobs if name not in used]
    if len(outputs) != 1:
        raise ModelError(f"its graph has {len(outputs)} outputs instead of one")
    return blobs[outputs[0]]


def _values_made(layer: Layer, given: list[Tensor]) -> float:
    """How many values a layer makes; a small image needs no large tensors, whatever a file claims."""
    size = float(sum(blob.numel() for blob in given))
    if layer.kind == "MemoryData":
        return float(layer.weights["value"].numel())
    if layer.kind == "Convolution":
        size = size / given[0].shape[1] * layer.weights["weight"].shape[0]
    elif layer.kind == "Interp":
        size *= layer.numbers.get(1, 1.0) * layer.numbers.get(2, 1.0)
    elif layer.kind in ("BinaryOp", "Eltwise") and len(given) > 1:
        size = float(math.prod(np.broadcast_shapes(*(tuple(blob.shape) for blob in given))))
    if not 0 < size <= _LARGEST_BLOB:
        raise ModelError(f"a layer of kind {layer.kind} in its graph would make {size:.0f} values")
    return size


def _convolution(layer: Layer, given: list[Tensor]) -> Tensor:
    """A convolution that keeps the size; -233 and -234 are ncnn's names for the padding that does so."""
    side = layer.whole(1)
    radius = (side - 1) // 2
    height, left, top = layer.whole(11, side), layer.whole(4), layer.whole(14, layer.whole(4))
    paddings = {left, top, layer.whole(15, left), layer.whole(16, top)}
    strides = {layer.whole(key, 1) for key in (2, 3, 12, 13)}
    if height != side or paddings not in ({radius}, {-233}, {-234}) or strides != {1} or layer.whole(18):
        raise ModelError("its graph has a convolution that is not square, of stride 1 and zero-padded")
    out = F.conv2d(given[0], layer.weights["weight"], layer.weights["bias"], padding=radius)
    return _activated(out, layer)


def _activated(out: Tensor, layer: Layer) -> Tensor:
    kind = layer.whole(9)
    if kind == 0:
        return out
    if kind == 1:
        return F.relu(out)
    if kind == 2:
        return F.leaky_relu(out, layer.arrays[10][0])
    if kind == 4:
        return torch.sigmoid(out)
    raise ModelError(f"its graph has a convolution with activation {kind}, which wildsr does not read")


def _binary(layer: Layer, given: list[Tensor]) -> Tensor:
    kind = layer.whole(0)
    one = given[0]
    other = torch.tensor(layer.numbers.get(2, 0.0)) if layer.whole(1) else given[1]
    if kind not in _BINARY:
        raise ModelError(f"its graph has a binary operation {kind}, which wildsr does not read")
    return _BINARY[kind](one, other)


def _eltwise(layer: Layer, given: list[Tensor]) -> Tensor:
    kind, factors = layer.whole(0), layer.arrays.get(1) or (1.0,) * len(given)
    if kind != 1 or len(factors) != len(given):
        raise ModelError(f"its graph has an elementwise operation {kind}, which wildsr does not read")
    return sum((blob * factor for blob, factor in zip(given, factors, strict=True)), torch.zeros(()))


def _interp(layer: Layer, given: list[Tensor]) -> Tensor:
    tall, wide = layer.numbers.get(1, 1.0), layer.numbers.get(2, 1.0)
    if layer.whole(0) != 1 or tall != wide or tall != int(tall) or layer.whole(3) or layer.whole(4):
        raise ModelError("its graph resizes in another way than nearest by a whole number")
    return F.interpolate(given[0], scale_factor=int(tall), mode="nearest")


def _pixel_shuffle(layer: Layer, given: list[Tensor]) -> Tensor:
    if layer.whole(1):
        raise ModelError("its graph has a pixel shuffle in another order than PyTorch's")
    return F.pixel_shuffle(given[0], layer.whole(0))


_BINARY: dict[int, Callable[[Tensor, Tensor], Tensor]] = {
    0: torch.add,
    1: torch.sub,
    2: torch.mul,
    3: torch.div,
    7: lambda one, other: other - one,
}
_COMPUTE: dict[str, Callable[[Layer, list[Tensor]], Tensor]] = {
    "BinaryOp": _binary,
    "Concat": lambda layer, given: torch.cat(given, layer.whole(0) + 1),
    "Convolution": _convolution,
    "Eltwise": _eltwise,
    "Interp": _interp,
    "MemoryData": lambda layer, _: layer.weights["value"].unsqueeze(0),
    "PReLU": lambda layer, given: F.prelu(given[0], layer.weights["weight"]),
    "PixelShuffle": _pixel_shuffle,
    "ReLU": lambda layer, given: F.leaky_relu(given[0], layer.numbers.get(0, 0.0)),
    "Sigmoid": lambda _, given: torch.sigmoid(given[0]),
    "Swish": lambda _, given: F.silu(given[0]),
}

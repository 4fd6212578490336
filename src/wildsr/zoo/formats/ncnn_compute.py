"""Computes ncnn graphs with PyTorch."""

import math
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from wildsr.zoo.errors import ModelError
from wildsr.zoo.formats.ncnn import NcnnLayer

# Limits of the values in one blob and in all blobs of a graph, for the test image of 96 pixels.
_LARGEST_BLOB, _ALL_BLOBS = 1 << 22, 1 << 26
# ncnn's numbers for ways to resize.
_NEAREST, _BILINEAR = 1, 2


def evaluate(layers: list[NcnnLayer], image: Tensor) -> Tensor:
    """The output of an ncnn graph for an image (1, 3, H, W).

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


def _values_made(layer: NcnnLayer, given: list[Tensor]) -> float:
    """The number of values that a layer computes. Raises ModelError for far more than a small image needs."""
    size = float(sum(blob.numel() for blob in given))
    if layer.kind == "MemoryData":
        return float(layer.weights["value"].numel())
    if layer.kind == "Convolution":
        size = size / given[0].shape[1] * layer.weights["weight"].shape[0]
    elif layer.kind == "Interp":
        size *= layer.numbers.get(1, 1.0) * layer.numbers.get(2, 1.0)
    elif layer.kind == "Padding":
        top, below, left, right = _paddings(layer)
        size *= (1 + (top + below) / given[0].shape[-2]) * (1 + (left + right) / given[0].shape[-1])
    elif layer.kind in ("BinaryOp", "Eltwise") and len(given) > 1:
        size = float(math.prod(np.broadcast_shapes(*(tuple(blob.shape) for blob in given))))
    if not 0 < size <= _LARGEST_BLOB:
        raise ModelError(f"a layer of kind {layer.kind} in its graph would make {size:.0f} values")
    return size


def _convolution(layer: NcnnLayer, given: list[Tensor]) -> Tensor:
    """A convolution with ``same`` padding, which ncnn also writes as -233 or -234, or one of separate patches."""
    side = layer.whole(1)
    radius = (side - 1) // 2
    height, left, top = layer.whole(11, side), layer.whole(4), layer.whole(14, layer.whole(4))
    paddings = {left, top, layer.whole(15, left), layer.whole(16, top)}
    strides = {layer.whole(3, 1), layer.whole(13, layer.whole(3, 1))}
    dilated = layer.whole(2, 1) != 1 or layer.whole(12, 1) != 1
    same = strides == {1} and paddings in ({radius}, {-233}, {-234})
    separate = strides == {side} and paddings == {0}
    if height != side or dilated or not (same or separate) or layer.whole(18):
        raise ModelError(
            "its graph has a convolution that is not square, of stride 1 and zero-padded, or of separate patches"
        )
    stride, padding = (1, radius) if same else (side, 0)
    out = F.conv2d(given[0], layer.weights["weight"], layer.weights["bias"], stride, padding)
    return _activated(out, layer)


def _activated(out: Tensor, layer: NcnnLayer) -> Tensor:
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


def _binary(layer: NcnnLayer, given: list[Tensor]) -> Tensor:
    kind = layer.whole(0)
    one = given[0]
    other = torch.tensor(layer.numbers.get(2, 0.0)) if layer.whole(1) else given[1]
    if kind not in _BINARY:
        raise ModelError(f"its graph has a binary operation {kind}, which wildsr does not read")
    return _BINARY[kind](one, other)


def _eltwise(layer: NcnnLayer, given: list[Tensor]) -> Tensor:
    kind, factors = layer.whole(0), layer.arrays.get(1) or (1.0,) * len(given)
    if kind != 1 or len(factors) != len(given):
        raise ModelError(f"its graph has an elementwise operation {kind}, which wildsr does not read")
    return sum((blob * factor for blob, factor in zip(given, factors, strict=True)), torch.zeros(()))


def _interp(layer: NcnnLayer, given: list[Tensor]) -> Tensor:
    """Nearest by a whole number or its inverse, or bilinear by a whole number as PyTorch does it."""
    kind, tall, wide = layer.whole(0), layer.numbers.get(1, 1.0), layer.numbers.get(2, 1.0)
    whole = tall >= 1 and tall == int(tall)
    inverse = kind == _NEAREST and 0 < tall < 1 and 1 / tall == int(1 / tall)
    sized = any(layer.whole(key) for key in (3, 4, 5, 6))
    if kind not in (_NEAREST, _BILINEAR) or tall != wide or not (whole or inverse) or sized:
        raise ModelError("its graph resizes in another way than nearest or bilinear by a whole number")
    if kind == _NEAREST:
        return F.interpolate(given[0], scale_factor=tall, mode="nearest")
    return F.interpolate(given[0], scale_factor=tall, mode="bilinear", align_corners=False)


def _paddings(layer: NcnnLayer) -> tuple[int, int, int, int]:
    """Lines added at the top, below, on the left and on the right."""
    found = (layer.whole(0), layer.whole(1), layer.whole(2), layer.whole(3))
    if min(found) < 0:
        raise ModelError("its graph pads by a negative number")
    return found


def _padding(layer: NcnnLayer, given: list[Tensor]) -> Tensor:
    top, below, left, right = _paddings(layer)
    mode = {1: "replicate", 2: "reflect"}.get(layer.whole(4))
    if mode is None:
        raise ModelError("its graph pads in another way than by reflection or by repeating the edge")
    return F.pad(given[0], (left, right, top, below), mode=mode)


def _crop(layer: NcnnLayer, given: list[Tensor]) -> Tensor:
    """The upper left part of the first blob, of the size of the second."""
    if len(given) != 2 or any(layer.numbers.values()) or layer.arrays:
        raise ModelError("its graph crops in another way than to the size of a blob")
    height, width = given[1].shape[-2:]
    return given[0][..., :height, :width]


def _reorg(layer: NcnnLayer, given: list[Tensor]) -> Tensor:
    if layer.whole(1):
        raise ModelError("its graph has a pixel unshuffle in another order than PyTorch's")
    return F.pixel_unshuffle(given[0], layer.whole(0))


def _pixel_shuffle(layer: NcnnLayer, given: list[Tensor]) -> Tensor:
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
_COMPUTE: dict[str, Callable[[NcnnLayer, list[Tensor]], Tensor]] = {
    "BinaryOp": _binary,
    "Concat": lambda layer, given: torch.cat(given, layer.whole(0) + 1),
    "Convolution": _convolution,
    "Crop": _crop,
    "Eltwise": _eltwise,
    "Interp": _interp,
    "MemoryData": lambda layer, _: layer.weights["value"].unsqueeze(0),
    "Padding": _padding,
    "PReLU": lambda layer, given: F.prelu(given[0], layer.weights["weight"]),
    "PixelShuffle": _pixel_shuffle,
    "ReLU": lambda layer, given: F.leaky_relu(given[0], layer.numbers.get(0, 0.0)),
    "Reorg": _reorg,
    "Sigmoid": lambda _, given: torch.sigmoid(given[0]),
    "Swish": lambda _, given: F.silu(given[0]),
}

"""SRVGGNetCompact, ResUNet and RRDBNet as OpenVINO models, built from their weights. Imports no torch.

For these architectures this is the conversion: importing PyTorch and tracing a network takes longer than compiling
it. A test compares each with its network in :mod:`wildsr.networks`. All others are traced, see
:mod:`wildsr.inference.openvino_graph`.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from wildsr.inference.engine import Array
from wildsr.zoo.formats.openvino_runtime import openvino

Weights = Mapping[str, Array]


def built(architecture: str, weights: Weights) -> Any | None:
    """The OpenVINO model, of any height and width, of a network with these weights by the names of its module.

    ``architecture`` is one of :data:`ARCHITECTURES`. None for weights under other names, such as those of a network
    whose layers were replaced.
    """
    openvino()
    from openvino import Model, opset13

    layers = _Layers(opset13, weights)
    image = opset13.parameter([-1, 3, -1, -1], np.float32)
    try:
        pixels = _BUILDERS[architecture](layers, image)
    except KeyError:
        return None
    return None if layers.unused else Model([pixels.output(0)], [image], architecture)


class _Layers:
    """Makes the layers of a model; each takes its weights by name, once.

    Attributes:
        unused: names of weights that no layer has taken.
    """

    def __init__(self, opset: Any, weights: Weights) -> None:
        self._opset = opset
        self._weights = weights
        self.unused = set(weights)

    def count(self, prefix: str) -> int:
        """The number of different parts of names that follow ``prefix``."""
        return len({name[len(prefix) :].split(".")[0] for name in self._weights if name.startswith(prefix)})

    def has(self, name: str) -> bool:
        return name in self._weights

    def take(self, name: str) -> Array:
        self.unused.discard(name)
        return self._weights[name]

    def convolution(self, x: Any, name: str, stride: int = 1) -> Any:
        """With a stride the kernel is as wide as that, and nothing is padded."""
        weight, bias = self.take(f"{name}.weight"), self.take(f"{name}.bias")
        pad = [weight.shape[-1] // 2 if stride == 1 else 0] * 2
        out = self._opset.convolution(x, weight, [stride] * 2, pad, pad, [1, 1])
        return self._opset.add(out, bias.reshape(1, -1, 1, 1))

    def prelu(self, x: Any, name: str) -> Any:
        return self._opset.prelu(x, self.take(f"{name}.weight"))

    def leaky_relu(self, x: Any, slope: float) -> Any:
        return self._opset.prelu(x, np.array([slope], np.float32))

    def pixel_shuffle(self, x: Any, scale: int) -> Any:
        return self._opset.depth_to_space(x, "depth_first", scale)

    def pixel_unshuffle(self, x: Any, scale: int) -> Any:
        return self._opset.space_to_depth(x, "depth_first", scale)

    def repeated(self, x: Any, times: int) -> Any:
        """Each of three channels several times."""
        return self._opset.gather(x, np.repeat(np.arange(3), times), np.int64(1))

    def upsampled_nearest(self, x: Any, scale: int) -> Any:
        return self._opset.interpolate(
            x,
            np.array([scale, scale], np.float32),
            "nearest",
            "scales",
            axes=np.array([2, 3]),
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )

    def bilinear_phases(self, image: Any, scale: int) -> Any:
        """Channels whose pixel shuffle is the RGB image upsampled bilinearly (``align_corners=False``).

        Element-wise operations, which OpenVINO leaves in float32 at the end of a network, unlike an interpolation.
        """
        offsets = (np.arange(scale) + 0.5) / scale - 0.5
        rows = self._interpolated(image, 3, offsets, axis=2)
        return self._interpolated(rows, 3 * scale, offsets, axis=3)

    def _interpolated(self, x: Any, channels: int, offsets: Array, axis: int) -> Any:
        """Each channel once for every offset, from -0.5 to 0.5 pixels along an axis; edges are repeated."""
        ops, at = self._opset, np.array([axis])
        border = np.where(np.arange(4) == axis, 1, 0)
        padded = ops.pad(x, border, border, "edge")
        before = ops.slice(padded, np.array([0]), np.array([-2]), np.array([1]), at)
        after = ops.slice(padded, np.array([2]), np.array([np.iinfo(np.int64).max]), np.array([1]), at)
        source = np.arange(channels).repeat(len(offsets))
        later = np.tile(offsets > 0, channels)
        weight = np.tile(np.abs(offsets), channels).astype(np.float32).reshape(1, -1, 1, 1)
        near = ops.gather(x, source, np.int64(1))
        far = ops.gather(ops.concat([before, after], 1), source + channels * later, np.int64(1))
        return ops.add(near, ops.multiply(ops.subtract(far, near), weight))

    def add(self, x: Any, y: Any) -> Any:
        return self._opset.add(x, y)

    def scaled(self, x: Any, factor: float) -> Any:
        return self._opset.multiply(x, np.float32(factor))

    def concat(self, parts: list[Any]) -> Any:
        return self._opset.concat(parts, 1)


def _compact(layers: _Layers, image: Any) -> Any:
    last = layers.count("body.") - 1
    x = image
    for index in range(0, last, 2):
        x = layers.prelu(layers.convolution(x, f"body.{index}"), f"body.{index + 1}")
    tail = layers.convolution(x, f"body.{last}")
    scale = _scale(tail)
    # The image is added before the pixel shuffle: the same sums, but the shuffle is last (see with_outputs).
    return layers.pixel_shuffle(layers.add(tail, layers.repeated(image, scale**2)), scale)


def _resunet(layers: _Layers, image: Any) -> Any:
    def blocks(x: Any, name: str) -> Any:
        for index in range(layers.count(f"{name}.")):
            part = f"{name}.{index}"
            inner = layers.prelu(layers.convolution(x, f"{part}.first"), f"{part}.activation")
            x = layers.add(x, layers.convolution(inner, f"{part}.second"))
        return x

    full = blocks(layers.convolution(image, "head"), "full_in")
    half = blocks(layers.convolution(full, "to_half", 2), "half_in")
    quarter = blocks(layers.convolution(half, "to_quarter", 2), "quarter")
    up = layers.pixel_shuffle(layers.convolution(quarter, "from_quarter"), 2)
    half = blocks(layers.add(half, up), "half_out")
    up = layers.pixel_shuffle(layers.convolution(half, "from_half"), 2)
    full = blocks(layers.add(full, up), "full_out")
    tail = layers.convolution(layers.prelu(full, "activation"), "tail")
    scale = _scale(tail)
    return layers.pixel_shuffle(layers.add(tail, layers.bilinear_phases(image, scale)), scale)


def _scale(tail: Any) -> int:
    """The scale of a pixel shuffle of these channels to RGB."""
    return math.isqrt(tail.get_output_partial_shape(0)[1].get_length() // 3)


def _rrdbnet(layers: _Layers, image: Any) -> Any:
    slope = 0.2
    if layers.has("relu"):
        layers.take("relu")
        slope = 0.0

    def activated(x: Any, name: str) -> Any:
        return layers.leaky_relu(layers.convolution(x, name), slope)

    def dense(x: Any, name: str) -> Any:
        grown = x
        for index in range(1, 5):
            grown = layers.concat([grown, activated(grown, f"{name}.conv{index}")])
        return layers.add(layers.scaled(layers.convolution(grown, f"{name}.conv5"), 0.2), x)

    unshuffle = math.isqrt(layers.take("conv_first.weight").shape[1] // 3)
    x = image if unshuffle == 1 else layers.pixel_unshuffle(image, unshuffle)
    first = x = layers.convolution(x, "conv_first")
    for block in range(layers.count("RRDB_trunk.")):
        inner = x
        for index in (1, 2, 3):
            inner = dense(inner, f"RRDB_trunk.{block}.RDB{index}")
        x = layers.add(layers.scaled(inner, 0.2), x)
    x = layers.add(first, layers.convolution(x, "trunk_conv"))
    for index in range(1, layers.count("upconv") + 1):
        x = activated(layers.upsampled_nearest(x, 2), f"upconv{index}")
    return layers.convolution(activated(x, "HRconv"), "conv_last")


_BUILDERS: dict[str, Callable[[_Layers, Any], Any]] = {
    "SRVGGNetCompact": _compact,
    "ResUNet": _resunet,
    "RRDBNet": _rrdbnet,
}
ARCHITECTURES = frozenset(_BUILDERS)

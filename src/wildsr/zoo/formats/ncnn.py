"""Reads ncnn models: a ``.param`` file with the graph, and a ``.bin`` file with its weights in the same order."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from wildsr.zoo.errors import ModelError

MAGIC = b"7767517"
_LONGEST_PARAM = 4 << 20
# The four bytes before a convolution's weights, which give their data type.
_FLOAT32, _FLOAT16, _INT8 = 0, 0x01306B47, 0x000D4B38
# An array parameter has the key -23300 minus its number.
_ARRAYS = -23300


class NcnnLayer(NamedTuple):
    """One line of a ``.param`` file, with its weights from the ``.bin`` file.

    ``numbers`` and ``arrays`` are the layer's parameters by ncnn's keys.
    """

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    numbers: dict[int, float]
    arrays: dict[int, tuple[float, ...]]
    weights: dict[str, Tensor]

    def whole(self, key: int, default: int = 0) -> int:
        """An integer parameter."""
        return int(self.numbers.get(key, default))


def read_graph(path: Path) -> list[NcnnLayer]:
    """The layers of an ncnn model in the order of computation; ``path`` is either file of the pair.

    Convolutions hold ``weight`` (out, in, k, k) and ``bias`` (out), PReLUs ``weight`` (channels), constants
    ``value`` (c, h, w); all float32.

    Raises:
        ModelError: for a missing half of the pair, files that are damaged, do not belong together or are quantised.
    """
    drawing, values = pair(path)
    try:
        if drawing.stat().st_size > _LONGEST_PARAM:
            raise ModelError(f"{drawing} is too large for an ncnn parameter file")
        layers = _parse(drawing.read_text("utf-8", errors="replace"))
        reader = _Values(values.read_bytes())
        filled = [layer._replace(weights=_weights(layer, reader)) for layer in layers]
    except OSError as error:
        raise ModelError(f"cannot read {error.filename}: {error.strerror or error}") from error
    except (ValueError, OverflowError) as error:
        raise ModelError(f"{drawing} and {values.name} cannot be read as an ncnn model: {error}") from error
    if reader.left:
        raise ModelError(
            f"{drawing} and {values.name} do not belong together: {reader.left} bytes of weights are left over"
        )
    return filled


def pair(path: Path) -> tuple[Path, Path]:
    """The ``.param`` and the ``.bin`` file of a model, of which ``path`` is one.

    Raises:
        ModelError: when the other one is missing.
    """
    wanted = ".bin" if path.suffix.lower() != ".bin" else ".param"
    for suffix in (wanted, wanted.upper()):
        other = path.with_suffix(suffix)
        if other.is_file():
            return (path, other) if wanted == ".bin" else (other, path)
    what = "weights" if wanted == ".bin" else "graph"
    raise ModelError(f"{path} is half of an ncnn model; put {path.stem}{wanted} with its {what} beside it")


def weights_file(path: Path) -> Path:
    """The file that holds the weights of a model: the ``.bin`` of an ncnn pair, of any other model ``path`` itself.

    Raises:
        ModelError: when the other file of the pair is missing.
    """
    with path.open("rb") as file:
        return pair(path)[1] if file.read(len(MAGIC)) == MAGIC else path


def _parse(text: str) -> list[NcnnLayer]:
    lines = [line.split() for line in text.splitlines() if line.strip()]
    if not lines or lines[0] != [MAGIC.decode()]:
        raise ValueError("it does not begin with 7767517")
    layers = [_layer(line) for line in lines[2:]]
    if len(lines) < 2 or len(layers) != int(lines[1][0]):
        raise ValueError(f"it is truncated after {len(layers)} layers")
    return layers


def _layer(line: list[str]) -> NcnnLayer:
    if len(line) < 4:
        raise ValueError(f"the line '{' '.join(line)}' is incomplete")
    kind, _, width_in, width_out = line[:4]
    ins, outs = int(width_in), int(width_out)
    blobs, settings = line[4 : 4 + ins + outs], line[4 + ins + outs :]
    if ins < 0 or outs < 0 or len(blobs) != ins + outs:
        raise ValueError(f"the line '{' '.join(line[:6])}' is incomplete")
    numbers: dict[int, float] = {}
    arrays: dict[int, tuple[float, ...]] = {}
    for setting in settings:
        key, _, value = setting.partition("=")
        if int(key) <= _ARRAYS:
            arrays[_ARRAYS - int(key)] = tuple(float(part) for part in value.split(",")[1:])
        else:
            numbers[int(key)] = float(value)
    return NcnnLayer(kind, tuple(blobs[:ins]), tuple(blobs[ins:]), numbers, arrays, {})


def _weights(layer: NcnnLayer, values: "_Values") -> dict[str, Tensor]:
    if layer.kind == "Convolution":
        out, side = layer.whole(0), layer.whole(1)
        if layer.whole(8):
            raise ValueError("it is quantised to int8; ask for the fp16 or fp32 model")
        count = layer.whole(6)
        width_in = count // (out * side**2) if out > 0 and side > 0 else 0
        if count <= 0 or width_in * out * side**2 != count:
            raise ValueError(f"a convolution claims {count} weights for {out} outputs and {side}x{side} taps")
        weight = values.tagged(count).view(out, width_in, side, side)
        return {"weight": weight, "bias": values.plain(out) if layer.whole(5) else torch.zeros(out)}
    if layer.kind == "PReLU":
        return {"weight": values.plain(layer.whole(0))}
    if layer.kind == "MemoryData":
        shape = [max(layer.whole(key), 1) for key in (2, 1, 0)]
        return {"value": values.plain(shape[0] * shape[1] * shape[2]).view(shape)}
    return {}


class _Values:
    """Reads the content of a ``.bin`` file sequentially."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._place = 0

    @property
    def left(self) -> int:
        return len(self._content) - self._place

    def plain(self, count: int) -> Tensor:
        """``count`` float32 values."""
        return self._take(count, "<f4", 4 * count)

    def tagged(self, count: int) -> Tensor:
        """``count`` values of the data type that the four bytes before them give, as float32."""
        flag = int.from_bytes(self._bytes(4), "little")
        if flag == _FLOAT32:
            return self.plain(count)
        if flag == _FLOAT16:
            return self._take(count, "<f2", (2 * count + 3) // 4 * 4)
        what = (
            "quantised to int8" if flag == _INT8 else f"stored in a way that wildsr does not know ({flag:#x})"
        )
        raise ValueError(f"it is {what}; ask for the fp16 or fp32 model")

    def _take(self, count: int, kind: str, size: int) -> Tensor:
        values = np.frombuffer(self._bytes(size), kind, max(count, 0))
        return torch.from_numpy(values.astype(np.float32))

    def _bytes(self, size: int) -> bytes:
        if size < 0 or size > self.left:
            raise ValueError("the weights are truncated, or belong to another graph")
        self._place += size
        return self._content[self._place - size : self._place]

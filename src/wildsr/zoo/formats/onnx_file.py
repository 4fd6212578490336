"""Reads the metadata of ONNX files, and the other files they refer to, from the protobuf; runs nothing."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from wildsr.storage.paths import join_untrusted

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
# The fields of messages that contain tensors, or such messages (onnx.proto, IR version 10).
_WITHIN = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}
_GRAPH, _METADATA = 7, 14  # of a model
_EXTERNAL_DATA = 13  # of a tensor


class OnnxFile(NamedTuple):
    """The metadata of an ONNX file, and the files beside it that hold tensors."""

    metadata: dict[str, str]
    external: tuple[Path, ...]


def is_onnx(path: Path) -> bool:
    """Whether a file has the suffix or the first bytes of an ONNX model; the format has no magic number."""
    if path.suffix.lower() == ".onnx":
        return True
    try:
        with path.open("rb") as file:
            head = file.read(9)
    except OSError:
        return False
    if path.suffix.lower() == ".bin" or head[8:] == b"{":
        return False  # the first bytes of ncnn weights and safetensors files are arbitrary numbers
    # The version of the format, below 32, and then the name of the producer or the graph.
    return len(head) == 9 and head[0] == 0x08 and 0 < head[1] < 32 and head[2] in (0x12, 0x3A)


def inspect(path: Path) -> OnnxFile:
    """Read the structure of an ONNX file.

    Raises:
        ValueError: when it is no ONNX file, is damaged, or refers to a file outside its folder.
        OSError: when it cannot be read.
    """
    content = memoryview(path.read_bytes())
    metadata: dict[str, str] = {}
    locations: set[str] = set()
    has_graph = False
    waiting = [("model", content)]
    while waiting:
        kind, message = waiting.pop()
        for number, value in _fields(message):
            if kind == "model" and number == _METADATA:
                key, text = _entry(value)
                metadata[key] = text
            elif kind == "tensor" and number == _EXTERNAL_DATA:
                key, text = _entry(value)
                if key == "location":
                    locations.add(text)
            elif inner := _WITHIN.get(kind, {}).get(number):
                has_graph |= kind == "model" and number == _GRAPH
                waiting.append((inner, value))
    if not has_graph:
        raise ValueError("it is no ONNX model")
    return OnnxFile(metadata, tuple(_beside(path, location) for location in sorted(locations)))


def _beside(path: Path, location: str) -> Path:
    """The file that holds a tensor, which must be in the folder of the model."""
    try:
        target = join_untrusted(path.parent, location)
    except ValueError as error:
        raise ValueError(f"it wants to read {location!r}, which is not in its folder") from error
    if not target.is_file():
        raise ValueError(f"its weights are in another file, {location}, which is missing; put it beside it")
    return target


def _entry(message: memoryview) -> tuple[str, str]:
    found = {number: bytes(value).decode("utf-8", errors="replace") for number, value in _fields(message)}
    return found.get(1, ""), found.get(2, "")


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """The numbers and contents of the length-delimited fields of a message."""
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        kind = tag & 7
        if kind == _VARINT:
            _, place = _varint(message, place)
        elif kind == _BYTES:
            length, place = _varint(message, place)
            yield tag >> 3, message[place : place + length]
            place += length
        elif kind in (_FIXED32, _FIXED64):
            place += 4 if kind == _FIXED32 else 8
        else:
            raise ValueError("it is no ONNX model, or damaged")
        if place > len(message):
            raise ValueError("it is truncated, or no ONNX model")


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(message):
            raise ValueError("it is truncated, or no ONNX model")
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    raise ValueError("it is no ONNX model, or damaged")

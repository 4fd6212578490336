"""Loads ONNX files as Models: OpenVINO runs them, and their contract is determined by test runs."""

import hashlib
import math
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from wildsr.storage.digest import sha256_of
from wildsr.zoo.errors import ModelError
from wildsr.zoo.formats.onnx_file import OnnxFile, inspect
from wildsr.zoo.formats.openvino_runtime import core, openvino
from wildsr.zoo.header import Header
from wildsr.zoo.model import Contract, Model

ARCHITECTURE = "ONNX"
FEWEST_OVERLAP, MOST_OVERLAP = 16, 64
_MULTIPLES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
_LARGEST_SCALE = 16
_QUARTER_LEVEL = 1 / 1020
# Limits of the values for each pixel of a small input, in one tensor and in all of a graph. RRDBNet-23 computes 0.1
# million in all, a large transformer half a million, with up to 6,000 in one.
_LARGEST_TENSOR, _ALL_TENSORS = 16_384, 1_000_000
# Limit of the values computed from constants alone, such as masks: OpenVINO computes them when it compiles a model.
_ALL_CONSTANTS = 1 << 26


def load_onnx(path: Path, name: str, licence: str | None = None, source: str | None = None) -> Model:
    """The Model of an ONNX file: one RGB image in [0, 1], NCHW floats, in and out.

    Scale and size multiple follow from the shapes. The receptive field is measured, on noise, as the distance at
    which a change of the image no longer changes the result by more than 1e-6; the default overlap, as that of
    a quarter of an 8-bit level, from 16 to 64. Only the file itself, and files in its own folder that
    it refers to for its weights, are read.

    Raises:
        ModelError: when the file is damaged, or is not such a model.
    """
    try:
        found = inspect(path)
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise ModelError(f"{path} cannot be used: {error}") from error
    try:
        digest = _digest(path, found)
        network = OnnxNetwork(_converted(path), bytes.fromhex(digest))
        reach, overlap = _measure(network)
    except ImportError as error:
        raise ModelError(f"{path} is an ONNX model, which OpenVINO runs; reinstall wildsr with it") from error
    except ModelError as error:
        raise ModelError(f"{path} cannot be used: {error}") from error
    except Exception as error:  # OpenVINO raises many kinds of errors for graphs that it cannot run
        raise ModelError(f"{path} cannot be used: OpenVINO cannot run it ({_reason(error)})") from error
    header = Header.parse(found.metadata)
    contract = Contract(
        name=name,
        architecture=ARCHITECTURE,
        sizes={},
        scale=network.scale,
        value_range=1.0,
        size_multiple=network.size_multiple,
        receptive_field=max(reach, overlap),
        overlap=overlap,
        licence=licence or header.licence or "unknown",
        source=source or header.source or str(path),
        sha256=digest,
        trained_on=header.trained_on,
    )
    return Model(network, contract)


class OnnxNetwork(nn.Module):
    """Wraps an OpenVINO model as an nn.Module; CPU inference only.

    Its only tensor is the digest of its files, by which caches distinguish it from other models.

    Raises:
        ModelError: when the model does not upscale RGB images of any size.
    """

    digest: Tensor

    def __init__(self, model: Any, digest: bytes) -> None:
        super().__init__()
        self._model = _floats(model)
        self.size_multiple, self.scale = _shapes(self._model)
        self._compiled: tuple[tuple[int, ...], Any] | None = None
        self.register_buffer("digest", torch.frombuffer(bytearray(digest), dtype=torch.uint8))

    def openvino_model(self) -> Any:
        """The OpenVINO model with dynamic height and width, for an engine to compile."""
        return self._model.clone()

    def forward(self, x: Tensor) -> Tensor:
        """Upscale (B, 3, H, W) to (B, 3, scale*H, scale*W), in float32, image by image."""
        images = [self._run(image.unsqueeze(0)) for image in x.detach().float().cpu()]
        return torch.cat(images).to(x.device)

    def __deepcopy__(self, memo: dict[int, Any]) -> "OnnxNetwork":
        """Another module with the same model, which is immutable and cannot be copied."""
        copied = object.__new__(OnnxNetwork)
        nn.Module.__init__(copied)
        copied._model, copied._compiled = self._model, None
        copied.size_multiple, copied.scale = self.size_multiple, self.scale
        copied.register_buffer("digest", deepcopy(self.digest, memo))
        return copied

    def _run(self, image: Tensor) -> Tensor:
        shape = tuple(image.shape)
        if self._compiled is None or self._compiled[0] != shape:
            model = self.openvino_model()
            model.reshape(list(shape))
            options = {"INFERENCE_PRECISION_HINT": "f32"}
            self._compiled = shape, core().compile_model(model, "CPU", options).create_infer_request()
        outputs = self._compiled[1].infer([image.contiguous().numpy()])
        return torch.from_numpy(outputs[0].copy())


def _converted(path: Path) -> Any:
    """The file as an OpenVINO model; always by the ONNX frontend."""
    openvino()
    from openvino.frontend import FrontEndManager

    frontend = FrontEndManager().load_by_framework("onnx")
    return frontend.convert(frontend.load(str(path)))


def _floats(model: Any) -> Any:
    """The model with float32 inputs and outputs."""
    _require_modest_constants(model)
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ModelError(
            f"it has {len(model.inputs)} inputs and {len(model.outputs)} outputs; wildsr runs models of one image"
        )
    shape = model.input(0).get_partial_shape()
    if not model.input(0).get_element_type().is_real():
        raise ModelError(
            f"it takes {model.input(0).get_element_type()} values; wildsr gives floats in [0, 1]"
        )
    if shape.rank.is_dynamic or len(shape) != 4 or not _may_be(shape[1], 3) or not _may_be(shape[0], 1):
        raise ModelError(
            f"it takes an array of shape {shape}; wildsr gives one RGB image, (1, 3, height, width)"
        )
    from openvino import Type
    from openvino.preprocess import PrePostProcessor

    wrapped = PrePostProcessor(model)
    wrapped.input(0).tensor().set_element_type(Type.f32)
    wrapped.output(0).tensor().set_element_type(Type.f32)
    return wrapped.build()


def _may_be(dimension: Any, size: int) -> bool:
    return bool(dimension.is_dynamic or dimension.get_length() == size)


def _shapes(model: Any) -> tuple[int, int]:
    """The smallest number that height and width must be multiples of, and the scale."""
    for multiple in _MULTIPLES:
        odd = 24 // multiple | 1  # so that the sizes are not multiples of a larger one
        sizes = [(multiple * odd, multiple * (odd + 2)), (multiple * (odd + 4), multiple * odd)]
        scales = {_scale(model, height, width) for height, width in sizes}
        if len(scales) == 1 and (scale := scales.pop()) is not None:
            return multiple, scale
    shape = model.input(0).get_partial_shape()
    raise ModelError(
        f"it upscales no RGB images of any size by a whole number (its input is {shape}, its output "
        f"{model.output(0).get_partial_shape()}); export it with free height and width"
    )


def _scale(model: Any, height: int, width: int) -> int | None:
    """The scale for an image of this size; None when the model does not accept it."""
    tried = model.clone()
    try:
        tried.reshape([1, 3, height, width])
        _require_modest(tried, height * width)
        shape = tried.output(0).get_partial_shape()
        batch, channels, tall, wide = shape.to_shape()
    except (RuntimeError, ValueError):
        return None
    scale = tall // height
    fits = (batch, channels, tall, wide) == (1, 3, scale * height, scale * width)
    return int(scale) if fits and 1 <= scale <= _LARGEST_SCALE else None


def _require_modest(model: Any, pixels: int) -> None:
    """Refuse a graph that computes enormous tensors for a small image. Shapes are inferred, nothing is computed."""
    total = 0
    for operation in model.get_ops():
        values = _values_made(operation)
        total += values
        if values > _LARGEST_TENSOR * pixels or total > _ALL_TENSORS * pixels:
            raise ModelError(
                f"it computes {max(values, total):,} values for an image of {pixels:,} pixels; no such network "
                "upscales"
            )


def _require_modest_constants(model: Any) -> None:
    """Refuse a graph that computes enormous tensors without any input."""
    dependent: set[str] = set()
    total = 0
    for operation in model.get_ordered_ops():
        sources = {
            operation.input_value(index).get_node().get_name() for index in range(operation.get_input_size())
        }
        if operation.get_type_name() == "Parameter" or sources & dependent:
            dependent.add(operation.get_name())
        else:
            total += _values_made(operation)
            if total > _ALL_CONSTANTS:
                raise ModelError(f"it computes {total:,} values from constants; no such network upscales")


def _values_made(operation: Any) -> int:
    """The number of values that an operation computes, where shapes are known; constants are limited by their file."""
    if operation.get_type_name() in ("Constant", "Parameter", "Result"):
        return 0
    shapes = [output.get_partial_shape() for output in operation.outputs()]
    return sum(math.prod(shape.to_shape()) for shape in shapes if shape.is_static)


def _measure(network: OnnxNetwork) -> tuple[int, int]:
    """The reach of a change of the image in LR pixels: exact, and above a quarter of a level with a margin."""
    multiple = network.size_multiple
    long = -(-2 * MOST_OVERLAP // (2 * multiple)) * 2 * multiple + 2 * multiple
    short = -(-24 // multiple) * multiple
    generator = torch.Generator().manual_seed(0)
    exact = visible = 0
    for height, width in ((short, long), (long, short)):
        one = torch.rand(1, 3, height, width, generator=generator)
        other = one.clone()
        half = other[..., height // 2 :, :] if height > width else other[..., width // 2 :]
        half.copy_(torch.rand(half.shape, generator=generator))
        change = (network(one) - network(other)).abs()
        if not bool(torch.isfinite(change).all()):
            raise ModelError("it gives NaN or infinite values on a plain image")
        lines = change.amax((0, 1, 3 if height > width else 2)).view(long, network.scale).amax(1)[: long // 2]
        exact = max(exact, _distance(lines, 1e-6))
        visible = max(visible, _distance(lines, _QUARTER_LEVEL))
    return exact, min(max(visible + 2, FEWEST_OVERLAP), MOST_OVERLAP)


def _distance(change: Tensor, smallest: float) -> int:
    """The distance of the first value above ``smallest`` from the end of ``change``."""
    places = (change > smallest).nonzero()
    return len(change) - int(places[0]) if len(places) else 0


def _digest(path: Path, found: OnnxFile) -> str:
    """SHA-256 of the file; with weights in other files, of the digests of all."""
    digests = [sha256_of(file) for file in (path, *found.external)]
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return next((line for line in lines if not line.startswith("Exception from")), "no reason given")

"""Exports networks as ONNX graphs with PyTorch's dynamo exporter. Needs the packages onnx and onnxscript."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wildsr.zoo.errors import ModelError

if TYPE_CHECKING:
    from wildsr.zoo.model import Model

OPSET = 18
INPUT, OUTPUT = "input", "output"


class AnySize(nn.Module):
    """A model for images of any size from 2 * ``multiple`` on: the image is padded and the result cropped.

    The padding is that of :func:`wildsr.zoo.model.pad_to_multiple`, written without conditions on the size.
    """

    def __init__(self, model: "Model") -> None:
        super().__init__()
        self.network = model.unit_range
        self.multiple = model.contract.size_multiple
        self.scale = model.contract.scale

    def forward(self, x: Tensor) -> Tensor:
        """Upscale (1, 3, H, W) in [0, 1]."""
        height, width = x.shape[-2:]
        more = self.multiple - 1
        padded = F.pad(x, (0, more, 0, more), mode="reflect")
        tall = (height + more) // self.multiple * self.multiple
        wide = (width + more) // self.multiple * self.multiple
        out: Tensor = self.network(padded[..., :tall, :wide])
        return out[..., : height * self.scale, : width * self.scale]


def exported(model: "Model", side: int | None = None, *, padded: bool = True) -> Any:
    """The ONNX model of ``model``, from float32 images (1, 3, H, W) in [0, 1].

    Args:
        model: the model.
        side: height and width of all images; None: any.
        padded: pad the image to the network's size multiple within the graph, and crop the result; otherwise height
            and width must be multiples.

    Raises:
        ModelError: the network cannot be exported.
    """
    multiple = model.contract.size_multiple
    padded = padded and multiple > 1
    unit = 1 if padded else multiple
    smallest = 2 * multiple // unit
    free = {
        2: unit * torch.export.Dim("height", min=smallest),
        3: unit * torch.export.Dim("width", min=smallest),
    }
    # Height and width differ, and are no other multiples, so that the exporter takes nothing for granted.
    height, width = (side, side) if side else (unit * (smallest + 37), unit * (smallest + 54))
    with torch.no_grad(), _quiet():
        program = torch.onnx.export(
            (AnySize(model) if padded else model.unit_range).eval(),
            (torch.zeros(1, 3, height, width),),
            dynamo=True,
            opset_version=OPSET,
            dynamic_shapes=None if side else (free,),
            input_names=[INPUT],
            output_names=[OUTPUT],
            verbose=False,
        )
    if program is None:
        raise ModelError(f"{model.contract.name} cannot be exported as ONNX")
    return program.model_proto


def with_half_kernels(model: Any) -> None:
    """Store the kernels of all convolutions as float16, in place; the graph casts them to float32 before use.

    Raises:
        ModelError: a value is too large.
    """
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT or len(tensor.dims) != 4:
            continue
        name = tensor.name
        with np.errstate(over="ignore"):
            values = onnx.numpy_helper.to_array(tensor).astype("float16")
        if not np.isfinite(values).all():
            raise ModelError(
                f"the weight {name} is too large for half precision; convert without --half, or to another format"
            )
        tensor.CopyFrom(onnx.numpy_helper.from_array(values, f"{name}.half"))
        casts.append(onnx.helper.make_node("Cast", [tensor.name], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress the exporter's warnings, for example that torchvision is not installed."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)  # of torch.onnx._internal.exporter._registration too
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)

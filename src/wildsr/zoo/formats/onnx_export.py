"""Exports networks as ONNX graphs. Needs the package onnx."""

import io
import warnings
from typing import Any

import onnx
import torch
from torch import nn

_OPSET = 17
"""From 2022: has every layer used here, and is supported by every runtime in use."""


def exported(network: nn.Module, side: int) -> Any:
    """The ONNX model of a network from images (1, 3, H, W) to images, with dynamic H and W.

    ``side`` is the side of the example image, in LR pixels.
    """
    buffer = io.BytesIO()
    with torch.no_grad(), warnings.catch_warnings():
        # Deprecated in favour of an exporter that needs another package and fixes the sizes of the example.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.eval(),
            (torch.zeros(1, 3, side, side),),
            buffer,  # type: ignore[arg-type]
            input_names=["input"],
            output_names=["output"],
            dynamic_axes={
                "input": {2: "height", 3: "width"},
                "output": {2: "output_height", 3: "output_width"},
            },
            opset_version=_OPSET,
            dynamo=False,
        )
    return onnx.load_from_string(buffer.getvalue())


def with_half_kernels(model: Any) -> None:
    """Store the kernels of all convolutions as float16, in place; the graph casts them to float32 before use."""
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT or len(tensor.dims) != 4:
            continue
        name = tensor.name
        values = onnx.numpy_helper.to_array(tensor).astype("float16")
        tensor.CopyFrom(onnx.numpy_helper.from_array(values, f"{name}.half"))
        casts.append(onnx.helper.make_node("Cast", [tensor.name], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)

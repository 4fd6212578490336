"""Networks as OpenVINO models: conversion, which imports torch, and what is added to them."""

import warnings
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from wildsr.zoo.formats.openvino_runtime import openvino

if TYPE_CHECKING:
    from torch import nn


@runtime_checkable
class _HasOpenVinoModel(Protocol):
    def openvino_model(self) -> Any: ...


def depends_on_size(network: "nn.Module") -> bool:
    """Whether a trace of the network is valid for one size of input only."""
    return any(getattr(part, "traced_per_size", False) for part in network.modules())


def convert(network: "nn.Module", example: tuple[int, int]) -> Any:
    """Convert a network, traced with an image of size ``example``, to an OpenVINO model of any height and width.

    Networks with a module that has the method ``openvino_model`` use that model. The frontend is called directly, since
    OpenVINO's convert_model sends telemetry.
    """
    import torch

    for module in network.modules():
        if isinstance(module, _HasOpenVinoModel):
            return module.openvino_model()
    openvino()
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    with torch.no_grad(), warnings.catch_warnings():
        # Deprecated in favour of torch.export, whose graphs OpenVINO cannot yet give free sizes.
        warnings.simplefilter("ignore", DeprecationWarning)
        traced = torch.jit.trace(  # type: ignore[no-untyped-call]
            network.eval(), torch.zeros(1, 3, *example), check_trace=False
        )
    frontend = FrontEndManager().load_by_framework("pytorch")
    decoder = TorchScriptPythonDecoder(traced)  # must outlive convert(): the frontend only borrows it
    return frontend.convert(frontend.load(decoder))


def with_outputs(model: Any, levels: bool) -> Any:
    """The model with two outputs: the pixels, (1, H, W, 3) uint8 with ``levels``, and their sum before rounding.

    The sum is NaN or infinite if any value is: far cheaper than a look at every value afterwards. A pixel shuffle at
    the end of the network comes after the rounding, so that it moves bytes instead of floats.
    """
    openvino()
    from openvino import Model, opset13

    pixels = model.output(0).get_node().input_value(0)
    last = pixels.get_node()
    shuffled = last.get_type_name() == "DepthToSpace"
    values = last.input_value(0) if shuffled else pixels
    total = opset13.reduce_sum(values, opset13.constant(np.array([0, 1, 2, 3])), False)
    if levels:
        unit = opset13.clamp(values, 0.0, 1.0)
        rounded = opset13.round(opset13.multiply(unit, opset13.constant(np.float32(255))), "half_to_even")
        bytes_ = opset13.convert(rounded, "u8")
        if shuffled:
            bytes_ = opset13.depth_to_space(bytes_, **last.get_attributes())
        pixels = opset13.transpose(bytes_, opset13.constant(np.array([0, 2, 3, 1]))).output(0)
    return Model([pixels, total.output(0)], model.get_parameters(), "tile")

"""Writes ONNX files, for any size or one, and runs them in ONNX Runtime."""

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from wildsr.export.checks import Run
from wildsr.zoo.convert import header_of
from wildsr.zoo.errors import ModelError
from wildsr.zoo.model import Model

_HINT = "to write ONNX files, run: pip install 'wildsr[export]'"


def write_onnx(
    model: Model, source: Path, target: Path, *, side: int | None = None, half: bool = False
) -> None:
    """Write ``model``, which was read from ``source``, as an ONNX file from float32 images (1, 3, H, W) in [0, 1].

    Args:
        model: the model.
        source: for the metadata of the file.
        target: the file.
        side: height and width of all images; None: any.
        half: store kernels as float16, for computation in float32.

    Raises:
        ModelError: a package is missing, or the network cannot be exported.
    """
    try:
        import onnx
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ModelError(_HINT) from error
    from wildsr.zoo.formats.onnx_export import exported, with_half_kernels

    graph = exported(model, side)
    if half:
        with_half_kernels(graph)
    header = replace(header_of(model, source), architecture=model.contract.architecture, value_range=1)
    onnx.helper.set_model_props(graph, header.metadata())
    target.write_bytes(graph.SerializeToString())


def onnx_runner(path: Path) -> Run:
    """A function that computes images (1, 3, H, W) with ONNX Runtime on the CPU."""
    try:
        import onnxruntime
    except ImportError as error:
        raise ModelError(_HINT) from error
    from wildsr.zoo.formats.onnx_export import INPUT, OUTPUT

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def run(image: Tensor) -> Tensor:
        return torch.from_numpy(session.run([OUTPUT], {INPUT: image.numpy()})[0])

    return run

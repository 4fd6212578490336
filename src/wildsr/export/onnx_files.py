"""Runs ONNX files in ONNX Runtime."""

from pathlib import Path

import torch
from torch import Tensor

from wildsr.export.checks import Run
from wildsr.zoo.errors import ModelError


def onnx_runner(path: Path) -> Run:
    """A function that computes images (1, 3, H, W) with ONNX Runtime on the CPU."""
    try:
        import onnxruntime
    except ImportError as error:
        raise ModelError("to check ONNX files, run: pip install 'wildsr[export]'") from error
    from wildsr.zoo.formats.onnx_export import INPUT, OUTPUT

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def run(image: Tensor) -> Tensor:
        return torch.from_numpy(session.run([OUTPUT], {INPUT: image.numpy()})[0])

    return run

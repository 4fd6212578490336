"""Writes ONNX files, for any size or one, with PyTorch's dynamo exporter, and runs them in ONNX Runtime."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wildsr.export.checks import Run
from wildsr.zoo.convert import header_of
from wildsr.zoo.errors import ModelError
from wildsr.zoo.model import Model

OPSET = 18
INPUT, OUTPUT = "input", "output"
_HINT = "to write ONNX files, run: pip install 'wildsr[export]'"


class AnySize(nn.Module):
    """A model for images of any size from 2 * ``multiple`` on: the image is padded and the result cropped.

    The padding is that of :func:`wildsr.zoo.model.pad_to_multiple`, written without conditions on the size.
    """

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.network = model.unit_range
        self.multiple = model.contract.size_multiple
        self.scale = model.contract.scale

    def forward(self, x: Tensor) -> Tensor:
        """Upscale (1, 3, H, W) in [0, 1]."""
        if self.multiple == 1:
            return self.network(x)  # type: ignore[no-any-return]
        height, width = x.shape[-2:]
        more = self.multiple - 1
        padded = F.pad(x, (0, more, 0, more), mode="reflect")
        tall = (height + more) // self.multiple * self.multiple
        wide = (width + more) // self.multiple * self.multiple
        out: Tensor = self.network(padded[..., :tall, :wide])
        return out[..., : height * self.scale, : width * self.scale]


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
    from wildsr.zoo.formats.onnx_export import with_half_kernels

    exported = _exported(model, side)
    if half:
        with_half_kernels(exported)
    header = replace(header_of(model, source), architecture=model.contract.architecture, value_range=1)
    onnx.helper.set_model_props(exported, header.metadata())
    target.write_bytes(exported.SerializeToString())


def onnx_runner(path: Path) -> Run:
    """A function that computes images (1, 3, H, W) with ONNX Runtime on the CPU."""
    try:
        import onnxruntime
    except ImportError as error:
        raise ModelError(_HINT) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def run(image: Tensor) -> Tensor:
        return torch.from_numpy(session.run([OUTPUT], {INPUT: image.numpy()})[0])

    return run


def _exported(model: Model, side: int | None) -> Any:
    smallest = 2 * model.contract.size_multiple
    free = {2: torch.export.Dim("height", min=smallest), 3: torch.export.Dim("width", min=smallest)}
    # Height and width differ, and are no multiples, so that the exporter takes nothing for granted.
    height, width = (side, side) if side else (smallest + 37, smallest + 54)
    with torch.no_grad(), _quiet():
        program = torch.onnx.export(
            AnySize(model).eval(),
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


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's warnings, for example that torchvision is not installed."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)  # of torch.onnx._internal.exporter._registration too
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)

"""chaiNNer and ComfyUI: safetensors for architectures that spandrel knows; for chaiNNer, ONNX for all others."""

from pathlib import Path

from wildsr.export import checks
from wildsr.export.onnx_files import onnx_runner
from wildsr.export.request import Request
from wildsr.export.spandrel_files import FAMILIES, check, readable, require_readable, write_safetensors
from wildsr.zoo.architectures import ARCHITECTURES
from wildsr.zoo.convert import onnx_content

SIZES = ((64, 64), (67, 93), (200, 220))


def architectures() -> list[str]:
    """All architectures that upscale; those with statistics of the whole image are refused earlier."""
    return [name for name, each in ARCHITECTURES.items() if each.training_only is None]


def comfyui_architectures() -> list[str]:
    """The architectures that spandrel knows."""
    return list(FAMILIES)


def write_chainner(request: Request, folder: Path) -> None:
    """Write ``NAME.safetensors`` or ``NAME.onnx``, and run it.

    Raises:
        ModelError: the model cannot be written, or a check fails.
    """
    if readable(request.model):
        write_comfyui(request, folder)
        return
    path = folder / f"{request.name}.onnx"
    path.write_bytes(onnx_content(request.model, request.path, extra="export"))
    for line in checks.compare(request.model, onnx_runner(path), SIZES, "ONNX Runtime"):
        request.checked(line)


def write_comfyui(request: Request, folder: Path) -> None:
    """Write ``NAME.safetensors``, and load it with spandrel where that is installed.

    Raises:
        ModelError: a check fails.
    """
    require_readable(request.model)
    path = folder / f"{request.name}.safetensors"
    write_safetensors(request, path)
    check(request, path)

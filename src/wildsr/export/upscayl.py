"""Upscayl: ncnn files in a folder ``models``, named so that Upscayl finds the scale."""

import re
from pathlib import Path

import torch

from wildsr.export import checks
from wildsr.export.ncnn_files import ncnn_runner, write_ncnn
from wildsr.export.request import Request
from wildsr.zoo.architectures import ARCHITECTURES
from wildsr.zoo.errors import ModelError
from wildsr.zoo.load import load

SCALES = (1, 2, 3, 4, 8)
SIZES = ((64, 64), (67, 93), (200, 220))
"""Heights and widths of the images that are compared; the second is that of a tile at the image's edge."""
TILE, BORDER = 200, 10
"""Upscayl's tiles, and the pixels that it adds on each side."""
TILED_SIZE = (400, 600)
_SCALE = re.compile(r"x16|x[12348]|(?:16|[12348])x")


def architectures() -> list[str]:
    """The architectures that can be exported: those that wildsr also reads back."""
    return [name for name, each in ARCHITECTURES.items() if each.from_ncnn is not None]


def upscayl_name(name: str, scale: int) -> str:
    """The name of the files; the only scale in it is the model's.

    Upscayl looks for ``x2`` or ``2x`` anywhere in the name, then for ``x3``, and so on, and takes the first one.
    """
    found = {match.strip("x") for match in _SCALE.findall(name.lower())}
    if found == {str(scale)}:
        return name
    rest = re.sub(r"[-_ .]+$|^[-_ .]+", "", re.sub(_SCALE.pattern, "", name, flags=re.IGNORECASE))
    return f"{rest or 'model'}-x{scale}"


def folder_for(folder: Path) -> Path:
    """``folder``, or the folder ``models`` in it: Upscayl takes custom models from folders of that name."""
    return folder if folder.absolute().name == "models" else folder / "models"


def write(request: Request, folder: Path) -> None:
    """Write ``NAME.param`` and ``NAME.bin``, run them in ncnn, in Upscayl's tiles too, and read them back.

    Raises:
        ModelError: the model cannot be written for Upscayl, or a check fails.
    """
    contract = request.model.contract
    if contract.scale not in SCALES:
        raise ModelError(f"{contract.name} upscales x{contract.scale}; Upscayl knows x1, x2, x3, x4 and x8")
    largest = checks.largest_activation(request.model)
    if largest > checks.LARGEST_FLOAT16:
        raise ModelError(
            f"{contract.name} computes values up to {largest:.3g}, more than float16 holds, in which Upscayl computes: "
            "its results would be black or grey"
        )
    request.checked(f"largest activation: {largest:.3g} (float16, in which Upscayl computes, holds 65504)")
    path = folder / f"{upscayl_name(request.name, contract.scale)}.param"
    write_ncnn(request.model, path)
    run = ncnn_runner(path)
    for line in checks.compare(request.model, run, SIZES, "ncnn"):
        request.checked(line)
    image = checks.probe_image(*TILED_SIZE)
    with torch.inference_mode():
        whole = request.model(image)
    mean, largest = checks.seam_levels(
        checks.tiled(run, image, TILE, BORDER, contract.scale), whole, TILE * contract.scale
    )
    height, width = TILED_SIZE
    request.checked(
        f"Upscayl's tiles of {TILE}+2*{BORDER} pixels on {width}x{height}: steps across the seams of {mean:.2g} "
        f"levels of 8 bits on average, {largest:.2g} at most"
    )
    back = load(path).contract
    if (back.architecture, back.scale) != (contract.architecture, contract.scale):
        raise ModelError(
            f"{path.name} is read back as {back.architecture} x{back.scale}; nothing was written"
        )
    request.checked(f"read back: {back.architecture}, x{back.scale}")

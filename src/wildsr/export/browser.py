"""The browser: an ONNX file for tiles of one size, and a page that runs it with onnxruntime-web (WASM)."""

import json
from importlib import resources
from pathlib import Path

from wildsr.export import checks
from wildsr.export.onnx_files import onnx_runner
from wildsr.export.request import Request
from wildsr.zoo.architectures import ARCHITECTURES
from wildsr.zoo.convert import onnx_content

SIDES = (128, 192, 256)
"""Tiles of these sizes; the smallest one whose core is at least half as wide as the tile."""
ONNXRUNTIME_WEB = "^1.20.0"
_PAGE = ("index.html", "upscale.mjs")


def architectures() -> list[str]:
    """All architectures that upscale; those with statistics of the whole image are refused earlier."""
    return [name for name, each in ARCHITECTURES.items() if each.training_only is None]


def write(request: Request, folder: Path) -> None:
    """Write ``model.onnx`` with its facts in ``model.json``, and the page with its list of packages.

    Raises:
        ModelError: the model cannot be exported, or a check fails.
    """
    contract = request.model.contract
    overlap = min(contract.overlap, SIDES[-1] // 4)
    overlap = -(-overlap // contract.size_multiple) * contract.size_multiple
    side = next((side for side in SIDES if side >= 4 * overlap), SIDES[-1])
    path = folder / "model.onnx"
    path.write_bytes(onnx_content(request.model, request.path, side=side, half=True, extra="export"))
    for line in checks.compare(request.model, onnx_runner(path), ((side, side),), "ONNX Runtime"):
        request.checked(line)
    facts = {"name": contract.name, "side": side, "overlap": overlap, "scale": contract.scale}
    facts["multiple"] = contract.size_multiple
    (folder / "model.json").write_text(json.dumps(facts, indent=2) + "\n", "utf-8")
    package = {"private": True, "dependencies": {"onnxruntime-web": ONNXRUNTIME_WEB}}
    (folder / "package.json").write_text(json.dumps(package, indent=2) + "\n", "utf-8")
    for name in _PAGE:
        content = (resources.files("wildsr.export") / "browser_page" / name).read_text("utf-8")
        (folder / name).write_text(content, "utf-8")

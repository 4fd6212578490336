"""OpenModelDB: the model file, its entry of the database, and example images.

The form of the entry is that of the database's own code (OpenModelDB/open-model-database, src/lib/schema.ts and
model-props.ts).
"""

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from wildsr.errors import UsageError
from wildsr.export.request import Request
from wildsr.export.spandrel_files import FAMILIES, check, require_readable, spandrel_weights
from wildsr.image import read_levels, write_rgb
from wildsr.inference.api import upscale
from wildsr.storage.digest import sha256_of

ARCHITECTURE_IDS = {"RRDBNet": "esrgan", "SRVGGNetCompact": "compact", "SPAN": "span"}
UPLOAD = "https://example.org/REPLACE-BY-YOUR-UPLOAD"
_LARGEST_SIDE = 512
"""Examples are crops of at most this many pixels a side."""


def architectures() -> list[str]:
    """The architectures that the database has an id for."""
    return list(FAMILIES)


def model_id(name: str, scale: int) -> str:
    """The id of a model as the database forms it: ``4x-My-Model``."""
    words = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")
    # Without the scale at either end, so that it is not there twice.
    words = re.sub(rf"^(?:{scale}x|x{scale})-?|-(?:{scale}x|x{scale})$", "", words, flags=re.IGNORECASE)
    return f"{scale}x-{words or 'model'}"


def write(request: Request, folder: Path) -> None:
    """Write ``ID.pth``, ``ID.json`` and, for every photo of the request, a pair ``ID-1-LR.png``, ``ID-1-SR.png``.

    Raises:
        ModelError: a check fails.
        UsageError: two things that the entry needs contradict each other.
        ImageError: a photo cannot be read.
    """
    model = request.model
    require_readable(model)
    identifier = model_id(request.name, model.contract.scale)
    path = folder / f"{identifier}.pth"
    torch.save({"params": spandrel_weights(model)}, path)
    check(request, path)
    images = [
        _pair(request, photo, folder / f"{identifier}-{index}")
        for index, photo in enumerate(request.images, 1)
    ]
    if not images:
        request.checked("no example images: name photos with --example")
    entry = _entry(request, path, images)
    problems = problems_of(entry, identifier)
    if problems:
        raise UsageError("the entry would be refused: " + "; ".join(problems))
    (folder / f"{identifier}.json").write_text(
        json.dumps(entry, indent=4, ensure_ascii=False) + "\n", "utf-8"
    )
    request.checked(
        f"{identifier}.json follows the database's rules; fill in author, description, tags and the URLs"
    )


def problems_of(entry: dict[str, Any], identifier: str) -> list[str]:
    """The rules of the database that an entry breaks; those about other entries (authors, tags) are not checked."""
    found = []
    if not re.fullmatch(r"\d+x-[a-zA-Z0-9]+(?:-[a-zA-Z0-9]+)*", identifier):
        found.append(f"the id {identifier} is malformed")
    if not identifier.startswith(f"{entry['scale']}x-"):
        found.append(f"the id {identifier} does not begin with the scale")
    for key in ("name", "author", "tags", "date", "architecture", "resources"):
        if not entry.get(key):
            found.append(f"'{key}' is missing")
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", entry["date"]):
        found.append("the date is malformed")
    if entry["description"] != entry["description"].strip():
        found.append("the description has spaces at an end")
    if not 1 <= entry["scale"] <= 16 or not {entry["inputChannels"], entry["outputChannels"]} <= {1, 2, 3, 4}:
        found.append("the scale or the number of channels is impossible")
    for resource in entry["resources"]:
        sizes = isinstance(resource["size"], int) and resource["size"] > 0
        digest = re.fullmatch(r"[0-9a-f]{64}", resource["sha256"])
        if resource["type"] not in ("pth", "onnx") or not sizes or not digest or not resource["urls"]:
            found.append("a resource is malformed")
    for image in entry["images"]:
        if image.get("type") != "paired" or not image.get("LR") or not image.get("SR"):
            found.append("an image is malformed")
    return found


def _entry(request: Request, path: Path, images: list[dict[str, str]]) -> dict[str, Any]:
    contract = request.model.contract
    sizes = {"features": "nf", "convs": "nc", "blocks": "nb"}
    return {
        "name": request.name,
        "author": "your-id",
        "license": None if contract.licence == "unknown" else contract.licence,
        "tags": ["photo", "restoration"],
        "description": f"For images that were upscaled too little or degraded. Source: {contract.source}".strip(),
        "date": date.today().isoformat(),
        "architecture": ARCHITECTURE_IDS[contract.architecture],
        "size": [f"{contract.sizes[key]}{unit}" for key, unit in sizes.items() if key in contract.sizes]
        or None,
        "scale": contract.scale,
        "inputChannels": 3,
        "outputChannels": 3,
        "resources": [
            {
                "platform": "pytorch",
                "type": "pth",
                "size": path.stat().st_size,
                "sha256": sha256_of(path),
                "urls": [f"{UPLOAD}/{path.name}"],
            }
        ],
        "images": images,
    }


def _pair(request: Request, photo: Path, stem: Path) -> dict[str, str]:
    """Write the middle of a photo, without its metadata, and the result for it."""
    levels = read_levels(photo)
    height, width = levels.shape[-2:]
    top, left = max(height - _LARGEST_SIDE, 0) // 2, max(width - _LARGEST_SIDE, 0) // 2
    lr = levels[..., top : top + _LARGEST_SIDE, left : left + _LARGEST_SIDE].float() / 255
    if min(lr.shape[-2:]) < 32:
        lr = F.pad(lr, (0, max(32 - lr.shape[-1], 0), 0, max(32 - lr.shape[-2], 0)), mode="replicate")
    names = {kind: stem.with_name(f"{stem.name}-{kind}.png") for kind in ("LR", "SR")}
    write_rgb(names["LR"], lr)
    write_rgb(names["SR"], upscale(lr, request.model, precision="exact").clamp(0, 1))
    request.checked(f"example: {photo.name}, {lr.shape[-1]}x{lr.shape[-2]} to {names['SR'].name}")
    return {"type": "paired", "LR": f"{UPLOAD}/{names['LR'].name}", "SR": f"{UPLOAD}/{names['SR'].name}"}

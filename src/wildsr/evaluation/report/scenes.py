"""The images of a report: grouped by scene, read, resized and encoded for the page."""

import base64
from dataclasses import dataclass
from io import BytesIO

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from wildsr.evaluation.planes import strips
from wildsr.evaluation.results import Results
from wildsr.image import ImageError, read_levels
from wildsr.ops.resize import imresize

INPUT, PLAIN, TRUTH = "Input (LR)", "Bicubic", "Ground truth (HR)"
_WEBP_QUALITY = 82


@dataclass(frozen=True)
class Layer:
    """One version of an image: its label, its method or None, and its file."""

    label: str
    method: str | None
    path: str


@dataclass(frozen=True)
class Scene:
    """An image in its available versions: input, bicubic, the methods in their order, ground truth."""

    dataset: str
    image: str
    layers: tuple[Layer, ...]


def gather(results: Results) -> list[Scene]:
    """The scenes, in order of first appearance; images without files are left out."""
    groups: dict[tuple[str, str], list[Layer]] = {}
    ends: dict[tuple[str, str], dict[str, str]] = {}
    for row in results.rows:
        key = (row.dataset, row.image)
        layers, known = groups.setdefault(key, []), ends.setdefault(key, {})
        for label, path in ((INPUT, row.lr), (PLAIN, row.bicubic), (TRUTH, row.hr)):
            if path:
                known.setdefault(label, path)
        if row.sr:
            layers.append(Layer(row.method, row.method, row.sr))
    scenes = []
    for key, layers in groups.items():
        known = ends[key]
        if known.get(PLAIN) in {layer.path for layer in layers}:
            del known[PLAIN]  # bicubic is one of the methods
        before = [Layer(label, None, known[label]) for label in (INPUT, PLAIN) if label in known]
        after = [Layer(TRUTH, None, known[TRUTH])] if TRUTH in known else []
        order = sorted(layers, key=lambda layer: results.methods.index(layer.label))
        if found := (*before, *order, *after):
            scenes.append(Scene(*key, found))
    return scenes


def read_layers(scene: Scene) -> tuple[dict[str, Tensor], list[str]]:
    """8-bit levels (1, 3, H, W) uint8 of each version by label, and the errors of the others."""
    found, problems = {}, []
    for layer in scene.layers:
        try:
            found[layer.label] = read_levels(layer.path)
        except ImageError as error:
            problems.append(f"{layer.label}: {error}")
    return found, problems


def downscaled(levels: Tensor, longest: int) -> Tensor:
    """Levels (1, 3, H, W) uint8 with sides of at most ``longest``; never enlarged.

    Large images are averaged down by a whole number first, a strip at a time; the rest is bicubic.
    """
    factor = max(max(levels.shape[2:]) // longest, 1)
    if factor > 1:
        rows = strips(levels.shape[2], 3 * levels.shape[3], multiple=factor)
        levels = torch.cat(
            [F.avg_pool2d(levels[:, :, part].float(), factor, ceil_mode=True) for part in rows], 2
        )
        levels = levels.round().to(torch.uint8)
    side = max(levels.shape[2:])
    if side > longest:
        levels = imresize(levels.float(), longest / side).round().clamp(0, 255).to(torch.uint8)
    return levels


def data_uri(levels: Tensor, lossless: bool = False) -> str:
    """Levels (1, 3, H, W) uint8 as a data URI with a WebP image."""
    coded = BytesIO()
    image = Image.fromarray(levels[0].permute(1, 2, 0).contiguous().numpy())
    if lossless:
        image.save(coded, "WEBP", lossless=True, method=4)
    else:
        image.save(coded, "WEBP", quality=_WEBP_QUALITY, method=4)
    return "data:image/webp;base64," + base64.b64encode(coded.getvalue()).decode("ascii")

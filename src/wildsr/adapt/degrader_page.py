"""The section of the report about a network that was trained to degrade: examples of its results, and its losses."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from wildsr.adapt.degrader_recipes import degrader_file
from wildsr.adapt.plots import loss_charts
from wildsr.adapt.work import WorkFolder
from wildsr.data.learned import learned_degradation
from wildsr.evaluation.report import Section
from wildsr.evaluation.report.scenes import data_uri
from wildsr.image import probe, quantize, read_levels
from wildsr.ops.resize import imresize
from wildsr.storage.evenly import evenly

_SHOWN, _SIDE, _SCALE, _GAP = 3, 96, 4, 4


def degrader_sections(work: Path) -> list[Section]:
    """The section; none if no network was trained to degrade."""
    known = WorkFolder(work).load("degrader")
    if known is None:
        return []
    method = str(known["method"])
    folder = work / "degrader"
    caption = (
        "Left: HR image, downscaled. Middle: the same, degraded by the network. Right: a part of a real photo"
    )
    note = (
        f"{method.upper()}'s network was trained for {known['steps']} steps to make the middle column look like the "
        "right one. It made the LR images of the training; the proof does not use it."
    )
    source = data_uri(quantize(_examples(work, method)), lossless=True)
    figure = (
        f'<figure class="card"><figcaption>{caption}</figcaption><img alt="{caption}" '
        f'style="width:100%;max-width:592px;image-rendering:pixelated" src="{source}"></figure>'
    )
    charts = loss_charts(folder / "log.jsonl", "down" if method == "ddnsr" else "generator")
    return [Section("degrader", "Learned degradation", f'<p class="note">{note}</p>{figure}{charts}')]


def _examples(work: Path, method: str) -> Tensor:
    """Rows (1, 3, H, W) of an HR image downscaled, the same degraded, and a part of a photo."""
    photos = work / "references"
    references = photos if method == "ddnsr" else None
    degradation = learned_degradation(degrader_file(work / "degrader", method), _SCALE, references)
    every = sorted(photos.glob("*.png"))
    images, real = evenly(sorted((work / "hr").glob("*.png")), _SHOWN), evenly(every, _SHOWN)
    # DDNSR takes its noise from any of the photos.
    side = min(_SIDE, *(_shortest(path) // _SCALE for path in images), *(_shortest(path) for path in every))
    rows = []
    for number, (path, photo) in enumerate(zip(images, real, strict=False)):
        hr = _centre(read_levels(path).float() / 255, _SCALE * side)
        parameters = degradation.sample(np.random.default_rng(number), (hr.shape[-2], hr.shape[-1]))
        with torch.no_grad():
            degraded = degradation.apply(hr, [parameters])
        gap = torch.ones(1, 3, side, _GAP)
        parts = (
            imresize(hr, 1 / _SCALE),
            gap,
            degraded,
            gap,
            _centre(read_levels(photo).float() / 255, side),
        )
        rows += [torch.cat(parts, dim=-1), torch.ones(1, 3, _GAP, 3 * side + 2 * _GAP)]
    return torch.cat(rows[:-1], dim=-2).clamp(0, 1)


def _shortest(path: Path) -> int:
    size = probe(path)
    return min(size.width, size.height)


def _centre(image: Tensor, side: int) -> Tensor:
    top, left = (image.shape[-2] - side) // 2, (image.shape[-1] - side) // 2
    return image[..., top : top + side, left : left + side]

"""The figures on the cards of the photo models: sharpness, noise, patterns, LPIPS, PSNR and colour on held-back photos.

    python benchmarks/photo.py FOLDER MODEL... [--number 12] [--side 512] [--cache FOLDER] [--features FOLDER]

The centres of every second photo of FOLDER, in order of their names, are made a quarter as large and degraded in
four light ways (clean, light, web, noisy: Gaussian noise, then JPEG) and by BSRGAN's degradation, always with the
same random numbers. MODEL is a file or a name. Columns: edge sharpness and flat noise relative to the photo, the
pattern of 4 pixels in levels, LPIPS with AlexNet, PSNR, both under BSRGAN's degradation, and the shift of the mean
colour in levels. ``--cache`` keeps the figures of each file, so that only new models are measured.
"""

import argparse
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from wildsr.degradations.presets import preset
from wildsr.evaluation.distortion import psnr
from wildsr.evaluation.perceptual import lpips
from wildsr.evaluation.sharpness import edge_sharpness, flat_noise, grid_pattern
from wildsr.image import read_levels
from wildsr.ops.jpeg import jpeg
from wildsr.ops.resize import imresize
from wildsr.zoo.features.lpips import load_lpips
from wildsr.zoo.load import load

SIDE = 512
"""Side of the centre of each photo, in pixels."""
LIGHT = {"clean": (0.0, 0), "light": (2.5, 80), "web": (1.5, 45), "noisy": (14.0, 90)}
"""Noise in levels and JPEG quality (0: no JPEG) of the light degradations."""

Figures = dict[str, Any]


def degraded(hr: Tensor, sigma: float, quality: int, seed: int) -> Tensor:
    """A quarter-size image (1, 3, h/4, w/4) in [0, 1] with noise of ``sigma`` levels and a JPEG of ``quality``."""
    lr = imresize(hr, 0.25)
    noise = np.random.default_rng(seed).standard_normal(lr.shape, dtype=np.float32)
    lr = _rounded(lr + torch.from_numpy(noise) * (sigma / 255))
    return jpeg(lr[0], quality)[None] if quality else lr


def strongly_degraded(hr: Tensor, seed: int) -> Tensor:
    """A quarter-size image (1, 3, h/4, w/4) in [0, 1], degraded as BSRGAN does."""
    degradation = preset("bsrgan")
    parameters = degradation.sample(np.random.default_rng(seed), (hr.shape[-2], hr.shape[-1]))
    return _rounded(degradation.apply(hr, [parameters]))


def _rounded(image: Tensor) -> Tensor:
    return image.clamp(0, 1).mul(255).round().div(255)


def _middle(image: Tensor) -> Tensor:
    height, width = (min(SIDE, side) // 4 * 4 for side in image.shape[-2:])
    top, left = (image.shape[-2] - height) // 2, (image.shape[-1] - width) // 2
    return image[..., top : top + height, left : left + width]


def measured(model: str, photos: Sequence[Path], features: Path | None) -> Figures:
    """The means over the photos, by column."""
    upscale, network = load(model), load_lpips(features)
    rows: list[dict[str, float]] = []
    for index, path in enumerate(photos):
        hr = _middle(read_levels(path)[0].float().div(255)[None])
        row: dict[str, float] = {}
        for name, (sigma, quality) in LIGHT.items():
            sr = _rounded(upscale(degraded(hr, sigma, quality, index)))
            row[f"edge {name}"] = float(edge_sharpness(sr, hr))
            row[f"flat {name}"] = float(flat_noise(sr, hr))
            row[f"lpips {name}"] = float(lpips(network, sr, hr))
            row[f"psnr {name}"] = float(psnr(sr, hr))
            if name == "clean":
                row["grid"] = float(grid_pattern(sr, hr))
                row["colour"] = float((sr - hr).mean((2, 3)).abs().mean() * 255)
        for seed in (index, 1000 + index):
            sr = _rounded(upscale(strongly_degraded(hr, seed)))
            row[f"bsrgan {seed // 1000}"] = float(psnr(sr, hr))
            row[f"strong {seed // 1000}"] = float(lpips(network, sr, hr))
        rows.append(row)

    def mean(key: str) -> float:
        return float(np.nanmean([row[key] for row in rows]))

    figures: Figures = {
        kind: {name: mean(f"{kind} {name}") for name in LIGHT} for kind in ("edge", "flat", "lpips", "psnr")
    }
    figures |= {"grid": mean("grid"), "colour": mean("colour")}
    strong = {"psnr": ("bsrgan 0", "bsrgan 1"), "lpips": ("strong 0", "strong 1")}
    figures["strong"] = {name: sum(map(mean, keys)) / len(keys) for name, keys in strong.items()}
    return figures


def line(name: str, figures: Figures) -> str:
    """A row of the table."""

    def four(kind: str, digits: int) -> str:
        return " ".join(f"{figures[kind][one]:.{digits}f}" for one in LIGHT)

    strong = figures["strong"]
    return (
        f"{name[-24:]:24} edge {four('edge', 3)} flat {four('flat', 2)} grid {figures['grid']:.3f} lpips "
        f"{four('lpips', 3)} psnr {four('psnr', 2)} strong {strong['psnr']:.2f} {strong['lpips']:.3f} "
        f"colour {figures['colour']:.2f}"
    )


def main() -> None:
    """Print a line for each model."""
    global SIDE
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--number", type=int, default=12, help="photos to measure")
    parser.add_argument("--side", type=int, default=SIDE, help="side of their centres, in pixels")
    parser.add_argument("--cache", type=Path, help="folder for the figures of each file")
    parser.add_argument("--features", type=Path, help="folder with the weights of LPIPS")
    asked = parser.parse_args()
    SIDE = asked.side
    photos = sorted(asked.folder.glob("*.png"))[::2][: asked.number]
    for model in asked.models:
        kept = None
        if asked.cache is not None and Path(model).is_file():
            digest = hashlib.sha256(Path(model).read_bytes()).hexdigest()[:16]
            asked.cache.mkdir(parents=True, exist_ok=True)
            kept = asked.cache / f"{digest}-{asked.number}-{asked.side}.json"
        if kept is not None and kept.exists():
            figures = json.loads(kept.read_text())
        else:
            with torch.inference_mode():
                figures = measured(model, photos, asked.features)
            if kept is not None:
                kept.write_text(json.dumps(figures))
        print(
            line(
                f"{Path(model).parent.name}/{Path(model).stem}" if Path(model).is_file() else model, figures
            ),
            flush=True,
        )


if __name__ == "__main__":
    main()

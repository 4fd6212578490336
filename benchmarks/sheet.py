"""Draws a sheet of results for faces, fur, text, foliage, skies, the night and clean images.

    python benchmarks/sheet.py SHEET.jpg [MODEL ...]

The images come with scikit-image, and are degraded by presets of ``wildsr degrade`` with fixed seeds. Each row is a
crop: bicubic, every MODEL, the truth.
MODEL is a name or a file. Needs the extra ``dev``.
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from skimage import data
from torch import Tensor

import wildsr
from wildsr.degradations.files import DegradeSettings, save
from wildsr.degradations.presets import preset
from wildsr.image import Traits
from wildsr.image.sheet import contact_sheet
from wildsr.ops.cropping import crop_to_multiple
from wildsr.ops.resize import resize

SIDE = 256
"""HR pixels of a crop."""


class Scene(NamedTuple):
    """One row: an image of scikit-image, where its crop begins, how it is degraded, with which seed."""

    what: str
    image: str
    top: int
    left: int
    degradation: str = "bsrgan"
    seed: int = 0


SCENES = (
    Scene("face", "astronaut", 0, 96, seed=3),
    Scene("noisy face", "astronaut", 0, 96, seed=7),
    Scene("fur", "chelsea", 20, 120, seed=10),
    Scene("text", "text", 0, 100, "light"),
    Scene("foliage", "grass", 100, 100, seed=1),
    Scene("sky", "rocket", 20, 220, seed=11),
    Scene("night", "rocket", 171, 60, "light", seed=1),
    Scene("clean", "coffee", 60, 200, "bicubic"),
    Scene("clean face", "astronaut", 0, 96, "bicubic"),
    Scene("JPEG", "coffee", 100, 250, "jpeg-30"),
)


def cut(scene: Scene) -> Tensor:
    """(1, 3, H, W) in [0, 1], SIDE pixels a side or as many as there are."""
    pixels = np.atleast_3d(getattr(data, scene.image)())[..., :3]
    whole = torch.from_numpy(pixels.copy()).permute(2, 0, 1).unsqueeze(0).float().div(255)
    crop = whole[..., scene.top : scene.top + SIDE, scene.left : scene.left + SIDE]
    return crop_to_multiple(crop.expand(1, 3, -1, -1), 4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("sheet", type=Path)
    parser.add_argument("models", nargs="*", default=["wildsr-faithful-x4", "wildsr-compact-x4"])
    options = parser.parse_args()
    upscalers = {Path(name).stem: wildsr.Upscaler(wildsr.load(name)) for name in options.models}
    images, labels = [], []
    for scene in SCENES:
        hr = cut(scene)
        size = (hr.shape[-2], hr.shape[-1])
        degradation = preset(scene.degradation, 4)
        lr = degradation.apply(hr, [degradation.sample(np.random.default_rng(scene.seed), size)])
        images += [resize(lr, size).clamp(0, 1)[0], *(one(lr)[0] for one in upscalers.values()), hr[0]]
        labels += [f"{scene.what}, {scene.degradation}: bicubic", *upscalers, "truth"]
    sheet = contact_sheet(images, labels, len(upscalers) + 2)
    save(options.sheet, sheet, Traits(), DegradeSettings("bsrgan", 4, 0, quality=88))


if __name__ == "__main__":
    main()

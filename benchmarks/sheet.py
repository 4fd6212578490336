"""What models make of faces, fur, text, foliage, skies and clean pictures: a sheet to look at.

    python benchmarks/sheet.py SHEET.jpg [MODEL ...] [--seed 0]

The pictures come with scikit-image, and are degraded by presets of ``wildsr degrade`` with fixed seeds. Each row is a
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
from wildsr.degradations.files import Manner, save
from wildsr.degradations.presets import preset
from wildsr.image import Traits
from wildsr.image.sheet import contact_sheet
from wildsr.ops.resize import resize

SIDE = 256
"""HR pixels of a crop."""


class Scene(NamedTuple):
    """What a row shows: a picture of scikit-image, where its crop begins, and how it is degraded."""

    what: str
    picture: str
    top: int
    left: int
    degradation: str = "bsrgan"


SCENES = (
    Scene("face", "astronaut", 0, 96),
    Scene("fur", "chelsea", 20, 120),
    Scene("text", "page", 0, 0, "light"),
    Scene("foliage", "grass", 100, 100),
    Scene("sky and structure", "rocket", 20, 220),
    Scene("clean", "coffee", 60, 200, "bicubic"),
    Scene("clean face", "astronaut", 0, 96, "bicubic"),
    Scene("JPEG", "coffee", 100, 250, "jpeg-30"),
)


def cut(scene: Scene) -> Tensor:
    """(1, 3, SIDE, SIDE) in [0, 1], padded with its edge where the picture ends."""
    pixels = np.atleast_3d(getattr(data, scene.picture)())[..., :3]
    whole = torch.from_numpy(pixels.copy()).permute(2, 0, 1).unsqueeze(0).float().div(255)
    crop = whole[..., scene.top : scene.top + SIDE, scene.left : scene.left + SIDE]
    missing = (0, SIDE - crop.shape[-1], 0, SIDE - crop.shape[-2])
    return torch.nn.functional.pad(crop.expand(1, 3, -1, -1), missing, mode="replicate")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("sheet", type=Path)
    parser.add_argument("models", nargs="*", default=["wildsr-faithful-x4", "default"])
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    upscalers = {Path(name).stem: wildsr.Upscaler(wildsr.load(name)) for name in options.models}
    pictures, labels = [], []
    for number, scene in enumerate(SCENES):
        hr = cut(scene)
        degradation = preset(scene.degradation, 4)
        parameters = degradation.sample(np.random.default_rng([options.seed, number]), (SIDE, SIDE))
        lr = degradation.apply(hr, [parameters])
        pictures += [
            resize(lr, (SIDE, SIDE)).clamp(0, 1)[0],
            *(one(lr)[0] for one in upscalers.values()),
            hr[0],
        ]
        labels += [f"{scene.what}, {scene.degradation}: bicubic", *upscalers, "truth"]
    save(
        options.sheet,
        contact_sheet(pictures, labels, len(upscalers) + 2),
        Traits(),
        Manner("bsrgan", 4, options.seed),
    )


if __name__ == "__main__":
    main()

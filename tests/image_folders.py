"""Folders of small images, cropped from photographs of scikit-image."""

from pathlib import Path

import numpy as np
import torch
from skimage import data
from torch import Tensor

from wildsr.image import Canvas, Traits, write

PHOTOGRAPHS = (data.astronaut, data.coffee, data.chelsea, data.rocket)


def photograph(number: int, height: int, width: int) -> Tensor:
    """An image (3, height, width) in [0, 1], different for each number."""
    whole = PHOTOGRAPHS[number % len(PHOTOGRAPHS)]()
    top, left = 7 * number % (whole.shape[0] - height), 5 * number % (whole.shape[1] - width)
    part = np.ascontiguousarray(whole[top : top + height, left : left + width])
    return torch.from_numpy(part).permute(2, 0, 1).float().div(255)


def save(path: Path, image: Tensor) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    canvas = Canvas(image.shape[-2], image.shape[-1], Traits())
    canvas.paste(0, 0, image)
    write(path, canvas)
    return path


def save_folder(folder: Path, count: int, height: int = 80, width: int = 96) -> Path:
    for number in range(count):
        save(folder / f"{number:02}.png", photograph(number, height, width))
    return folder


def save_pairs(folder: Path, count: int, side: int = 64, scale: int = 4) -> Path:
    """HR images, and in LR every ``scale``-th pixel of them, the first of its square."""
    for number in range(count):
        hr = photograph(number, side, side + 8 * scale)
        save(folder / "HR" / f"{number:02}.png", hr)
        save(folder / "LR" / f"{number:02}.png", hr[:, ::scale, ::scale])
    return folder


def damage(path: Path) -> Path:
    """Truncate an image file after its header."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    return path

"""Photographs on disk for evaluations."""

from pathlib import Path

import torch
from skimage import data
from torch import Tensor

from wildsr.image import write_rgb


def photograph(height: int = 96, width: int = 120, top: int = 0) -> Tensor:
    """A crop of scikit-image's astronaut (1, 3, height, width) in [0, 1]."""
    pixels = torch.from_numpy(data.astronaut()[top : top + height, :width].copy())
    return pixels.permute(2, 0, 1)[None].float() / 255


def save_folder(folder: Path, **images: Tensor) -> Path:
    """The images as PNG by name."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, image in images.items():
        write_rgb(folder / f"{name}.png", image)
    return folder


def darker(image: Tensor, levels: int) -> Tensor:
    """Lower every sample by some levels, so that the PSNR is known."""
    return (image * (255 - levels) / 255).mul(255).round() / 255

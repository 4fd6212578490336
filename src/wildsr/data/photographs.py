"""A folder of HR photographs as random training patches."""

from pathlib import Path

import torch
from torch import Generator, Tensor

from wildsr.image import quantize, read
from wildsr.image.formats import READABLE_SUFFIXES


def read_photographs(folder: Path, smallest: int) -> list[Tensor]:
    """Read every photograph under ``folder`` as uint8 (3, H, W), all kept in memory, in the order of their names.

    Raises ``FileNotFoundError`` when none is at least ``smallest`` pixels on both sides, ``PictureError`` for a damaged
    one.
    """
    photographs = []
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in READABLE_SUFFIXES):
        picture = read(path)
        if min(picture.size) >= smallest:
            photographs.append(quantize(picture.rgb[0]))
    if not photographs:
        raise FileNotFoundError(
            f"{folder}: no photograph of at least {smallest}x{smallest} pixels was found here"
        )
    return photographs


def draw_patches(photographs: list[Tensor], count: int, size: int, rng: Generator) -> Tensor:
    """Draw (count, 3, size, size) float32 patches in [0, 1], flipped and turned; photographs weigh by their area."""
    areas = torch.tensor([float(p.shape[-1] * p.shape[-2]) for p in photographs])
    patches = []
    for index in torch.multinomial(areas, count, replacement=True, generator=rng).tolist():
        photograph = photographs[index]
        top = int(torch.randint(photograph.shape[-2] - size + 1, (1,), generator=rng))
        left = int(torch.randint(photograph.shape[-1] - size + 1, (1,), generator=rng))
        patch = photograph[:, top : top + size, left : left + size]
        turns, mirrored = (
            int(torch.randint(4, (1,), generator=rng)),
            int(torch.randint(2, (1,), generator=rng)),
        )
        patch = torch.rot90(patch, turns, dims=(1, 2))
        patches.append(patch.flip(-1) if mirrored else patch)
    return torch.stack(patches).float().div(255)

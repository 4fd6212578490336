"""A folder of HR photographs as random training patches."""

from pathlib import Path

import pyvips
import torch
from torch import Generator, Tensor

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff"}


def read_photographs(folder: Path, smallest: int) -> list[Tensor]:
    """Read every photograph under ``folder`` as uint8 (3, H, W), all kept in memory, in the order of their names.

    Raises ``FileNotFoundError`` when none is at least ``smallest`` pixels on both sides.
    """
    photographs = []
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES):
        image = pyvips.Image.new_from_file(str(path)).autorot().colourspace("srgb")
        if min(image.width, image.height) >= smallest:
            samples = image.extract_band(0, n=3).cast("uchar").numpy()
            photographs.append(torch.from_numpy(samples.copy()).permute(2, 0, 1).contiguous())
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

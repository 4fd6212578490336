"""Contact sheets: many small images in rows, each with a label."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from wildsr.image.libvips import VipsError, text, to_array

_GAP = 8
_PAPER = 1.0


def contact_sheet(images: Sequence[Tensor], labels: Sequence[str], columns: int) -> Tensor:
    """Images (3, H, W) in [0, 1], of any sizes, as one (1, 3, height, width), with a label under each.

    Labels are broken into lines of their image's width; if libvips cannot render text they are left out.

    Raises:
        ValueError: no images, another number of labels, or no columns.
    """
    if not images or len(images) != len(labels) or columns < 1:
        raise ValueError(
            f"{len(images)} images and {len(labels)} labels in {columns} columns cannot be arranged"
        )
    width = max(image.shape[-1] for image in images)
    cells = [_cell(image, label, width) for image, label in zip(images, labels, strict=True)]
    rows = [cells[start : start + columns] for start in range(0, len(cells), columns)]
    wide = min(columns, len(cells)) * (width + _GAP) + _GAP
    strips = []
    for row in rows:
        tall = max(cell.shape[-2] for cell in row)
        strip = torch.cat(
            [F.pad(cell, (_GAP, 0, _GAP, tall - cell.shape[-2]), value=_PAPER) for cell in row], -1
        )
        strips.append(F.pad(strip, (0, wide - strip.shape[-1]), value=_PAPER))
    return F.pad(torch.cat(strips, -2), (0, 0, 0, _GAP), value=_PAPER).unsqueeze(0)


def _cell(image: Tensor, label: str, width: int) -> Tensor:
    padded = F.pad(image, (0, width - image.shape[-1]), value=_PAPER)
    return torch.cat([padded, _text(label, width).to(padded)], -2)


def _text(label: str, width: int) -> Tensor:
    """Black on white, (3, h, width)."""
    blank = torch.full((3, 1, width), _PAPER)
    if not label.strip():
        return blank
    escaped = label.replace("&", "&amp;").replace("<", "&lt;")
    try:
        rendered = to_array(text(escaped, width))
    except VipsError:  # no fonts on this machine
        return blank
    ink = torch.from_numpy(rendered[..., 0].copy())[:, :width].float().div(255)
    ink = F.pad(ink, (0, width - ink.shape[-1], 3, 3))
    return (_PAPER - ink).expand(3, -1, -1)

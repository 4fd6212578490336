"""The eight flips and rotations of an image, in the order of SRResCGAN's self-ensemble."""

import torch
from torch import Tensor

# mode -> (quarter turns anticlockwise, then flipped upside down)
_MODES = (
    (0, False),
    (1, True),
    (0, True),
    (3, False),
    (2, True),
    (1, False),
    (2, False),
    (3, True),
)
MODES = range(len(_MODES))


def dihedral(x: Tensor, mode: int) -> Tensor:
    """Rotate and flip ``x`` (..., H, W) by ``mode`` 0 to 7; 0 is the identity, odd modes swap H and W.

    Raises:
        ValueError: for any other mode.
    """
    turns, flip = _mode(mode)
    turned = torch.rot90(x, turns, (-2, -1))
    return turned.flip(-2) if flip else turned


def undo_dihedral(x: Tensor, mode: int) -> Tensor:
    """The inverse of :func:`dihedral`, with the same ``mode``.

    Raises:
        ValueError: for a mode outside 0 to 7.
    """
    turns, flip = _mode(mode)
    turned = x.flip(-2) if flip else x
    return torch.rot90(turned, -turns, (-2, -1))


def _mode(mode: int) -> tuple[int, bool]:
    if mode not in MODES:
        raise ValueError(f"a dihedral mode is one of 0 to 7, not {mode}")
    return _MODES[mode]

"""Distances between a result and the ground truth."""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from wildsr.networks.lpips import LpipsAlex


def psnr(result: Tensor, truth: Tensor, border: int = 0) -> Tensor:
    """PSNR in dB (B,) of pictures (B, 3, H, W) in [0, 1], over RGB, after rounding to 8 bits.

    ``border`` pixels are left out on every side. Equal pictures give infinity.
    """
    if result.shape != truth.shape:
        raise ValueError(
            f"the pictures have different shapes: {tuple(result.shape)} and {tuple(truth.shape)}"
        )
    inner = slice(border, -border or None)
    difference = _levels(result)[..., inner, inner] - _levels(truth)[..., inner, inner]
    return 20 * torch.log10(255 / difference.square().mean(dim=(1, 2, 3)).sqrt())


def load_lpips_alex(folder: Path) -> LpipsAlex:
    """LPIPS with AlexNet from ``alexnet.safetensors`` and ``lpips_linear_v0.1.safetensors`` in ``folder``.

    Raises ``FileNotFoundError`` when one of them is missing.
    """
    network = LpipsAlex()
    state = load_file(folder / "alexnet.safetensors")
    linear = load_file(folder / "lpips_linear_v0.1.safetensors")
    state |= {
        name.removeprefix("alex."): weight for name, weight in linear.items() if name.startswith("alex.")
    }
    network.load_state_dict(state)
    return network.eval().requires_grad_(False)


def _levels(pictures: Tensor) -> Tensor:
    return pictures.clamp(0, 1).mul(255).round().double()

"""Distances between a result and the ground truth."""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from wildsr.networks.lpips import Backbone, Lpips

_LPIPS_WEIGHTS: dict[Backbone, tuple[str, str]] = {
    "alex": ("alexnet.safetensors", "alex."),
    "squeeze": ("squeezenet1_1.safetensors", "squeeze."),
    "vgg": ("vgg16.safetensors", "vgg16."),
}


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


def load_lpips(folder: Path, backbone: Backbone = "alex") -> Lpips:
    """LPIPS with the weights in ``folder``: those of the backbone, and ``lpips_linear_v0.1.safetensors``.

    The backbones are AlexNet in ``alexnet.safetensors``, SqueezeNet in ``squeezenet1_1.safetensors`` and VGG-16 in
    ``vgg16.safetensors``, with torchvision's names; a classifier in the file is left out. Raises
    ``FileNotFoundError`` when a file is missing.
    """
    file, prefix = _LPIPS_WEIGHTS[backbone]
    network = Lpips(backbone)
    found = load_file(folder / file)
    state = {name: weight for name, weight in found.items() if name.startswith("features.")}
    linear = load_file(folder / "lpips_linear_v0.1.safetensors")
    state |= {name.removeprefix(prefix): weight for name, weight in linear.items() if name.startswith(prefix)}
    network.load_state_dict(state)
    return network.eval().requires_grad_(False)


def _levels(pictures: Tensor) -> Tensor:
    return pictures.clamp(0, 1).mul(255).round().double()

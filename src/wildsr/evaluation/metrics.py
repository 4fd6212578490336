"""The metrics, and where the weights of learned ones come from."""

from pathlib import Path

from safetensors.torch import load_file

from wildsr.evaluation.distortion import psnr, psnr_of_means, ssim
from wildsr.evaluation.niqe import Niqe, load_niqe
from wildsr.networks.lpips import Backbone, Lpips

__all__ = ["Lpips", "Niqe", "load_lpips", "load_niqe", "psnr", "psnr_of_means", "ssim"]

_LPIPS_WEIGHTS: dict[Backbone, tuple[str, str]] = {
    "alex": ("alexnet.safetensors", "alex."),
    "squeeze": ("squeezenet1_1.safetensors", "squeeze."),
    "vgg": ("vgg16.safetensors", "vgg16."),
}


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

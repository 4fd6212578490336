"""LPIPS from its published weight files."""

from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

from wildsr.networks.lpips import Backbone, Lpips
from wildsr.zoo.errors import ModelError
from wildsr.zoo.features.files import find_file
from wildsr.zoo.read import read_weights

_BACKBONES: dict[Backbone, str] = {"alex": "alexnet", "squeeze": "squeezenet1_1", "vgg": "vgg16"}


def lpips_files(backbone: Backbone, folder: Path | None = None) -> tuple[Path, Path]:
    """The files of LPIPS: the backbone with torchvision's names, and the weights of the channels.

    Either as safetensors (``alexnet``, ``squeezenet1_1``, ``vgg16``; ``lpips_linear_v0.1`` for all) or as published
    (the same names in ``.pth``; ``lpips_alex.pth`` and so on). Raises ``MissingWeights`` (a ``FileNotFoundError``).
    """
    name = _BACKBONES[backbone]
    network = find_file((f"{name}.safetensors", f"{name}.pth"), folder)
    return network, find_file(("lpips_linear_v0.1.safetensors", f"lpips_{backbone}.pth"), folder)


def load_lpips(folder: Path | None = None, backbone: Backbone = "alex") -> Lpips:
    """LPIPS with the weights in ``folder``, or where :func:`wildsr.zoo.features.files.features_folders` says.

    The classifier after the backbone is not loaded. On the CPU, in evaluation mode, without gradients.

    Raises:
        FileNotFoundError: a file is missing; says how to get it.
        ValueError: a file is not what it should be.
    """
    features, linear = lpips_files(backbone, folder)
    network = Lpips(backbone)
    try:
        found = _tensors(features)
        state = {name: weight for name, weight in found.items() if name.startswith("features.")}
        state |= _channel_weights(_tensors(linear), backbone)
        network.load_state_dict(state)
    except (ModelError, RuntimeError) as error:
        raise ValueError(
            f"{features} and {linear} are not the weights of LPIPS-{backbone} ({error}); fetch them again"
        ) from error
    return network.eval().requires_grad_(False)


def _tensors(path: Path) -> dict[str, Tensor]:
    return load_file(path) if path.suffix == ".safetensors" else dict(read_weights(path).tensors)


def _channel_weights(tensors: dict[str, Tensor], backbone: Backbone) -> dict[str, Tensor]:
    """``lin0``, ``lin1``, ... of one backbone, each (C,), from wildsr's file of all or from a published one."""
    prefix = "vgg16." if backbone == "vgg" else f"{backbone}."
    if any(name.startswith(prefix) for name in tensors):
        return {
            name.removeprefix(prefix): weight for name, weight in tensors.items() if name.startswith(prefix)
        }
    return {name.removesuffix(".model.1.weight"): weight.flatten() for name, weight in tensors.items()}

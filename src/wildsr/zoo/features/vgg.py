"""VGG feature networks from the weight files that torchvision publishes."""

import os
from collections.abc import Sequence
from pathlib import Path

from wildsr.networks.vgg import Depth, VGGFeatures
from wildsr.zoo.errors import ModelError
from wildsr.zoo.read import read_weights


def load_vgg(
    path: str | os.PathLike[str],
    layers: Sequence[str],
    depth: Depth = 19,
    normalise: bool = True,
    value_range: tuple[float, float] = (0.0, 1.0),
) -> VGGFeatures:
    """VGG's ``layers`` (such as ``conv5_4``) from a file with torchvision's names, PyTorch or safetensors.

    See :class:`wildsr.networks.vgg.VGGFeatures` for the arguments. The network is on the CPU, in float32, in
    evaluation mode, and its weights take no gradients.

    Raises:
        ModelError: when the file cannot be read, is not that of this depth, or lacks a layer.
    """
    weights = read_weights(Path(path)).tensors
    try:
        return VGGFeatures.from_weights(weights, layers, depth, normalise, value_range)
    except ValueError as error:
        raise ModelError(f"{path} cannot be used: {error}") from error

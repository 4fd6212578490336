"""VGG feature networks from the weight files that torchvision and Keras publish."""

import os
from collections.abc import Sequence
from pathlib import Path

import torch

from wildsr.networks.vgg import Depth, VGGFeatures
from wildsr.zoo.errors import ModelError
from wildsr.zoo.formats.h5 import read_keras_vgg
from wildsr.zoo.read import read_weights

_CAFFE_MEANS = (123.68, 116.779, 103.939)
"""Mean levels of R, G and B over ImageNet, which Keras subtracts."""


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


def load_keras_vgg(
    path: str | os.PathLike[str], layers: Sequence[str], normalise: bool = True
) -> VGGFeatures:
    """VGG-19's ``layers`` from the file of ``keras.applications``, whose weights differ from torchvision's.

    Images are RGB in [0, 1] as for :func:`load_vgg`. The weights expect B, G, R in levels minus the means of ImageNet,
    which ``normalise`` gives them; without, R, G, B in [0, 1] go into the first convolution as they are, as in DDNSR.

    Raises:
        ModelError: when the file cannot be read, or lacks a layer.
    """
    weights = read_keras_vgg(Path(path))
    if normalise and (first := weights.get("features.0.weight")) is not None:
        weights["features.0.weight"] = first.flip(1)  # B, G, R to R, G, B
    try:
        network = VGGFeatures.from_weights(weights, layers, normalise=False)
    except ValueError as error:
        raise ModelError(f"{path} cannot be used: {error}") from error
    if normalise:
        network.mean.copy_(torch.tensor(_CAFFE_MEANS).view(1, 3, 1, 1) / 255)
        network.std.fill_(1 / 255)
    return network

"""Keras files, written for tests."""

from pathlib import Path

import h5py
from torch import Tensor

from wildsr.networks.vgg import layer_names


def save_keras_vgg(path: Path, weights: dict[str, Tensor]) -> Path:
    """Write VGG-19's weights, named as torchvision's, in the layout of the file that Keras publishes."""
    layers = layer_names(19)
    with h5py.File(path, "w") as file:
        # Keras lists all layers, and has empty groups for those without weights.
        names = ["input_1"]
        for index, layer in enumerate(layers):
            stage, _, number = layer[-3:].partition("_") if layer.startswith("conv") else (layer[-1], "", "")
            name = f"block{stage}_conv{number}" if number else f"block{stage}_pool"
            key = f"features.{index}."
            if number and f"{key}weight" not in weights:
                break
            if not number and not layer.startswith("pool"):
                continue
            names.append(name)
            group = file.create_group(name)
            if number:
                kernel, bias = weights[f"{key}weight"].permute(2, 3, 1, 0), weights[f"{key}bias"]
                group.create_dataset(f"{name}_W_1:0", data=kernel.contiguous().numpy())
                group.create_dataset(f"{name}_b_1:0", data=bias.numpy())
                group.attrs["weight_names"] = [f"{name}_W_1:0".encode(), f"{name}_b_1:0".encode()]
            else:
                group.attrs["weight_names"] = []
        file.attrs["layer_names"] = [name.encode() for name in names]
    return path

"""Keras ``.h5`` files: DDNSR's networks as layers, and VGG-19, in PyTorch's layout.

Only datasets and the list of layer names are read. The configuration, from which Keras would build a model and which
may hold code, is ignored: the architecture follows from the names and shapes of the weights.
"""

import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from wildsr.networks.vgg import layer_names
from wildsr.zoo.errors import ModelError

MAGIC = b"\x89HDF\r\n\x1a\n"
_MOST_DATASETS = 20_000
_MOST_DIGITS = 9
_NUMBERED = re.compile(r"(?:.*/)?(conv2d|batch_normalization|dense)(?:_(\d+))?/(\w+)(?::0)?")
_WEIGHT_NAMES = {
    "kernel": "weight",
    "gamma": "weight",
    "bias": "bias",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
_VGG_WEIGHT = re.compile(r"(?:.*/)?block([1-5])_conv([1-4])[/_](W|b|kernel|bias)(?:_1)?(?::0)?")
_INSIDE_BLOCK = re.compile(r"(^|/)(rrdb|res_block)(_\d+)?/")


class KerasLayer(NamedTuple):
    """One layer: its path in the file, and its weights by PyTorch's names and in PyTorch's layout."""

    path: str
    weights: dict[str, Tensor]


class KerasLayers(NamedTuple):
    """The layers of a network by kind, each kind in the order in which the original code makes them.

    ``operations`` are the names of all layers, also of those without weights.
    """

    convolutions: list[KerasLayer]
    normalisations: list[KerasLayer]
    dense: list[KerasLayer]
    operations: list[str]

    def inside_blocks(self) -> list[bool]:
        """For each convolution, whether it belongs to a residual block."""
        return [_INSIDE_BLOCK.search(layer.path) is not None for layer in self.convolutions]

    def require_order(self, in_order: bool) -> None:
        """Raise ValueError unless ``in_order`` and there are no dense layers."""
        if not in_order or self.dense:
            raise ValueError(f"its {len(self.convolutions)} convolutions are in another order")


def read_keras(path: Path) -> KerasLayers:
    """The layers of a network of DDNSR, float32.

    TensorFlow numbers layers in the order of their creation, across networks; sorted by these numbers they are in the
    order of our networks.

    Raises:
        ModelError: when the file is damaged, h5py is missing, or the file holds no network of DDNSR.
    """
    datasets, names = _read(path)
    found = _layers(path, datasets)
    return KerasLayers(found["conv2d"], found["batch_normalization"], found["dense"], names)


def read_keras_vgg(path: Path) -> dict[str, Tensor]:
    """The convolutions of Keras's VGG-19 under torchvision's names (``features.0.weight``), float32.

    In the file of ``keras.applications``, ``vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5``, each layer is a group
    ``block1_conv1`` with the datasets ``block1_conv1_W_1:0`` (3, 3, in, out) and ``block1_conv1_b_1:0`` (out,). Newer
    versions of Keras write ``block1_conv1/kernel:0`` and ``block1_conv1/bias:0``. Other layers are ignored.

    Raises:
        ModelError: when the file is damaged, h5py is missing, or the file holds no layer of VGG-19.
    """
    names = layer_names(19)
    weights = {}
    for name, value in _read(path)[0].items():
        match = _VGG_WEIGHT.fullmatch(name)
        if match is not None and (layer := f"conv{match[1]}_{match[2]}") in names:
            kind = "weight" if match[3] in ("W", "kernel") else "bias"
            weights[f"features.{names.index(layer)}.{kind}"] = _as_torch("kernel", value)
    if not weights:
        raise ModelError(f"{path} does not hold Keras's VGG-19: it has no layer such as block1_conv1")
    return weights


def _read(path: Path) -> tuple[dict[str, Tensor], list[str]]:
    try:
        return _contents(path)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, OverflowError) as error:
        raise ModelError(
            f"{path} cannot be read as a Keras file ({error}); download or copy it again"
        ) from error


def _contents(path: Path) -> tuple[dict[str, Tensor], list[str]]:
    """All datasets by their path, and the names of the layers."""
    try:
        import h5py
    except ImportError as error:
        raise ModelError(
            f"{path} is a Keras/HDF5 file; to read it, run: pip install 'wildsr[keras]'"
        ) from error
    datasets: dict[str, Tensor] = {}

    def take(
        name: str, item: Any
    ) -> None:  # links are not followed, neither within the file nor to other files
        if not isinstance(item, h5py.Dataset):
            return
        if not isinstance(name, str):  # h5py returns bytes where the name is not UTF-8
            raise ValueError(f"the name {name!r} is not UTF-8")
        if len(datasets) >= _MOST_DATASETS:
            raise ValueError(f"it holds more than {_MOST_DATASETS} tensors")
        # Only values stored plainly in this file: no filters to run, no other files to open.
        plain = item.external is None and not item.is_virtual and item.dtype.kind == "f"
        if not plain or item.id.get_storage_size() != item.size * item.dtype.itemsize:
            raise ValueError(f"the tensor {name} is not stored as Keras stores weights")
        datasets[name] = torch.from_numpy(np.asarray(item[()], dtype=np.float32))

    with h5py.File(path, "r") as file:
        link = file.get("model_weights", getlink=True)
        root = file["model_weights"] if isinstance(link, h5py.HardLink) else file
        root.visititems(take)
        names = [
            name.decode() if isinstance(name, bytes) else str(name) for name in root.attrs["layer_names"]
        ]
    return datasets, names


def _layers(path: Path, datasets: dict[str, Tensor]) -> dict[str, list[KerasLayer]]:
    """The layers of each kind in the order of their numbers."""
    found: dict[tuple[str, int], KerasLayer] = {}
    for name, value in datasets.items():
        match = _NUMBERED.fullmatch(name)
        if match is None or match[3] not in _WEIGHT_NAMES:
            raise ModelError(f"{path} holds none of DDNSR's networks: it has the weight {name}")
        if len(match[2] or "") > _MOST_DIGITS:
            raise ModelError(f"{path} is damaged: a layer has a number of {len(match[2])} digits")
        layer = found.setdefault((match[1], int(match[2] or 0)), KerasLayer(name.rpartition("/")[0], {}))
        if layer.path != name.rpartition("/")[0]:
            raise ModelError(f"{path} holds several networks: {layer.path} and {name} have the same number")
        layer.weights[_WEIGHT_NAMES[match[3]]] = _as_torch(match[3], value)
    kinds = ("conv2d", "batch_normalization", "dense")
    return {kind: [found[key] for key in sorted(found) if key[0] == kind] for kind in kinds}


def _as_torch(kind: str, value: Tensor) -> Tensor:
    """HWIO becomes OIHW, and (in, out) becomes (out, in)."""
    if kind == "kernel" and value.ndim == 4:
        return value.permute(3, 2, 0, 1).contiguous()
    if kind == "kernel" and value.ndim == 2:
        return value.t().contiguous()
    return value

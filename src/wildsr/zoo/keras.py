"""DDNSR's Keras ``.h5`` files: TensorFlow's weights under our names and in PyTorch's layout.

Only datasets and the list of layer names are read. The configuration, from which Keras would build a model and which
may hold code, is never looked at: what a network is follows from the names and shapes of its weights.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from wildsr.zoo.errors import ModelError
from wildsr.zoo.key_tables import rrdbnet_layers

MAGIC = b"\x89HDF\r\n\x1a\n"
_MOST_DATASETS = 20_000
_NUMBERED = re.compile(r"(?:.*/)?(conv2d|batch_normalization|dense)(?:_(\d+))?/(\w+)(?::0)?")
_WEIGHT_NAMES = {
    "kernel": "weight",
    "gamma": "weight",
    "bias": "bias",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
_NOISE_CONVS = 4


class _Layer(NamedTuple):
    path: str
    weights: dict[str, Tensor]


def read_keras(path: Path) -> dict[str, Tensor]:
    """The weights of a network of DDNSR, float32, named as in :mod:`wildsr.networks.ddnsr`.

    TensorFlow numbers layers in the order in which code makes them, counting on from network to network; sorted by
    these numbers they are in the order of our networks.

    Raises:
        ModelError: when the file is damaged, h5py is missing, or the file holds no network of DDNSR.
    """
    try:
        datasets, names = _contents(path)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, OverflowError) as error:
        raise ModelError(
            f"{path} cannot be read as a Keras file ({error}); download or copy it again"
        ) from error
    layers = _layers(path, datasets)
    try:
        return _named(layers, single=any(name.startswith("tf.zeros_like") for name in names))
    except ValueError as error:
        raise ModelError(f"{path} holds none of DDNSR's networks: {error}") from error


def _contents(path: Path) -> tuple[dict[str, Tensor], list[str]]:
    """All datasets by their path, and the names of the layers."""
    try:
        import h5py
    except ImportError as error:
        raise ModelError(
            f"{path} is a Keras/HDF5 file; to read it, run: pip install 'wildsr[keras]'"
        ) from error
    datasets: dict[str, Tensor] = {}

    def take(name: str, item: Any) -> None:  # links are not followed, neither in the file nor out of it
        if not isinstance(item, h5py.Dataset):
            return
        if len(datasets) >= _MOST_DATASETS:
            raise ValueError(f"it holds more than {_MOST_DATASETS} tensors")
        # Stored as they are, within the file, and nowhere else: no filters to run, no other files to open.
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


def _layers(path: Path, datasets: dict[str, Tensor]) -> dict[str, list[_Layer]]:
    """The layers of each kind in the order of their numbers."""
    found: dict[tuple[str, int], _Layer] = {}
    for name, value in datasets.items():
        match = _NUMBERED.fullmatch(name)
        if match is None or match[3] not in _WEIGHT_NAMES:
            raise ModelError(f"{path} holds none of DDNSR's networks: it has the weight {name}")
        layer = found.setdefault((match[1], int(match[2] or 0)), _Layer(name.rpartition("/")[0], {}))
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


def _named(layers: dict[str, list[_Layer]], single: bool) -> dict[str, Tensor]:
    convs = layers["conv2d"]
    if layers["batch_normalization"]:
        return _discriminator(convs, layers["batch_normalization"], layers["dense"])
    inside = [bool(re.search(r"(^|/)(rrdb|res_block)(_\d+)?/", conv.path)) for conv in convs]
    if any("dense_block" in conv.path for conv in convs):
        blocks, rest = divmod(sum(inside), 15)
        upsamplings = len(convs) - sum(inside) - 4
        names = rrdbnet_layers(blocks, max(upsamplings, 0))
        fits = not rest and all(inside[1 : 1 + 15 * blocks])
        weights: dict[str, Tensor] = {}
    else:
        blocks, rest = divmod(sum(inside), 2)
        halvings, more = divmod(len(convs) - sum(inside) - _NOISE_CONVS - 5, 2)
        names = _degradation_layers(max(halvings, 0), blocks)
        first = 2 * halvings + _NOISE_CONVS + 3
        fits = not rest and not more and halvings >= 0 and all(inside[first : first + 2 * blocks])
        weights = {"noise_gain": torch.tensor(0.0 if single else 1.0)}
    listed = list(names)
    if not fits or len(listed) != len(convs) or layers["dense"]:
        raise ValueError(f"its {len(convs)} convolutions are in another order")
    return weights | _flat({name: conv.weights for name, conv in zip(listed, convs, strict=True)})


def _degradation_layers(halvings: int, blocks: int) -> Iterator[str]:
    yield "conv_first"
    yield from (f"halvings.{index}.conv{half}" for index in range(halvings) for half in (1, 2))
    yield "conv_hr"
    yield from (f"noise.{index}" for index in range(_NOISE_CONVS))
    yield "conv_mix"
    yield from (f"trunk.{index}.conv{half}" for index in range(blocks) for half in (1, 2))
    yield from ("trunk_conv", "conv_last")


def _discriminator(convs: list[_Layer], norms: list[_Layer], dense: list[_Layer]) -> dict[str, Tensor]:
    """Convolutions without a bias are followed by a normalisation, and all by an activation, which counts too."""
    named: dict[str, dict[str, Tensor]] = {}
    left, place = iter(norms), 0
    for conv in convs:
        named[f"body.{place}"] = conv.weights
        place += 1
        if "bias" not in conv.weights:
            norm = next(left, None)
            if norm is None:
                raise ValueError("a convolution has neither a bias nor a normalisation")
            named[f"body.{place}"] = norm.weights
            place += 1
        place += 1
    if next(left, None) is not None or len(dense) not in (0, 2):
        raise ValueError(
            f"it has {len(convs)} convolutions, {len(norms)} normalisations, {len(dense)} dense layers"
        )
    named |= {f"linear{index}": layer.weights for index, layer in enumerate(dense, 1)}
    return _flat(named)


def _flat(layers: dict[str, dict[str, Tensor]]) -> dict[str, Tensor]:
    return {f"{layer}.{kind}": value for layer, held in layers.items() for kind, value in held.items()}

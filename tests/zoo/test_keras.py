"""Keras files of DDNSR: those that TensorFlow wrote, those written here, and harmful ones."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

from wildsr.networks.ddnsr import DegradationNetwork
from wildsr.networks.rrdbnet import RRDBNet
from wildsr.zoo.errors import ModelError
from wildsr.zoo.load import load, load_network
from wildsr.zoo.read import read_weights

SHARED = Path(__file__).parents[2].parent / "shared" / "golden"
GOLDEN = Path(os.environ.get("WILDSR_GOLDEN", SHARED)) / "ddnsr"
OUTPUTS = 1e-5
INFERENCE = 5e-5


def golden(name: str) -> Path:
    path = GOLDEN / name
    if not path.is_file():
        pytest.skip(f"no {path}")
    return path


def nchw(x: Tensor) -> Tensor:
    return x.permute(0, 3, 1, 2).contiguous()


def networks(pattern: str) -> list[str]:
    return sorted(path.relative_to(GOLDEN).as_posix() for path in GOLDEN.glob(pattern))


def any_degradation() -> Path:
    return golden(next(iter(networks("networks/degradation_single*.h5")), "networks/degradation_single.h5"))


# --- files of TensorFlow


@pytest.mark.parametrize("file", networks("networks/reconstruction*.h5"))
def test_reconstruction_networks(file: str) -> None:
    model = load(golden(file))
    numbers = {key: int(value) for key, value in re.findall(r"_([fgbu])(\d+)", file)}
    assert model.contract.architecture == "RRDBNet"
    assert model.contract.sizes == {
        "features": numbers["f"],
        "blocks": numbers["b"],
        "growth": numbers.get("g", 32),
        "scale": 2 ** numbers["u"],
        "unshuffle": 1,
    }
    stored = load_file(golden("networks/networks_io.safetensors"))
    cases = {key.split("/")[1] for key in stored if key.startswith(f"{Path(file).stem}/")}
    assert len(cases) >= 3
    for case in cases:
        lr, out = (nchw(stored[f"{Path(file).stem}/{case}/{which}"]) for which in ("lr", "out"))
        torch.testing.assert_close(model(lr), out, rtol=0, atol=OUTPUTS)


@pytest.mark.parametrize("file", networks("networks/degradation*.h5"))
def test_degradation_networks(file: str) -> None:
    network = load_network(golden(file))
    assert isinstance(network, DegradationNetwork)
    assert network.noise_gain == float("dual" in file)
    stored = load_file(golden("networks/networks_io.safetensors"))
    cases = {key.split("/")[1] for key in stored if key.startswith(f"{Path(file).stem}/")}
    assert len(cases) >= 3
    for case in cases:
        hr, lr, out = (nchw(stored[f"{Path(file).stem}/{case}/{which}"]) for which in ("hr", "lr", "out"))
        torch.testing.assert_close(network(hr, lr), out, rtol=0, atol=OUTPUTS)


def test_a_degradation_network_is_no_model() -> None:
    with pytest.raises(ModelError, match="load_network"):
        load(any_degradation())


@pytest.mark.parametrize("file", networks("tfkeras221/*.h5"))
def test_later_keras(file: str) -> None:
    network = load_network(golden(file))
    stored = load_file(golden("tfkeras221/io.safetensors"))
    io = {which: stored.get(f"{Path(file).stem}/{which}") for which in ("hr", "lr", "out")}
    given = [nchw(io[which]) for which in ("hr", "lr") if io[which] is not None]
    torch.testing.assert_close(network(*given), nchw(io["out"]), rtol=0, atol=OUTPUTS)


@pytest.mark.parametrize(
    ("which", "moment"), [("up", "init"), ("down", "init"), ("up", "final"), ("down", "final")]
)
def test_counters_that_start_high(which: str, moment: str) -> None:
    """Files of a training run: the layers go on counting from the networks that were made before."""
    found = read_weights(golden(f"train/esrgan_dual_{which}_{moment}.h5")).tensors
    stored = load_file(golden("train/esrgan_dual.safetensors"))
    prefix = f"{'init' if moment == 'init' else 'after3'}/{which}/"

    def number(key: str) -> int:
        match = re.search(r"conv2d(?:_(\d+))?/", key)
        assert match
        return int(match[1] or 0)

    kernels = sorted((key for key in stored if key.startswith(prefix) and "kernel" in key), key=number)
    weights = [value for key, value in found.items() if key.endswith("weight")]
    assert len(kernels) == len(weights)
    for key, value in zip(kernels, weights, strict=True):
        assert torch.equal(stored[key].permute(3, 2, 0, 1), value), key


# --- files written here


def keras_file(path: Path, weights: dict[str, Any], layers: list[str], root: str = "model_weights") -> Path:
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Lambda", "config": "harm"})
        group = file.require_group(root) if root else file
        group.attrs["layer_names"] = layers
        for name, value in weights.items():
            group[f"{name.split('/')[0]}/{name}"] = np.asarray(value)
    return path


def full_size(network: str) -> dict[str, tuple[int, ...]]:
    listed = json.loads(golden("layout/default_track1_esrgan_dual.json").read_text())[network]
    return {name: tuple(shape) for layer in listed["layers_with_weights"] for name, shape in layer["weights"]}


@pytest.mark.parametrize("network", ["reconstruction-network.h5", "degradation-network.h5"])
def test_the_names_of_full_size(tmp_path: Path, network: str) -> None:
    """The published networks: 23 blocks, and numbers beyond 300; one tap of every kernel is enough here."""
    shapes = full_size(network)
    small = {
        name: np.zeros((1, 1, *shape[2:]) if len(shape) == 4 else shape, np.float32)
        for name, shape in shapes.items()
    }
    weights = read_weights(keras_file(tmp_path / "net.h5", small, ["input_1"])).tensors
    expected = RRDBNet().state_dict() if "reconstruction" in network else DegradationNetwork().state_dict()
    assert weights.keys() == expected.keys()
    for key, value in weights.items():
        assert value.shape[:2] == expected[key].shape[:2], key


def test_a_file_of_weights_alone(tmp_path: Path) -> None:
    path = any_degradation()
    with h5py.File(path) as file:
        inner: dict[str, Any] = {}
        file["model_weights"].visititems(
            lambda name, item: (
                inner.update({name.split("/", 1)[1]: item[()]}) if hasattr(item, "dtype") else None
            )
        )
        layers = [str(name) for name in file["model_weights"].attrs["layer_names"]]
    alone = read_weights(keras_file(tmp_path / "w.h5", inner, layers, root="")).tensors
    whole = read_weights(path).tensors
    assert alone.keys() == whole.keys()
    assert all(torch.equal(alone[key], whole[key]) for key in whole)


def discriminators() -> list[tuple[str, str]]:
    """Those whose kernels are in their own file."""
    found = []
    for path in sorted(GOLDEN.glob("discriminator_*.safetensors")):
        with safe_open(path, "pt") as file:
            keys = list(file.keys())
        cases = {key.split("/")[0] for key in keys if re.search(r"/w/00_conv2d/kernel(\.int8)?$", key)}
        found += [(path.stem, case) for case in sorted(cases)]
    return found


@pytest.mark.parametrize(("name", "case"), discriminators())
def test_discriminators(tmp_path: Path, name: str, case: str) -> None:
    stored = load_file(golden(f"{name}.safetensors"))
    counters, kinds = {"conv2d": 40, "batch_normalization": 7, "dense": 0}, {}
    weights: dict[str, Any] = {}
    for key in sorted(key for key in stored if key.startswith(f"{case}/w/")):
        _, _, layer, kind = key.split("/")
        if kind.endswith(".scale"):
            continue
        family = {"conv2d": "conv2d", "batchnormalization": "batch_normalization", "dense": "dense"}[
            layer[3:]
        ]
        if layer not in kinds:
            kinds[layer] = family + (f"_{counters[family]}" if counters[family] else "")
            counters[family] += 1
        value = stored[key]
        if kind.endswith(".int8"):
            value = value.float() * stored[key.replace(".int8", ".scale")]
        weights[f"{kinds[layer]}/{kind.removesuffix('.int8')}:0"] = value.numpy()
    path = keras_file(tmp_path / "net.h5", weights, list(kinds.values()))
    network = load_network(path)
    expected = stored[f"{case}/y0_inference"]
    expected = nchw(expected) if expected.ndim == 4 else expected
    found = network(nchw(stored[f"{case}/x0"]))
    torch.testing.assert_close(found, expected, rtol=0, atol=INFERENCE * float(expected.abs().max()))


# --- files that are something else


def small_weights() -> dict[str, np.ndarray]:
    """A degradation network of two features."""
    network = DegradationNetwork(2, 1, 1)
    weights, number = {}, 0
    for name, layer in network.named_modules():
        if isinstance(layer, torch.nn.Conv2d):
            block = "res_block/" if name.startswith("trunk.") else ""
            place = f"{block}conv2d_{number}"
            weights[f"{place}/kernel:0"] = layer.weight.detach().permute(2, 3, 1, 0).numpy()
            weights[f"{place}/bias:0"] = layer.bias.detach().numpy()
            number += 1
    return weights


def refusal(path: Path) -> str:
    with pytest.raises(ModelError) as caught:
        load_network(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_a_small_network_is_sound(tmp_path: Path) -> None:
    """Otherwise the refusals below would show nothing."""
    assert load_network(keras_file(tmp_path / "net.h5", small_weights(), [])) is not None


def left_out(weights: dict[str, np.ndarray]) -> None:
    del weights["conv2d_3/kernel:0"], weights["conv2d_3/bias:0"]


def half_left_out(weights: dict[str, np.ndarray]) -> None:
    del weights["conv2d_3/kernel:0"]


def another_kind(weights: dict[str, np.ndarray]) -> None:
    weights["lstm/kernel:0"] = np.zeros((2, 2), np.float32)


def integers(weights: dict[str, np.ndarray]) -> None:
    weights["conv2d_3/bias:0"] = np.zeros(2, np.int32)


def twice(weights: dict[str, np.ndarray]) -> None:
    weights["model/conv2d_3/kernel:0"] = weights["conv2d_3/kernel:0"]


def not_a_number(weights: dict[str, np.ndarray]) -> None:
    weights["conv2d_3/bias:0"] = np.full(2, np.nan, np.float32)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (left_out, "another order"),
        (half_left_out, "missing"),
        (another_kind, "lstm/kernel:0"),
        (integers, "not stored as Keras"),
        (twice, "same number"),
        (not_a_number, "NaN"),
        (dict.clear, "another order"),
    ],
)
def test_other_weights(tmp_path: Path, change: Callable[[dict[str, np.ndarray]], None], said: str) -> None:
    weights = small_weights()
    change(weights)
    assert said in refusal(keras_file(tmp_path / "net.h5", weights, []))


def test_no_layer_names(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "net.h5", "w") as file:
        file["data"] = np.zeros(4)
    assert "cannot be read as a Keras file" in refusal(tmp_path / "net.h5")


def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    path = keras_file(tmp_path / "net.h5", small_weights(), [])
    path.write_bytes(path.read_bytes().replace(b"bias:0", b"bi\xe1s:0", 1))
    assert "is not UTF-8" in refusal(path)


def test_h5py_is_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    path = keras_file(tmp_path / "net.h5", small_weights(), [])
    monkeypatch.setitem(sys.modules, "h5py", None)
    assert "pip install 'wildsr[keras]'" in refusal(path)


# --- harm


def replaced(tmp_path: Path, put: Callable[[h5py.Group], None]) -> Path:
    path = keras_file(tmp_path / "net.h5", small_weights(), [])
    with h5py.File(path, "a") as file:
        group = file["model_weights/conv2d_3/conv2d_3"]
        del group["bias:0"]
        put(group)
    return path


def secret(tmp_path: Path) -> Path:
    """A file that the model file refers to."""
    (tmp_path / "raw").write_bytes(bytes(64))
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["bias"] = np.ones(2, np.float32)
    return tmp_path / "secret.h5"


def test_links_to_other_files_are_not_followed(tmp_path: Path) -> None:
    other = secret(tmp_path)
    path = replaced(
        tmp_path, lambda group: group.__setitem__("bias:0", h5py.ExternalLink(str(other), "bias"))
    )
    with h5py.File(path) as file:
        assert file["model_weights/conv2d_3/conv2d_3/bias:0"].shape == (2,), "the link leads nowhere"
    assert "missing" in refusal(path)
    with h5py.File(tmp_path / "whole.h5", "w") as file:
        file["model_weights"] = h5py.ExternalLink(str(path), "model_weights")
    refusal(tmp_path / "whole.h5")


def test_tensors_in_other_files_are_not_read(tmp_path: Path) -> None:
    other = secret(tmp_path)
    outside = [(str(tmp_path / "raw"), 0, 8)]
    path = replaced(tmp_path, lambda group: group.create_dataset("bias:0", (2,), "f4", external=outside))
    assert "not stored as Keras" in refusal(path)
    layout = h5py.VirtualLayout((2,), "f4")
    layout[:] = h5py.VirtualSource(str(other), "bias", shape=(2,))
    path = replaced(tmp_path, lambda group: group.create_virtual_dataset("bias:0", layout))
    assert "not stored as Keras" in refusal(path)


def test_bombs_are_not_unpacked(tmp_path: Path) -> None:
    """Compressed, or never written at all: a small file that claims terabytes."""
    for options in (
        {"shape": (1 << 14, 1 << 10), "compression": "gzip", "data": np.zeros((1 << 14, 1 << 10), "f4")},
        {"shape": (1 << 20, 1 << 20), "dtype": "f4"},
        {"shape": (1 << 20, 1 << 20), "dtype": "f4", "chunks": (1 << 10, 1 << 10)},
    ):
        path = replaced(tmp_path, lambda group, options=options: group.create_dataset("bias:0", **options))
        assert path.stat().st_size < 1 << 20
        assert "not stored as Keras" in refusal(path)


def test_random_damage_is_always_explained(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(5)
    path = keras_file(tmp_path / "net.h5", small_weights(), [])
    sound, refused = path.read_bytes(), 0
    for _ in range(100):
        content = bytearray(sound)
        for place in torch.randint(len(content), (4,), generator=generator).tolist():
            content[place] = int(torch.randint(256, (), generator=generator))
        path.write_bytes(content[: int(torch.randint(1, 2 * len(content), (), generator=generator))])
        try:
            load_network(path)
        except ModelError:
            refused += 1
    assert 50 < refused <= 100

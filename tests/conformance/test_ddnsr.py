"""DDNSR's networks and layers against TensorFlow's numbers, on the original's weights."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from ddnsr_weights import created, fill, nchw, ours, recorded_networks
from golden_files import ROOT, Golden, golden_names, golden_path, read_golden
from safetensors.torch import load_file
from torch import Tensor, nn

from wildsr.networks.ddnsr import (
    DDNSRPatchDiscriminator,
    DDNSRVGGDiscriminator,
    DegradationNetwork,
    SameConv2d,
)
from wildsr.networks.rrdbnet import RRDBNet

Read = Callable[[str], Golden]

# From the table of tolerances in golden/ddnsr/README.md.
OUTPUTS = 1e-5
LAYERS = 1e-5  # of the largest value, like the next two
INFERENCE = 5e-5
TRAINING = 3e-4


@pytest.fixture(autouse=True)
def no_gradients() -> Any:
    with torch.no_grad():
        yield


def assert_close_to_largest(result: Tensor, expected: Tensor, tolerance: float) -> None:
    atol = tolerance * expected.abs().max().item()
    torch.testing.assert_close(result, expected, rtol=0, atol=atol)


def cases(name: str, pattern: str) -> list[str]:
    """The names in a golden file that match, for parametrisation; none without the file."""
    path = golden_path(name)
    if path is None:
        return []
    found = {match[1] for key in read_golden(path).tensors if (match := re.match(pattern, key))}
    assert found
    return sorted(found)


@pytest.mark.parametrize("case", cases("ddnsr/layers", r"conv/([^/]+)/"))
def test_same_convolution(golden: Read, case: str) -> None:
    item = golden("ddnsr/layers").under(f"conv/{case}/")
    size, stride = map(int, re.findall(r"[ks](\d+)_", case))
    height, width, width_in, width_out = item["kernel"].shape
    assert (height, width) == (size, size)
    conv = SameConv2d(width_in, width_out, size, stride)
    conv.load_state_dict({"weight": ours("kernel", item["kernel"]), "bias": item["bias"]})
    assert_close_to_largest(conv(nchw(item["x"])), nchw(item["y"]), LAYERS)


@pytest.mark.parametrize(
    "case", [case for case in cases("ddnsr/layers", r"(rrdb_[^/]+)/") if "_b3_beta0.2" in case]
)
def test_the_rrdb_is_that_of_rrdbnet(golden: Read, case: str) -> None:
    """The file's other RRDBs and dense blocks have numbers that no network of DDNSR uses."""
    item = golden("ddnsr/layers").under(f"{case}/")
    growth, features = map(int, re.findall(r"_[go](\d+)", case))
    rrdb = RRDBNet(features=features, growth=growth, blocks=1).RRDB_trunk[0]
    values = [ours(name, item[name]) for name in sorted(item) if name.startswith("w")]
    rrdb.load_state_dict(dict(zip(rrdb.state_dict(), values, strict=True)))
    assert_close_to_largest(rrdb(nchw(item["x"])), nchw(item["y"]), LAYERS)


def test_networks_in_training(golden: Read, golden_folder: Path) -> None:
    """Outputs of the networks of the recorded training steps before the first step."""
    names = golden_names("ddnsr/train/*", golden_folder)
    if not names:
        pytest.skip("no recorded training")
    for name in names:
        item = golden(name)
        up, down = recorded_networks(item)
        lr, hr = nchw(item["batch/lores_x_real"]), nchw(item["batch/hires_y_real"])
        expected = {
            name: nchw(value) if value.ndim == 4 else value for name, value in item.under("forward/").items()
        }
        results = {
            "hires_x_fake": up(lr),
            "lores_x_fake": down(up(lr), lr),
            "lores_y_fake": down(hr, lr),
            "hires_y_fake": up(down(hr, lr)),
        }
        discriminators = {"hires": "disc_up", "lores": "disc_down"}
        for domain, name in discriminators.items():
            if f"score_{domain}_real" not in expected:
                continue
            features, halvings = map(int, re.findall(r"\d+", item.json("constructors")[name]))
            real, fake = (hr, results["hires_y_fake"]) if domain == "hires" else (lr, results["lores_y_fake"])
            judge = DDNSRVGGDiscriminator(features, halvings, (real.shape[-2], real.shape[-1]))
            fill(judge, item.under(f"init/{name}/"))
            results |= {f"score_{domain}_real": judge(real), f"score_{domain}_fake": judge(fake)}
        compared = results.keys() & expected.keys()
        assert expected.keys() <= results.keys(), expected.keys() - results.keys()
        for name in compared:
            atol = INFERENCE if "score" in name else OUTPUTS
            torch.testing.assert_close(
                results[name], expected[name], rtol=0, atol=atol, msg=lambda m, n=name: f"{n}: {m}"
            )


@pytest.mark.parametrize("case", cases("ddnsr/networks/networks_io", r"([^/]+)/"))
def test_saved_networks(golden: Read, golden_folder: Path, case: str) -> None:
    h5py = pytest.importorskip("h5py")
    weights: dict[str, Tensor] = {}
    with h5py.File(golden_folder / f"ddnsr/networks/{case}.h5") as file:
        file["model_weights"].visititems(
            lambda name, value: (
                weights.__setitem__(name, torch.from_numpy(value[()])) if hasattr(value, "dtype") else None
            )
        )
    numbers = {key: int(value) for key, value in re.findall(r"_([fgbdu])(\d+)", case)}
    network: nn.Module
    if case.startswith("degradation"):
        network = DegradationNetwork(numbers["f"], numbers["d"], numbers["b"], "dual" in case)
    else:
        network = RRDBNet(
            features=numbers["f"], blocks=numbers["b"], growth=numbers.get("g", 32), scale=2 ** numbers["u"]
        )
    fill(network, created(weights))
    item = golden("ddnsr/networks/networks_io")
    inner = {name.split("/")[0] for name in item.under(f"{case}/")}
    assert len(inner) >= 3
    for name in inner:
        io = {key: nchw(value) for key, value in item.under(f"{case}/{name}/").items()}
        out = network(io["hr"], io["lr"]) if "hr" in io else network(io["lr"])
        torch.testing.assert_close(out, io["out"], rtol=0, atol=OUTPUTS)


def discriminator_files() -> list[tuple[str, str]]:
    names = golden_names("ddnsr/discriminator_*")
    return [(name, case) for name in names for case in cases(name, r"([^/]+)/w/")]


def discriminator_weights(folder: Path, name: str, case: str, stored: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights in the order of the layers; kernels kept as integers are unpacked."""
    weights = {key.removeprefix("w/"): value for key, value in stored.items() if key.startswith("w/")}
    if name.endswith("_flipped"):  # its kernels are those of the first set of files, reversed
        packed = f"{name.removesuffix('_flipped')}_int8.safetensors"
        first = next(
            (path for path in (folder / packed, ROOT.parent / "shared/golden" / packed) if path.is_file()),
            None,
        )
        if first is None:
            pytest.skip(f"there is no {packed} to take the kernels from")
        kernels = load_file(first)
        weights |= {
            key.removeprefix(f"{case}/w/"): value.flip(0, 1, 2) if key.endswith("int8") else value
            for key, value in kernels.items()
            if "/kernel." in key
        }
    for key in [key for key in weights if key.endswith(".int8")]:
        whole = key.removesuffix(".int8")
        weights[whole] = weights.pop(key).float() * weights.pop(f"{whole}.scale")
    return dict(sorted(weights.items()))


@pytest.mark.parametrize(("name", "case"), discriminator_files())
def test_discriminator(golden: Read, golden_folder: Path, name: str, case: str) -> None:
    item = golden(name)
    stored = item.under(f"{case}/")
    weights = discriminator_weights(golden_folder, name, case, stored)
    image = stored["x0"]
    layers = item.json("layers")[case]
    convs = [options for _, kind, options in layers if kind == "Conv2D"]
    network: nn.Module
    if layers[-1][1] == "Dense":
        halvings = sum(conv["strides"] == [2, 2] for conv in convs)
        network = DDNSRVGGDiscriminator(
            convs[0]["filters"], halvings, tuple(image.shape[1:3]), layers[-2][2]["units"]
        )
    else:
        network = DDNSRPatchDiscriminator(convs[0]["filters"], len(convs) - 2)
    norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    for index in sorted(key[1:] for key in stored if re.fullmatch(r"x\d+", key)):
        fill(network, weights)
        x = nchw(stored[f"x{index}"])
        expected = {kind: stored[f"y{index}_{kind}"] for kind in ("default", "inference", "training")}
        if expected["default"].ndim == 4:
            expected = {kind: nchw(value) for kind, value in expected.items()}
        assert_close_to_largest(network(x), expected["inference"], INFERENCE)
        assert_close_to_largest(network(x), expected["default"], INFERENCE)
        assert_close_to_largest(network.train()(x), expected["training"], TRAINING)
        after = {
            key: value for key, value in stored.items() if key.startswith(f"after_training_call{index}/")
        }
        assert len(after) == 2 * len(norms)
        for norm, mean, variance in zip(
            norms,
            [after[key] for key in sorted(after) if key.endswith("mean")],
            [after[key] for key in sorted(after) if key.endswith("variance")],
            strict=True,
        ):
            assert_close_to_largest(norm.running_mean, mean, TRAINING)
            assert_close_to_largest(norm.running_var, variance, TRAINING)

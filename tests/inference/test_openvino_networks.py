"""OpenVINO models that are built from weights compute what the networks compute."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from skimage import data
from small_models import SMALL, noise, small_model
from torch import Tensor, nn
from torch.nn.utils import parametrize

from wildsr.inference import openvino_engine
from wildsr.inference.openvino_networks import ARCHITECTURES, built
from wildsr.inference.upscaler import Upscaler
from wildsr.networks.compact import SRVGGNetCompact
from wildsr.networks.resunet import ResUNet
from wildsr.networks.rrdbnet import RRDBNet
from wildsr.zoo.errors import ModelError
from wildsr.zoo.formats.arrays import read_arrays
from wildsr.zoo.load import contract_of, load
from wildsr.zoo.model import Model

pytestmark = pytest.mark.skipif(not openvino_engine.works(), reason="OpenVINO finds no CPU it can drive")

KINDS = [kind for kind, (architecture, _, _) in SMALL.items() if architecture in ARCHITECTURES]


def trained_like(model: Model) -> Model:
    """The model with no weight that is zero, as those of new networks are."""
    generator = torch.Generator().manual_seed(0)
    for weight in model.network.parameters():
        weight.add_(0.05 * torch.randn(weight.shape, generator=generator))
    return model


def assert_same(model: Model) -> None:
    upscaler = Upscaler(model, device="cpu", precision="exact")
    for height, width in ((8, 12), (37, 20)):
        image = noise(height, width)
        torch.testing.assert_close(upscaler(image), model(image).clamp(0, 1), rtol=0, atol=2e-5)


def untraced(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WILDSR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(openvino_engine, "convert", None)


@pytest.mark.parametrize("kind", KINDS)
def test_a_built_model_is_the_network(kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    untraced(monkeypatch, tmp_path)
    assert_same(trained_like(small_model(kind)))


def test_an_rrdbnet_with_relus_is_the_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    untraced(monkeypatch, tmp_path)
    sizes = {"features": 8, "growth": 4, "blocks": 1, "scale": 2, "relu": 1}
    network = RRDBNet(**sizes).eval().requires_grad_(False)
    assert_same(trained_like(Model(network, contract_of(network, "RRDBNet", sizes, "relu"))))


def test_a_network_of_another_class_is_traced(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WILDSR_CACHE", str(tmp_path))

    class Darker(SRVGGNetCompact):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) / 2

    sizes = {"features": 8, "convs": 2}
    network = Darker(**sizes).eval().requires_grad_(False)
    assert_same(trained_like(Model(network, contract_of(network, "SRVGGNetCompact", sizes, "darker"))))


def test_a_network_with_replaced_layers_is_traced(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WILDSR_CACHE", str(tmp_path))

    class Half(nn.Module):
        def forward(self, weight: Tensor) -> Tensor:
            return weight / 2

    model = trained_like(small_model("compact"))
    layer = model.network.get_submodule("body.2")
    parametrize.register_parametrization(layer, "weight", Half())
    weights = model.weights()
    assert weights is not None
    assert built("SRVGGNetCompact", weights) is None
    assert_same(model)


def test_weights_that_no_layer_takes_are_noticed() -> None:
    weights = trained_like(small_model("resunet")).weights()
    assert weights is not None
    assert built("ResUNet", weights) is not None
    assert built("ResUNet", {**weights, "quarter.0.third.weight": np.zeros(1, np.float32)}) is None


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_weights_come_from_the_file_where_numpy_can_read_it(dtype: torch.dtype, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_file(
        {name: tensor.to(dtype) for name, tensor in small_model("compact").network.state_dict().items()}, path
    )
    network = load(path).network
    model = load(path)
    found = model.weights()
    assert found is not None
    assert (model._network is None) == (dtype == torch.float16), "bfloat16 needs PyTorch"
    assert found.keys() == network.state_dict().keys()
    for name, tensor in network.state_dict().items():
        np.testing.assert_array_equal(found[name], tensor.numpy())


def test_weights_of_a_file_that_changed_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WILDSR_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "model.safetensors"
    save_file(small_model("compact").network.state_dict(), path)
    load(path)
    model = load(path)
    save_file(small_model("compact", seed=1).network.state_dict(), path)
    assert read_arrays(path) is not None
    with pytest.raises(ModelError, match="has changed since it was loaded"):
        model.weights()


def test_a_damaged_file_has_no_arrays(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_file(small_model("compact").network.state_dict(), path)
    whole = path.read_bytes()
    for content in (b"", whole[:100], whole[:-1], b"\xff" * 100):
        path.write_bytes(content)
        assert read_arrays(path) is None
    assert read_arrays(tmp_path / "none.safetensors") is None


@pytest.mark.parametrize(("name", "decibels"), [("wildsr-photo-x4", 58), ("wildsr-photo-fast-x4", 65)])
def test_the_image_is_added_in_float32_even_in_half_precision(name: str, decibels: float) -> None:
    """Rounded to bfloat16, it would leave 56 dB of either (where a CPU computes in float32, nothing differs)."""
    crop = torch.from_numpy(data.astronaut()[100:148, 180:228].copy()).permute(2, 0, 1)[None].float() / 255
    half, exact = (Upscaler(load(name), device="cpu", precision=kind)(crop) for kind in ("half", "exact"))
    assert -10 * float(torch.log10((half - exact).square().mean() + 1e-12)) > decibels


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_a_resunet_of_any_scale_is_the_network(
    scale: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    untraced(monkeypatch, tmp_path)
    sizes = {"features": 8, "width": 8, "blocks": 1, "scale": scale}
    network = ResUNet(**sizes).eval().requires_grad_(False)
    assert_same(trained_like(Model(network, contract_of(network, "ResUNet", sizes, "scale"))))

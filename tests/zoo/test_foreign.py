"""Architectures of spandrel, with a replacement for the package, since the real one needs torchvision."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from wildsr.inference.upscaler import Upscaler
from wildsr.networks.compact import SRVGGNetCompact
from wildsr.zoo.architectures import foreign
from wildsr.zoo.convert import convert
from wildsr.zoo.errors import ModelError
from wildsr.zoo.load import load


class Windows(nn.Module):
    """A network that counts on its image's size in Python, as those with attention in windows do."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)

    def forward(self, x: Tensor) -> Tensor:
        height, width = int(x.shape[-2]), int(x.shape[-1])
        right, below = torch.full((1, 1, 1, width % 7 + 1), 0.01), height % 5 * 0.01
        return F.interpolate(F.conv2d(x, self.weight, padding=1), scale_factor=2) + right.sum() + below


class Descriptor:
    """The attributes of ``spandrel.ImageModelDescriptor``."""

    def __init__(self, weight: Tensor, **facts: Any) -> None:
        self.model = Windows(weight)
        self.input_channels = self.output_channels = 3
        self.scale = 2
        self.architecture = SimpleNamespace(name="Windows", id="Windows")
        vars(self).update(facts)

    def __call__(self, x: Tensor) -> Tensor:
        return self.model(x).clamp(0, 1)


class Loader:
    facts: dict[str, Any]

    def __init__(self, device: str) -> None:
        assert device == "cpu"

    def load_from_state_dict(self, weights: dict[str, Tensor]) -> Any:
        if "windows.weight" not in weights:
            raise RuntimeError("unsupported\nmodel")
        if "masked" in self.facts:
            return SimpleNamespace()
        return Descriptor(weights["windows.weight"], **self.facts)


@pytest.fixture
def spandrel(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Loader]]:
    package = ModuleType("spandrel")
    package.ModelLoader = Loader  # type: ignore[attr-defined]
    package.ImageModelDescriptor = Descriptor  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "spandrel", package)
    monkeypatch.setattr(Loader, "facts", {}, raising=False)
    return Loader


@pytest.fixture
def path(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    save_file(
        {"windows.weight": torch.rand(3, 3, 3, 3) / 30}, tmp_path / "net.safetensors", {"licence": "MIT"}
    )
    return tmp_path / "net.safetensors"


def refusal(path: Path) -> str:
    with pytest.raises(ModelError) as caught:
        load(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


@pytest.mark.usefixtures("spandrel")
@pytest.mark.parametrize("runtime", ["OpenVINO", "PyTorch"])
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_an_architecture_of_spandrels(path: Path, runtime: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if runtime == "PyTorch":
        from wildsr.inference import openvino_engine

        monkeypatch.setattr(openvino_engine, "works", lambda: False)
    model = load(path)
    contract = model.contract
    assert (contract.architecture, contract.scale, contract.licence) == ("Windows (spandrel)", 2, "MIT")
    assert contract.overlap == foreign.OVERLAP
    upscale = Upscaler(model, precision="exact")
    assert runtime in upscale.engine
    for size in ((20, 23), (21, 18)):
        lr = torch.rand(1, 3, *size)
        torch.testing.assert_close(upscale(lr), model(lr), rtol=0, atol=1e-5)


@pytest.mark.usefixtures("spandrel")
def test_our_own_networks_come_first(tmp_path: Path) -> None:
    torch.save(SRVGGNetCompact(4, 1, 2).state_dict(), tmp_path / "net.pth")
    assert load(tmp_path / "net.pth").contract.architecture == "SRVGGNetCompact"


@pytest.mark.usefixtures("spandrel")
def test_unknown_to_spandrel_too(tmp_path: Path) -> None:
    save_file({"something": torch.zeros(3)}, tmp_path / "net.safetensors")
    message = refusal(tmp_path / "net.safetensors")
    assert "first keys: something" in message
    assert "spandrel does not read it either (unsupported)" in message


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"input_channels": 1}, "1 channels in"),
        ({"scale": 0}, "scale 0"),
        ({"masked": 1}, "more than one image"),
    ],
)
def test_networks_of_another_kind(
    path: Path, spandrel: type[Loader], facts: dict[str, Any], said: str
) -> None:
    spandrel.facts = facts
    assert said in refusal(path)


@pytest.mark.parametrize("failure", [ImportError, RuntimeError, OSError])
def test_without_spandrel(path: Path, monkeypatch: pytest.MonkeyPatch, failure: type[Exception]) -> None:
    """Torchvision, which it needs, fails in many ways."""

    class Broken:
        def find_spec(self, name: str, *_: Any) -> None:
            if name == "spandrel":
                raise failure("torchvision::nms does not exist")

    monkeypatch.delitem(sys.modules, "spandrel", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    assert not foreign.available()
    assert "pip install 'wildsr[spandrel]'" in refusal(path)


@pytest.mark.usefixtures("spandrel")
def test_it_is_not_converted(path: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be used"):
        convert(path, tmp_path / "out.safetensors")
    with pytest.raises(ModelError, match="spandrel"):
        convert(path, tmp_path / "out.onnx")

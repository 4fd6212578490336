"""`wildsr convert --for chainner`, `comfyui` and `openmodeldb`."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
import torch
from torch import nn
from typer.testing import Result

from wildsr.export import checks, openmodeldb
from wildsr.image import read, write_rgb
from wildsr.networks.compact import SRVGGNetCompact
from wildsr.networks.resunet import ResUNet
from wildsr.networks.rrdbnet import RRDBNet
from wildsr.networks.span import SPAN
from wildsr.zoo.load import load

pytest.importorskip("onnxruntime")
Save = Callable[[Callable[[], nn.Module], str], Path]
Convert = Callable[..., Result]


def test_resunet_is_onnx_of_any_size_for_chainner(tmp_path: Path, saved: Save, convert: Convert) -> None:
    source = saved(lambda: ResUNet(4, 6, 1, 2), "net")
    done = convert(source, "--for", "chainner", "-o", tmp_path / "out")
    assert done.exit_code == 0, done.output
    for said in ("64x64", "93x67", "220x200", "64x64, grey"):
        assert f"ONNX Runtime, {said}: " in done.output
    path = tmp_path / "out" / "net.onnx"
    assert list(path.parent.iterdir()) == [path]
    exported = onnx.load(path)
    assert exported.opset_import[0].version >= 18
    shape = exported.graph.input[0].type.tensor_type.shape.dim
    assert [dim.dim_param or dim.dim_value for dim in shape] == [1, 3, "height", "width"]
    back = load(path)
    assert (back.contract.scale, back.contract.size_multiple) == (2, 1)
    image = checks.probe_image(21, 34)
    assert checks.psnr(back(image), load(source)(image)) > 80


def test_kernels_for_the_browser_must_fit_float16(tmp_path: Path, saved: Save, convert: Convert) -> None:
    def build() -> nn.Module:
        network = SRVGGNetCompact(4, 1, 2)
        network.body[2].weight.data[0, 0, 0, 0] = 1e6
        return network

    done = convert(saved(build, "net"), "--for", "browser", "-o", tmp_path / "out")
    assert done.exit_code == 2
    assert "body.2.weight is too large for half precision" in " ".join(done.output.split())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("target", ["chainner", "comfyui"])
@pytest.mark.parametrize(
    ("name", "build"),
    [
        ("rrdbnet", lambda: RRDBNet(features=4, growth=32, blocks=1, scale=2)),
        ("compact", lambda: SRVGGNetCompact(4, 1, 2)),
        ("span", lambda: SPAN(4, 2)),
        ("span", lambda: SPAN(4, 2, normalised=False)),
    ],
)
def test_safetensors_for_spandrel(
    tmp_path: Path, saved: Save, convert: Convert, target: str, name: str, build: Callable[[], nn.Module]
) -> None:
    source = saved(build, name)
    done = convert(source, "--for", target, "-o", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert "read back by wildsr, 64x64: inf dB" in done.output
    back, model = load(tmp_path / "out" / f"{name}.safetensors"), load(source)
    assert back.contract.sizes == model.contract.sizes
    image = checks.probe_image(16, 20)
    assert checks.psnr(back(image), model(image)) > 120


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: ResUNet(4, 6, 1, 2), "--for upscayl or chainner or browser can take it"),
        (lambda: RRDBNet(features=4, growth=4, blocks=1, scale=2), "growth=4"),
        (lambda: RRDBNet(features=4, growth=32, blocks=1, scale=2, relu=True), "relu=1"),
    ],
)
def test_what_spandrel_does_not_build(
    tmp_path: Path, saved: Save, convert: Convert, build: Callable[[], nn.Module], said: str
) -> None:
    done = convert(saved(build, "net"), "--for", "comfyui", "-o", tmp_path / "out")
    assert done.exit_code == 2
    assert said in " ".join(done.output.split())
    assert not (tmp_path / "out").exists()


def test_an_entry_of_openmodeldb(tmp_path: Path, saved: Save, convert: Convert) -> None:
    photo = tmp_path / "photo.png"
    write_rgb(photo, checks.probe_image(40, 50))
    source = saved(lambda: SRVGGNetCompact(4, 1, 2), "my_net-x2")
    done = convert(source, "--for", "openmodeldb", "-o", tmp_path / "out", "--example", photo)
    assert done.exit_code == 0, done.output
    found = {path.name for path in (tmp_path / "out").iterdir()}
    assert found == {"2x-my-net.pth", "2x-my-net.json", "2x-my-net-1-LR.png", "2x-my-net-1-SR.png"}
    entry = json.loads((tmp_path / "out" / "2x-my-net.json").read_text())
    resource = entry["resources"][0]
    content = (tmp_path / "out" / "2x-my-net.pth").read_bytes()
    assert (resource["size"], resource["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert (entry["scale"], entry["architecture"], entry["size"]) == (2, "compact", ["4nf", "1nc"])
    assert entry["images"][0]["LR"].endswith("2x-my-net-1-LR.png")
    lr = read(tmp_path / "out" / "2x-my-net-1-LR.png").rgb
    assert torch.equal(lr, read(photo).rgb)
    sr = read(tmp_path / "out" / "2x-my-net-1-SR.png").rgb
    assert (sr - load(source)(lr).clamp(0, 1)).abs().max() < 1 / 255
    assert openmodeldb.problems_of(entry, "2x-my-net") == []


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("tags", [], "'tags'"),
        ("date", "1.2.2026", "date"),
        ("scale", 4, "scale"),
        ("description", "x ", "spaces"),
        ("resources", [{"type": "zip", "size": 1, "sha256": "0" * 64, "urls": ["u"]}], "resource"),
        ("resources", [{"type": "pth", "size": 1, "sha256": "0", "urls": ["u"]}], "resource"),
        ("images", [{"type": "paired", "LR": "a"}], "image"),
    ],
)
def test_rules_of_the_database(key: str, value: object, said: str) -> None:
    resource = {"type": "pth", "size": 1, "sha256": "0" * 64, "urls": ["u"]}
    entry = {"name": "n", "author": "a", "tags": ["photo"], "description": "d", "date": "2026-01-01"}
    entry |= {"architecture": "esrgan", "scale": 2, "inputChannels": 3, "outputChannels": 3}
    entry |= {"resources": [resource], "images": []}
    assert openmodeldb.problems_of(entry, "2x-n") == []
    assert said in " ".join(openmodeldb.problems_of(entry | {key: value}, "2x-n"))


@pytest.mark.parametrize(
    ("name", "scale", "expected"),
    [
        ("wildsr-photo-x4", 4, "4x-wildsr-photo"),
        ("4xNomos8k_span", 4, "4x-Nomos8k-span"),
        ("x2", 2, "2x-model"),
    ],
)
def test_ids_of_models(name: str, scale: int, expected: str) -> None:
    assert openmodeldb.model_id(name, scale) == expected


def test_examples_belong_to_openmodeldb(tmp_path: Path, saved: Save, convert: Convert) -> None:
    source = saved(lambda: SRVGGNetCompact(4, 1, 2), "net")
    done = convert(source, "--for", "comfyui", "-o", tmp_path / "out", "--example", source)
    assert done.exit_code == 2
    assert "openmodeldb" in done.output

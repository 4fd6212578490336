"""`wildsr convert --for upscayl`: run in ncnn, and read back."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn
from typer.testing import Result

from wildsr.export import checks, upscayl
from wildsr.networks.compact import SRVGGNetCompact
from wildsr.networks.msrresnet import MSRResNet
from wildsr.networks.resunet import ResUNet
from wildsr.networks.rrdbnet import RRDBNet
from wildsr.networks.span import SPAN
from wildsr.networks.srrescgan import SRResCGAN
from wildsr.zoo.load import load

needs_pnnx = pytest.mark.skipif(
    importlib.util.find_spec("pnnx") is None or importlib.util.find_spec("ncnn") is None,
    reason="pnnx and ncnn are not installed",
)
NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "compact": lambda: SRVGGNetCompact(6, 2, 2),
    "rrdbnet": lambda: RRDBNet(features=6, growth=4, blocks=1, scale=4, relu=True),
    "unshuffled": lambda: RRDBNet(features=6, growth=4, blocks=1, scale=2, unshuffle=2),
    "span": lambda: SPAN(features=6, scale=4),
    "resunet": lambda: ResUNet(6, 8, 2, 4),
}


Save = Callable[[Callable[[], nn.Module], str], Path]
Convert = Callable[..., Result]


@needs_pnnx
@pytest.mark.parametrize("name", NETWORKS)
def test_upscayls_files(tmp_path: Path, saved: Save, convert: Convert, name: str) -> None:
    source = saved(NETWORKS[name], name)
    model = load(source)
    done = convert(source, "--for", "upscayl", "-o", tmp_path / "out")
    assert done.exit_code == 0, done.output
    for said in ("64x64", "93x67", "220x200", "grey", "600x400", "dB to PyTorch", "read back"):
        assert said in done.output
    path = tmp_path / "out" / "models" / f"{name}-x{model.contract.scale}.param"
    assert sorted(path.parent.iterdir()) == [path.with_suffix(".bin"), path]
    layers = [line.split() for line in path.read_text().splitlines()[2:]]
    assert layers[0][4] == "data"
    assert any("output" in layer for layer in layers)
    back = load(path)
    assert back.contract.sizes == model.contract.sizes
    for key, value in model.network.state_dict().items():
        if value.ndim == 4:
            # pnnx writes zero for what is subnormal in float16
            expected = torch.where(value.abs() < 2**-14, 0, value.half().float())
            assert torch.equal(back.network.state_dict()[key], expected), key
    image = checks.probe_image(13, 22)
    assert checks.psnr(back(image), model(image)) > 50


@pytest.mark.parametrize(
    ("name", "scale", "expected"),
    [
        ("realesr-general-x4v3", 4, "realesr-general-x4v3"),
        ("4xNomos8k", 4, "4xNomos8k"),
        ("mine", 2, "mine-x2"),
        ("2x-then-4x", 4, "then-x4"),
        ("photo-x2-x4", 4, "photo-x4"),
        ("x2", 4, "model-x4"),
        ("max3d", 4, "mad-x4"),
    ],
)
def test_upscayl_finds_the_scale_in_the_name(name: str, scale: int, expected: str) -> None:
    found = upscayl.upscayl_name(name, scale)
    assert found == expected
    first = next(each for each in (1, 2, 3, 4, 8, 16) if f"x{each}" in found or f"{each}x" in found)
    assert first == scale


@pytest.mark.parametrize(
    ("network", "said"),
    [
        (lambda: SRResCGAN(features=6, blocks=2), "statistics of the whole image"),
        (lambda: MSRResNet(features=6, blocks=1, scale=2), "possible are"),
    ],
)
def test_other_networks(
    tmp_path: Path, saved: Save, convert: Convert, network: Callable[[], nn.Module], said: str
) -> None:
    done = convert(saved(network, "net"), "--for", "upscayl", "-o", tmp_path / "out")
    assert done.exit_code == 2
    assert said in done.output
    assert not (tmp_path / "out").exists()


def test_too_large_for_float16(tmp_path: Path, saved: Save, convert: Convert) -> None:
    def large() -> nn.Module:
        network = SRVGGNetCompact(4, 1, 2)
        with torch.no_grad():
            network.get_parameter("body.0.weight").mul_(1e6)
        return network

    done = convert(saved(large, "net"), "--for", "upscayl", "-o", tmp_path / "out")
    assert done.exit_code == 2
    assert "float16" in done.output
    assert not (tmp_path / "out").exists()


@needs_pnnx
def test_a_failed_check_leaves_nothing(
    tmp_path: Path, saved: Save, convert: Convert, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "LEAST_DB", 500.0)
    source = saved(lambda: SRVGGNetCompact(4, 1, 2), "net")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "other.param").write_text("other")
    done = convert(source, "--for", "upscayl", "-o", tmp_path / "models")
    assert done.exit_code == 2
    assert "gives a different result in ncnn (64x64" in done.output
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["other.param"]


@pytest.mark.parametrize(
    "arguments", [["out.pth", "--for", "upscayl"], ["--for", "upscayl"], [], ["-o", "x"]]
)
def test_wrong_arguments(convert: Convert, arguments: list[str]) -> None:
    done = convert("default", *arguments)
    assert done.exit_code == 2
    assert "-o FOLDER" in done.output

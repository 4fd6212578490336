"""``wildsr convert``: the converted model equals the original, in every format."""

import hashlib
import json
import stat
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import onnx
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn
from typer.testing import Result

from wildsr.networks.compact import SRVGGNetCompact
from wildsr.networks.ddnsr import DegradationNetwork
from wildsr.networks.discriminators import PatchGAN
from wildsr.networks.dsgan import DSGANGenerator
from wildsr.networks.edl import EDLNet
from wildsr.networks.msrresnet import MSRResNet
from wildsr.networks.rrdbnet import RRDBNet
from wildsr.networks.span import SPAN
from wildsr.networks.srrescgan import SRResCGAN
from wildsr.zoo import convert as module
from wildsr.zoo.errors import ModelError
from wildsr.zoo.formats import onnx_export
from wildsr.zoo.load import load, load_network

SHARED_WEIGHTS = Path(__file__).parents[2].parent / "shared" / "weights"
Run = Callable[..., Result]

NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "compact": lambda: SRVGGNetCompact(6, 2, 4),
    "rrdbnet": lambda: RRDBNet(features=6, growth=4, blocks=1, scale=4),
    "unshuffled": lambda: RRDBNet(features=6, growth=4, blocks=1, scale=2, unshuffle=2),
    "msrresnet": lambda: MSRResNet(features=6, blocks=1, scale=2),
    "span": lambda: SPAN(features=6, scale=2),
    "span without": lambda: SPAN(features=6, scale=2, normalised=False),
    "edl": lambda: EDLNet(features=8, growth=4, blocks=1),
    "dsgan": lambda: DSGANGenerator(features=6, blocks=2),
    "srrescgan": lambda: SRResCGAN(features=6, blocks=2),
}
EXPORTABLE = [name for name in NETWORKS if name != "srrescgan"]


def checkpoint(folder: Path, name: str) -> Path:
    torch.manual_seed(0)
    path = folder / f"{name}.pth"
    torch.save({"params": NETWORKS[name]().state_dict()}, path)
    return path


def header(path: Path) -> dict[str, str]:
    with safe_open(path, "pt") as file:
        return dict(file.metadata())


def image(height: int = 17, width: int = 22) -> torch.Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("name", NETWORKS)
def test_safetensors_compute_the_same(wildsr: Run, tmp_path: Path, name: str) -> None:
    source, target = checkpoint(tmp_path, name), tmp_path / "out.safetensors"
    done = wildsr("convert", source, target)
    assert done.exit_code == 0, done.output
    before, after = load(source), load(target)
    assert torch.equal(before(image()), after(image()))
    assert before.contract.architecture in done.output
    for fact in ("architecture", "sizes", "scale", "value_range", "size_multiple", "overlap"):
        assert getattr(before.contract, fact) == getattr(after.contract, fact)


@pytest.mark.parametrize("name", [name for name in NETWORKS if not name.startswith("span")])
def test_pth_holds_the_state_dict_for_the_originals(wildsr: Run, tmp_path: Path, name: str) -> None:
    source = checkpoint(tmp_path, name)
    assert wildsr("convert", source, tmp_path / "own.safetensors").exit_code == 0
    done = wildsr("convert", tmp_path / "own.safetensors", tmp_path / "back.pth")
    assert done.exit_code == 0, done.output
    before = torch.load(source, weights_only=True)["params"]
    after = torch.load(tmp_path / "back.pth", weights_only=True)
    assert list(after) == list(before)
    assert all(torch.equal(after[key], value) for key, value in before.items())
    network = NETWORKS[name]()
    network.load_state_dict(after, strict=True)
    assert load(tmp_path / "back.pth").contract.sizes == load(source).contract.sizes


def test_pth_has_the_names_of_realsr_and_bsrgan(wildsr: Run, tmp_path: Path) -> None:
    wildsr("convert", checkpoint(tmp_path, "rrdbnet"), tmp_path / "net.safetensors")
    wildsr("convert", tmp_path / "net.safetensors", tmp_path / "net2.pth")
    keys = set(torch.load(tmp_path / "net2.pth", weights_only=True))
    layers = ["conv_first", "trunk_conv", "upconv1", "upconv2", "HRconv", "conv_last"]
    layers += [f"RRDB_trunk.0.RDB{block}.conv{index}" for block in (1, 2, 3) for index in range(1, 6)]
    assert keys == {f"{layer}.{part}" for layer in layers for part in ("weight", "bias")}


def test_pth_is_of_the_form_that_early_versions_of_pytorch_read(wildsr: Run, tmp_path: Path) -> None:
    wildsr("convert", checkpoint(tmp_path, "compact"), tmp_path / "old.pth")
    assert not (tmp_path / "old.pth").read_bytes().startswith(b"PK"), "a zip file came with PyTorch 1.6"


def test_span_has_no_pth(wildsr: Run, tmp_path: Path) -> None:
    done = wildsr("convert", checkpoint(tmp_path, "span"), tmp_path / "out.pth")
    assert done.exit_code == 2
    assert "other names for their weights" in done.output


def test_the_header_tells(wildsr: Run, tmp_path: Path) -> None:
    source, target = checkpoint(tmp_path, "srrescgan"), tmp_path / "out.safetensors"
    assert wildsr("convert", source, target).exit_code == 0
    told = header(target)
    assert json.loads(told.pop("sizes")) == load(source).contract.sizes
    assert told == {
        "format": "wildsr 1",
        "architecture": "SRResCGAN",
        "scale": "4",
        "value_range": "255",
        "source": "srrescgan.pth",
        "source_file": "srrescgan.pth",
        "source_sha256": hashlib.sha256(source.read_bytes()).hexdigest(),
    }


def test_licence_and_source_are_handed_on(wildsr: Run, tmp_path: Path) -> None:
    source = tmp_path / "net.safetensors"
    facts = {"licence": "CC-BY-4.0", "source": "https://example.org/net"}
    save_file(SRVGGNetCompact(4, 1, 2).state_dict(), source, facts)
    for suffix in (".safetensors", ".onnx"):
        target = tmp_path / f"out{suffix}"
        assert wildsr("convert", source, target).exit_code == 0
        contract = load(target).contract
        assert (contract.licence, contract.source) == ("CC-BY-4.0", "https://example.org/net")


def test_weights_decide_not_the_header(wildsr: Run, tmp_path: Path) -> None:
    target = tmp_path / "out.safetensors"
    assert wildsr("convert", checkpoint(tmp_path, "compact"), target).exit_code == 0
    lying = header(target) | {"sizes": '{"features": 64}', "architecture": "RRDBNet"}
    save_file(load(target).network.state_dict(), tmp_path / "lying.safetensors", lying)
    assert load(tmp_path / "lying.safetensors").contract.sizes == {"features": 6, "convs": 2, "scale": 4}


@pytest.mark.parametrize("name", EXPORTABLE)
def test_onnx_computes_the_same(wildsr: Run, tmp_path: Path, name: str) -> None:
    source, target = checkpoint(tmp_path, name), tmp_path / "out.onnx"
    done = wildsr("convert", source, target)
    assert done.exit_code == 0, done.output
    assert "run and compared" in done.output
    graph = onnx.load(target)
    assert graph.opset_import[0].version >= 18
    assert [place.dim_param != "" for place in graph.graph.input[0].type.tensor_type.shape.dim[2:]] == [
        True,
        True,
    ]
    before, after = load(source), load(target)
    assert after.contract.scale == before.contract.scale
    assert after.contract.size_multiple == before.contract.size_multiple
    for size in ((17, 22), (40, 9), (1, 1)):
        expected = before(image(*size))
        assert (after(image(*size)) - expected).abs().max() < 2e-5 * max(1.0, float(expected.abs().max()))


@pytest.mark.parametrize("name", ["compact", "rrdbnet"])
def test_half_onnx(wildsr: Run, tmp_path: Path, name: str) -> None:
    source = checkpoint(tmp_path, name)
    for options, target in (([], "full.onnx"), (["--half"], "half.onnx")):
        assert wildsr("convert", source, tmp_path / target, *options).exit_code == 0
    expected = load(source)
    with torch.no_grad():
        for parameter in expected.network.parameters():
            if parameter.ndim == 4:
                parameter.copy_(parameter.half().float())
    assert (load(tmp_path / "half.onnx")(image()) - expected(image())).abs().max() < 2e-5
    sizes = [(tmp_path / target).stat().st_size for target in ("full.onnx", "half.onnx")]
    weights = sum(value.numel() for value in expected.network.state_dict().values())
    assert sizes[1] < sizes[0] - weights


def test_half_safetensors(wildsr: Run, tmp_path: Path) -> None:
    source, target = checkpoint(tmp_path, "rrdbnet"), tmp_path / "out.safetensors"
    assert wildsr("convert", source, target, "--half").exit_code == 0
    before, after = load(source).network.state_dict(), load(target).network.state_dict()
    assert all(torch.equal(after[key], value.half().float()) for key, value in before.items())
    again = tmp_path / "again.safetensors"
    assert wildsr("convert", target, again, "--half").exit_code == 0
    assert load(again)(image()).equal(load(target)(image()))


@pytest.mark.parametrize("suffix", [".safetensors", ".onnx"])
def test_too_large_for_half(wildsr: Run, tmp_path: Path, suffix: str) -> None:
    weights = SRVGGNetCompact(4, 1, 2).state_dict()
    weights["body.2.weight"][0, 0, 0, 0] = 1e6
    torch.save(weights, tmp_path / "net.pth")
    done = wildsr("convert", tmp_path / "net.pth", tmp_path / f"out{suffix}", "--half")
    assert done.exit_code == 2
    assert "body.2.weight is too large for half precision" in done.output
    assert not (tmp_path / f"out{suffix}").exists()


@pytest.mark.parametrize("make", [lambda: DegradationNetwork(2, 1, 1), lambda: PatchGAN(features=2)])
def test_networks_of_training(wildsr: Run, tmp_path: Path, make: Callable[[], nn.Module]) -> None:
    network = make()
    weights = {key: value.float() for key, value in network.state_dict().items()}
    save_file(weights, tmp_path / "net.safetensors")
    target = tmp_path / "out.safetensors"
    done = wildsr("convert", tmp_path / "net.safetensors", target)
    assert done.exit_code == 0, done.output
    found = load_network(target).state_dict()
    assert all(torch.equal(found[key].float(), value) for key, value in weights.items())
    done = wildsr("convert", target, tmp_path / "out.onnx")
    assert done.exit_code == 2
    assert "upscales nothing" in done.output


@pytest.mark.parametrize("name", ["4xNomos8k_span_otf_medium.param", "realesr-animevideov3-x4.bin"])
def test_published_ncnn_models(wildsr: Run, tmp_path: Path, name: str) -> None:
    source = SHARED_WEIGHTS / name
    if not source.is_file():
        pytest.skip(f"no {source}")
    # Smooth, since SPAN makes of pure noise something that even float32 and float64 do not agree on.
    smooth = nn.functional.interpolate(image(5, 6), size=(20, 24), mode="bilinear")
    for suffix, tolerance in ((".safetensors", 0.0), (".onnx", 1e-5)):
        target = tmp_path / f"out{suffix}"
        done = wildsr("convert", source, target)
        assert done.exit_code == 0, done.output
        assert (load(target)(smooth) - load(source)(smooth)).abs().max() <= tolerance


# --- refusals


def test_whole_image_statistics_do_not_fit_onnx(wildsr: Run, tmp_path: Path) -> None:
    done = wildsr("convert", checkpoint(tmp_path, "srrescgan"), tmp_path / "out.onnx")
    assert done.exit_code == 2
    assert "statistics of the whole image" in done.output


def test_onnx_is_not_converted(wildsr: Run, tmp_path: Path) -> None:
    assert wildsr("convert", checkpoint(tmp_path, "compact"), tmp_path / "a.onnx").exit_code == 0
    done = wildsr("convert", tmp_path / "a.onnx", tmp_path / "a.safetensors")
    assert done.exit_code == 2
    assert "original weights" in done.output


@pytest.mark.parametrize(
    ("target", "said"),
    [("out.bin", "must end in .safetensors or .pth or .onnx"), ("nowhere/out.onnx", "there is no folder")],
)
def test_bad_targets(wildsr: Run, tmp_path: Path, target: str, said: str) -> None:
    done = wildsr("convert", checkpoint(tmp_path, "compact"), tmp_path / target)
    assert done.exit_code == 2
    assert said in done.output


@pytest.mark.parametrize("suffix", [".safetensors", ".onnx"])
def test_a_file_that_is_there_stays(wildsr: Run, tmp_path: Path, suffix: str) -> None:
    source, target = checkpoint(tmp_path, "compact"), tmp_path / f"out{suffix}"
    target.write_text("precious")
    done = wildsr("convert", source, target)
    assert done.exit_code == 2
    assert "use --overwrite" in done.output
    assert target.read_text() == "precious"
    assert wildsr("convert", source, target, "--overwrite").exit_code == 0
    assert load(target).contract.scale == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["compact.pth", f"out{suffix}"]


def test_a_source_may_be_its_own_target(wildsr: Run, tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    save_file(SRVGGNetCompact(4, 1, 2).state_dict(), path)
    before = load(path)(image())
    assert wildsr("convert", path, path, "--overwrite").exit_code == 0
    assert header(path)["architecture"] == "SRVGGNetCompact"
    assert torch.equal(load(path)(image()), before)


def test_a_wrong_export_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = SRVGGNetCompact(6, 2, 4).requires_grad_(False)
    with torch.no_grad():
        other.body[-1].bias.add_(1)
    export = onnx_export.exported

    def wrong(model: Any, side: int | None, **options: bool) -> Any:
        return export(SimpleNamespace(unit_range=other, contract=model.contract), side, **options)

    monkeypatch.setattr(onnx_export, "exported", wrong)
    with pytest.raises(ModelError, match="gives another result"):
        module.convert(checkpoint(tmp_path, "compact"), tmp_path / "out.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["compact.pth"]


def test_an_interrupted_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> float:
        raise KeyboardInterrupt

    target = tmp_path / "out.onnx"
    target.write_text("precious")
    monkeypatch.setattr(module, "_difference", interrupted)
    with pytest.raises(KeyboardInterrupt):
        module.convert(checkpoint(tmp_path, "compact"), target, overwrite=True)
    assert target.read_text() == "precious"
    assert len(list(tmp_path.iterdir())) == 2


def test_onnx_is_wanted(wildsr: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "onnx", None)
    done = wildsr("convert", checkpoint(tmp_path, "compact"), tmp_path / "out.onnx")
    assert done.exit_code == 2
    assert "pip install 'wildsr[onnx]'" in done.output


def test_new_files_have_ordinary_rights(wildsr: Run, tmp_path: Path) -> None:
    plain, target = tmp_path / "plain", tmp_path / "out.safetensors"
    plain.touch()
    assert wildsr("convert", checkpoint(tmp_path, "compact"), target).exit_code == 0
    assert stat.S_IMODE(target.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_names_of_the_catalogue(wildsr: Run, tmp_path: Path) -> None:
    done = wildsr("convert", "tiny", tmp_path / "out.safetensors")
    assert done.exit_code == 0, done.output
    assert torch.equal(load("tiny")(image()), load(tmp_path / "out.safetensors")(image()))
    done = wildsr("convert", "tinny", tmp_path / "other.safetensors")
    assert done.exit_code == 2
    assert "did you mean" in done.output


def test_between_two_models(wildsr: Run, tmp_path: Path) -> None:
    torch.manual_seed(0)
    first, second = SRVGGNetCompact(6, 2, 4), SRVGGNetCompact(6, 2, 4)
    for name, network in (("first", first), ("second", second)):
        save_file(network.state_dict(), tmp_path / f"{name}.safetensors")
    target = tmp_path / "between.safetensors"
    names = [str(tmp_path / f"{name}.safetensors") for name in ("first", "second")]
    result = wildsr("convert", names[0], str(target), "--toward", names[1], "--strength", "0.75")
    assert result.exit_code == 0, result.output
    found = load_network(target).state_dict()
    for key, value in first.state_dict().items():
        torch.testing.assert_close(found[key], 0.75 * value + 0.25 * second.state_dict()[key])
    assert header(target)["source"] == "0.75 of first, 0.25 of second"


def test_between_needs_a_second_model_of_the_same_architecture(wildsr: Run, tmp_path: Path) -> None:
    source, target = str(checkpoint(tmp_path, "compact")), tmp_path / "out.safetensors"
    alone = wildsr("convert", source, str(target), "--strength", "0.5")
    assert alone.exit_code == 2
    assert "needs another model: name it with --toward" in alone.output
    other = wildsr(
        "convert", source, str(target), "--strength", "0.5", "--toward", str(checkpoint(tmp_path, "span"))
    )
    assert other.exit_code == 2
    assert "cannot be blended" in other.output
    assert not target.exists()

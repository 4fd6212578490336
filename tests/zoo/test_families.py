"""Networks of every family, under every name and scale, are recognised from their weights alone."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from wildsr.networks.compact import SRVGGNetCompact
from wildsr.networks.msrresnet import MSRResNet
from wildsr.networks.resunet import ResUNet
from wildsr.networks.rrdbnet import RRDBNet
from wildsr.networks.srrescgan import SRResCGAN
from wildsr.zoo.architectures import recognise
from wildsr.zoo.errors import ModelError
from wildsr.zoo.load import load

# Where old ESRGAN's chain of layers puts the tail, by scale; written out apart from the tables under test.
ESRGAN = {
    1: {"HRconv": 2, "conv_last": 4},
    2: {"upconv1": 3, "HRconv": 5, "conv_last": 7},
    4: {"upconv1": 3, "upconv2": 6, "HRconv": 8, "conv_last": 10},
    8: {"upconv1": 3, "upconv2": 6, "upconv3": 9, "HRconv": 11, "conv_last": 13},
}
REAL_ESRGAN = {
    "conv_first": "conv_first",
    "trunk_conv": "conv_body",
    "upconv1": "conv_up1",
    "upconv2": "conv_up2",
    "upconv3": "conv_up3",
    "HRconv": "conv_hr",
    "conv_last": "conv_last",
}


def esrgan_key(key: str, magnified: int, blocks: int) -> str:
    layer, kind = key.rsplit(".", 1)
    if match := re.fullmatch(r"RRDB_trunk\.(\d+)\.(RDB\d\.conv\d)", layer):
        return f"model.1.sub.{match[1]}.{match[2]}.0.{kind}"
    if layer == "conv_first":
        return f"model.0.{kind}"
    if layer == "trunk_conv":
        return f"model.1.sub.{blocks}.{kind}"
    return f"model.{ESRGAN[magnified][layer]}.{kind}"


def real_esrgan_key(key: str, magnified: int, blocks: int) -> str:  # noqa: ARG001 - one signature for all
    layer, kind = key.rsplit(".", 1)
    if match := re.fullmatch(r"RRDB_trunk\.(\d+)\.RDB(\d)\.(conv\d)", layer):
        return f"body.{match[1]}.rdb{match[2]}.{match[3]}.{kind}"
    return f"{REAL_ESRGAN[layer]}.{kind}"


def our_key(key: str, magnified: int, blocks: int) -> str:  # noqa: ARG001
    return key


FAMILIES = {"esrgan": esrgan_key, "realsr": our_key, "real-esrgan": real_esrgan_key}


def randomised(network: nn.Module) -> nn.Module:
    torch.manual_seed(3)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(0, 0.2)
    return network.eval().requires_grad_(False)


@pytest.mark.parametrize(
    ("scale", "unshuffle"), [(1, 1), (2, 1), (4, 1), (8, 1), (2, 2), (1, 4), (1, 2), (4, 2)]
)
@pytest.mark.parametrize("family", FAMILIES)
def test_rrdbnet(tmp_path: Path, family: str, scale: int, unshuffle: int) -> None:
    network = randomised(RRDBNet(features=6, blocks=3, growth=4, scale=scale, unshuffle=unshuffle))
    weights = {
        FAMILIES[family](key, scale * unshuffle, 3): value.clone()
        for key, value in network.state_dict().items()
    }
    assert len(weights) == len(network.state_dict())
    path = tmp_path / "net.safetensors"
    save_file(weights, path)
    model = load(path)
    assert model.contract.sizes == {
        "features": 6,
        "blocks": 3,
        "growth": 4,
        "scale": scale,
        "unshuffle": unshuffle,
    }
    assert (model.contract.scale, model.contract.size_multiple) == (scale, unshuffle)
    x = torch.rand(1, 3, 8, 12)
    assert torch.equal(model(x), network(x))


OTHERS: dict[str, Callable[[], nn.Module]] = {
    "SRVGGNetCompact 4": lambda: SRVGGNetCompact(features=6, convs=5, scale=4),
    "SRVGGNetCompact 2": lambda: SRVGGNetCompact(features=5, convs=1, scale=2),
    "SRVGGNetCompact 1": lambda: SRVGGNetCompact(features=5, convs=2, scale=1),
    "ResUNet 4": lambda: ResUNet(features=4, width=6, blocks=3, scale=4),
    "ResUNet 2": lambda: ResUNet(features=6, width=4, blocks=1, scale=2),
    "MSRResNet 2": lambda: MSRResNet(features=6, blocks=3, scale=2),
    "MSRResNet 3": lambda: MSRResNet(features=6, blocks=1, scale=3),
    "MSRResNet 4": lambda: MSRResNet(features=6, blocks=2, scale=4),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_architectures(tmp_path: Path, name: str) -> None:
    network = randomised(OTHERS[name]())
    path = tmp_path / "net.pth"
    torch.save(network.state_dict(), path)
    model = load(path)
    architecture, scale = name.split()
    assert (model.contract.architecture, model.contract.scale) == (architecture, int(scale))
    x = torch.rand(2, 3, 8, 12)
    assert torch.equal(model(x), network(x))


def test_srrescgan_works_in_255(tmp_path: Path) -> None:
    network = SRResCGAN(features=6, blocks=2).eval()
    path = tmp_path / "net.pth"
    torch.save(network.state_dict(), path)
    model = load(path)
    contract = model.contract
    assert (contract.architecture, contract.value_range) == ("SRResCGAN", 255.0)
    assert contract.overlap == contract.receptive_field
    x = torch.rand(1, 3, 9, 9)
    with torch.no_grad():
        torch.testing.assert_close(model(x) * 255, network(x * 255), rtol=0, atol=1e-4)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 7), (2, 9), (8, 8)])
@pytest.mark.parametrize(("scale", "unshuffle"), [(2, 2), (1, 4)])
def test_sizes_that_are_no_multiple(
    tmp_path: Path, scale: int, unshuffle: int, height: int, width: int
) -> None:
    network = randomised(RRDBNet(features=4, blocks=1, growth=2, scale=scale, unshuffle=unshuffle))
    torch.save(network.state_dict(), tmp_path / "net.pth")
    out = load(tmp_path / "net.pth")(torch.rand(1, 3, height, width))
    assert out.shape == (1, 3, height * scale, width * scale)
    assert bool(torch.isfinite(out).all())


def test_model_refuses_other_shapes(tmp_path: Path) -> None:
    torch.save(randomised(SRVGGNetCompact(4, 1)).state_dict(), tmp_path / "net.pth")
    model = load(tmp_path / "net.pth")
    for shape in ((3, 8, 8), (1, 1, 8, 8), (1, 3, 0, 8)):
        with pytest.raises(ValueError, match=r"\(B, 3, H, W\)"):
            model(torch.rand(shape))


def small() -> dict[str, Tensor]:
    return randomised(RRDBNet(features=4, blocks=2, growth=2)).state_dict()


def refusal(tmp_path: Path, weights: dict[str, Tensor]) -> str:
    path = tmp_path / "odd.pth"
    torch.save(weights, path)
    with pytest.raises(ModelError) as caught:
        load(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_unknown_architecture(tmp_path: Path) -> None:
    message = refusal(tmp_path, {"encoder.weight": torch.zeros(2), "encoder.bias": torch.zeros(2)})
    assert "encoder.weight, encoder.bias" in message
    assert "RRDBNet" in message
    assert "SRResCGAN" in message


def test_missing_key(tmp_path: Path) -> None:
    weights = small()
    del weights["RRDB_trunk.1.RDB2.conv3.bias"]
    assert "1 missing (RRDB_trunk.1.RDB2.conv3.bias)" in refusal(tmp_path, weights)


def test_leftover_key(tmp_path: Path) -> None:
    message = refusal(tmp_path, {**small(), "sm.0.weight": torch.zeros(3)})
    assert "1 unexpected (sm.0.weight)" in message


def test_wrong_shape(tmp_path: Path) -> None:
    message = refusal(tmp_path, {**small(), "HRconv.weight": torch.zeros(4, 4, 5, 5)})
    assert "HRconv.weight (4, 4, 5, 5) instead of (4, 4, 3, 3)" in message


def test_block_number_out_of_line_builds_no_monster(tmp_path: Path) -> None:
    weights = small()
    weights["RRDB_trunk.999999999.RDB1.conv1.weight"] = torch.zeros(1)
    assert "RRDB_trunk.999999999.RDB1.conv1.weight" in refusal(tmp_path, weights)


def test_greyscale_is_refused(tmp_path: Path) -> None:
    message = refusal(tmp_path, {**small(), "conv_first.weight": torch.zeros(4, 1, 3, 3)})
    assert "1 input channels" in message
    message = refusal(tmp_path, {**small(), "conv_last.weight": torch.zeros(1, 4, 3, 3)})
    assert "1 output channels" in message


@pytest.mark.parametrize("key", ["conv_first.weight", "conv_last.weight", "RRDB_trunk.0.RDB1.conv1.weight"])
def test_impossible_shapes(tmp_path: Path, key: str) -> None:
    assert key in refusal(tmp_path, {**small(), key: torch.zeros(3)})
    assert key in refusal(tmp_path, {**small(), key: torch.zeros(0, 3, 3, 3)})


def test_recognising_allocates_nothing_for_claimed_sizes() -> None:
    """Zero-stride tensors claim terabytes; only shapes may be looked at."""
    claimed = {key: torch.zeros(()).expand(*value.shape) for key, value in small().items()}
    claimed["conv_first.weight"] = torch.zeros(()).expand(1 << 20, 3, 3, 3)
    recognised = recognise(claimed)
    assert recognised.sizes["features"] == 1 << 20
    from wildsr.zoo.architectures import build

    with pytest.raises(ModelError, match="of the wrong shape"):
        build(recognised)

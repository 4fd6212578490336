"""Our networks against the outputs of the originals, on the originals' weights."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from wildsr.networks.l2_ball import ball_radius, noise_level, norm_of_each, shrinkage
from wildsr.networks.msrresnet import MSRResNet
from wildsr.networks.rrdbnet import RRDBNet
from wildsr.networks.srrescgan import SRResCGAN
from wildsr.ops.dihedral import MODES, dihedral, undo_dihedral
from wildsr.zoo.load import load
from wildsr.zoo.model import Model

Read = Callable[[str], Any]

# The originals' names of the constructor arguments.
ARGUMENTS = {
    "in_nc": "in_channels",
    "out_nc": "out_channels",
    "nf": "features",
    "nb": "blocks",
    "gc": "growth",
    "sf": "scale",
    "upscale": "scale",
}
LOCAL = {
    "net_realsr_rrdbnet": RRDBNet,
    "net_bsrgan_rrdbnet_sf2": RRDBNet,
    "net_bsrgan_rrdbnet_sf4": RRDBNet,
    "net_realsr_msrresnet_x2": MSRResNet,
    "net_realsr_msrresnet_x3": MSRResNet,
    "net_realsr_msrresnet_x4": MSRResNet,
}


def inputs(item: Any) -> list[str]:
    names = sorted(item.under("input."))
    assert names
    return names


@pytest.fixture(autouse=True)
def no_gradients() -> Any:
    with torch.no_grad():
        yield


@pytest.mark.parametrize("name", LOCAL)
def test_network(golden: Read, name: str) -> None:
    item = golden(name)
    arguments = {ARGUMENTS[key]: value for key, value in item.json("constructor").items()}
    network: nn.Module = LOCAL[name](**arguments)
    network.load_state_dict(item.under("weight."))
    for index in inputs(item):
        out = network.eval()(item[f"input.{index}"])
        torch.testing.assert_close(out, item[f"output.{index}"], rtol=0, atol=item.tolerance("abs"))


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
@pytest.mark.parametrize("name", LOCAL)
def test_network_through_the_zoo(golden: Read, tmp_path: Path, name: str, suffix: str) -> None:
    item = golden(name)
    stored = {key: item[f"weight.{key}"] for key in item.under("weight.")}
    path = tmp_path / f"{name}{suffix}"
    if suffix == ".pth":
        torch.save(stored, path)
    else:
        save_file(stored, path)
    model = load(path)
    constructor = item.json("constructor")
    assert model.contract.architecture == LOCAL[name].__name__
    for key, value in constructor.items():
        if ARGUMENTS[key] in model.contract.sizes:
            assert model.contract.sizes[ARGUMENTS[key]] == value
    for index in inputs(item):
        out = model(item[f"input.{index}"])
        torch.testing.assert_close(out, item[f"output.{index}"], rtol=0, atol=item.tolerance("abs"))


def test_srrescgan_in_pieces(golden: Read) -> None:
    item = golden("net_srresdnet")
    constructor = item.json("constructor")
    weights = item.under("weight.")
    features = weights["model.conv1.weight_v"].shape[0]
    network = SRResCGAN(features, constructor["depth"], constructor["scale"])
    network.load_state_dict(weights)
    for index in inputs(item):
        x = item[f"input.{index}"]
        expected = item.under(f"output.{index}.")
        sigma = noise_level(x, network.scale)
        torch.testing.assert_close(sigma, expected["sigma"], rtol=item.tolerance("sigma rel"), atol=0)
        raw = network.residual(x)
        close = item.tolerance("residual_raw abs")
        torch.testing.assert_close(raw, expected["residual_raw"], rtol=0, atol=close)
        shrink = shrinkage(norm_of_each(raw), network.bound(x))
        assert torch.equal(shrink < 1, expected["l2_active"])
        residual, sr = raw * shrink.view(-1, 1, 1, 1), network(x)
        for one, active in enumerate(expected["l2_active"]):
            close = item.tolerance("false," if active else "sr/residual abs")
            torch.testing.assert_close(residual[one], expected["residual"][one], rtol=0, atol=close)
            torch.testing.assert_close(sr[one], expected["sr"][one], rtol=0, atol=close)


def test_noise_level(golden: Read) -> None:
    item = golden("op_l2proj_wmad")
    rtol = item.tolerance("rel")
    images = [name for name in inputs(item) if name in item.under("output.")]
    assert len(images) >= 2
    for name in images:
        x = item[f"input.{name}"]
        torch.testing.assert_close(noise_level(x), item[f"output.{name}"], rtol=rtol, atol=0)
        if f"output.{name}_255" in item:
            torch.testing.assert_close(noise_level(x * 255), item[f"output.{name}_255"], rtol=rtol, atol=0)


def test_l2_projection(golden: Read) -> None:
    item = golden("op_l2proj_wmad")
    x = item["input.x"]
    bound = ball_radius(item["param.alpha"], item["param.stdn"], x[0].numel())
    projected = x * shrinkage(norm_of_each(x), bound).view(-1, 1, 1, 1)
    torch.testing.assert_close(projected, item["output.l2proj"], rtol=item.tolerance("rel"), atol=1e-7)


def test_dihedral_transforms(golden: Read) -> None:
    item = golden("op_augment_srrescgan")
    assert {int(mode) for mode in item.under("output.fwd.")} == set(MODES)
    for mode in MODES:
        forward = dihedral(item["input.x"], mode)
        assert torch.equal(forward, item[f"output.fwd.{mode}"])
        assert torch.equal(undo_dihedral(forward, mode), item[f"output.inv.{mode}"])


class Published(NamedTuple):
    item: Any
    model: Model
    lr: Tensor  # (1, 3, H, W) in [0, 1]


@pytest.fixture(scope="module")
def srrescgan(golden: Read, golden_folder: Path) -> Published:
    item = golden("real_srrescgan")
    lr = item["input.lr"].permute(2, 0, 1).unsqueeze(0) / 255
    return Published(item, load(golden_folder / item.text("weights")), lr)


@pytest.fixture(scope="module")
def single(srrescgan: Published) -> Tensor:
    with torch.no_grad():
        return srrescgan.model(srrescgan.lr) * 255


def window(item: Any, name: str) -> tuple[slice, slice]:
    """The rows and columns that a stored crop has, from the file's notes."""
    match = re.search(name + r"[^\]]*?\[:, :, (\d+):(\d+), (\d+):(\d+)\]", item.text("notes"))
    assert match, name
    top, bottom, left, right = map(int, match.groups())
    return slice(top, bottom), slice(left, right)


def assert_same_levels(sr: Tensor, levels: Tensor, tolerance: float) -> None:
    """Equal after clamping and rounding, save where a value lies within ``tolerance`` of a border."""
    sr = sr[0].permute(1, 2, 0).clamp(0, 255)
    clear = ((sr - sr.floor()) - 0.5).abs() > tolerance
    assert clear.float().mean() > 0.98
    assert torch.equal(sr.round()[clear], levels.float()[clear])
    assert (sr - levels.float()).abs().max() <= 0.5 + tolerance


def test_published_srrescgan_sigma(srrescgan: Published) -> None:
    for mode in MODES:
        sigma = noise_level(dihedral(srrescgan.lr * 255, mode), srrescgan.model.contract.scale)
        torch.testing.assert_close(sigma, srrescgan.item["output.sigma"][mode : mode + 1], rtol=1e-3, atol=0)


def test_published_srrescgan(srrescgan: Published, single: Tensor) -> None:
    item = srrescgan.item
    tolerance = item.tolerance("float abs")
    rows, columns = window(item, "single_crop")
    torch.testing.assert_close(single[..., rows, columns], item["output.single_crop"], rtol=0, atol=tolerance)
    assert_same_levels(single, item["output.single_uint8"], tolerance)


def test_published_self_ensemble(srrescgan: Published, single: Tensor) -> None:
    """Only the stored crop of the mean of eight, where possible from tiles, to save time."""
    item, network, scale = srrescgan.item, srrescgan.model.network, srrescgan.model.contract.scale
    assert isinstance(network, SRResCGAN)
    lr = srrescgan.lr * 255
    upsampled = torch.nn.functional.interpolate(lr, scale_factor=scale, mode="bilinear")
    norm = norm_of_each(upsampled - single)
    rows, columns = window(item, "x8_crop")
    radius = network.receptive_field
    assert min(rows.start, columns.start) >= radius * scale
    tile = lr[
        ...,
        rows.start // scale - radius : -(-rows.stop // scale) + radius,
        columns.start // scale - radius : -(-columns.stop // scale) + radius,
    ]
    top, left = rows.start % scale + radius * scale, columns.start % scale + radius * scale
    inside = (slice(top, top + rows.stop - rows.start), slice(left, left + columns.stop - columns.start))
    total = torch.zeros_like(item["output.x8_crop"])
    for mode in MODES:
        if network.bound(dihedral(lr, mode)) > 1.2 * norm:
            turned = dihedral(tile, mode)
            sr = undo_dihedral(network.assemble(turned, network.residual(turned), 1.0), mode)
            total += sr[(..., *inside)]
        else:  # the projection may act, and needs the whole image
            total += undo_dihedral(network(dihedral(lr, mode)), mode)[..., rows, columns]
    mean = total / len(MODES)
    tolerance = item.tolerance("float abs")
    torch.testing.assert_close(mean, item["output.x8_crop"], rtol=0, atol=tolerance)
    assert_same_levels(mean, item["output.x8_uint8"][rows, columns], tolerance)


def test_published_srresdnet(golden: Read, golden_folder: Path) -> None:
    item = golden("real_srresdnet_perceptual")
    file = re.search(r"weights/\S+?\.pth", item.text("notes"))
    assert file
    model = load(golden_folder / file[0])
    sr = model(item["input.lr"].permute(2, 0, 1).unsqueeze(0) / 255) * 255
    torch.testing.assert_close(sr, item["output.sr"], rtol=0, atol=item.tolerance("float abs"))

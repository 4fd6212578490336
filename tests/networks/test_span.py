"""SPAN: its training form is its deployed form, and its files say whether the input is normalised.

There are no numbers of the original to compare with; ``tests/zoo/test_ncnn.py`` compares the network with the graphs
of published models instead.
"""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from wildsr.networks.span import SPAN, merged
from wildsr.zoo.errors import ModelError
from wildsr.zoo.load import load

LAYERS = ["conv_1", "conv_2", *(f"block_{block}.c{index}_r" for block in range(1, 7) for index in (1, 2, 3))]


def training_form(features: int = 5, scale: int = 2, stale: bool = True) -> dict[str, Tensor]:
    """Random weights as training writes them."""
    drawn = torch.Generator().manual_seed(7)

    def conv(out: int, width_in: int, side: int) -> tuple[Tensor, Tensor]:
        spread = 1 / (side * width_in**0.5)
        weight = torch.randn(out, width_in, side, side, generator=drawn) * spread
        return weight, torch.randn(out, generator=drawn) * 0.1

    parts: dict[str, tuple[Tensor, Tensor]] = {}
    for layer in LAYERS:
        width_in = 3 if layer == "conv_1" else features
        parts[f"{layer}.sk"] = conv(features, width_in, 1)
        parts[f"{layer}.conv.0"] = conv(2 * width_in, width_in, 1)
        parts[f"{layer}.conv.1"] = conv(2 * features, 2 * width_in, 3)
        parts[f"{layer}.conv.2"] = conv(features, 2 * features, 1)
        if stale:
            parts[f"{layer}.eval_conv"] = conv(features, width_in, 3)
    parts["conv_cat"] = conv(features, 4 * features, 1)
    parts["upsampler.0"] = conv(3 * scale**2, features, 3)
    weights = {f"{layer}.weight": weight for layer, (weight, _) in parts.items()}
    return weights | {f"{layer}.bias": bias for layer, (_, bias) in parts.items()}


def as_in_training(weights: dict[str, Tensor], x: Tensor, normalised: bool = True) -> Tensor:
    """The published definition, convolution by convolution, in float64; activations are in place there."""
    w = {key: value.double() for key, value in weights.items()}

    def conv3xc(layer: str, x: Tensor) -> Tensor:
        out = F.pad(x, (1, 1, 1, 1))
        for part in ("conv.0", "conv.1", "conv.2"):
            out = F.conv2d(out, w[f"{layer}.{part}.weight"], w[f"{layer}.{part}.bias"])
        return out + F.conv2d(x, w[f"{layer}.sk.weight"], w[f"{layer}.sk.bias"])

    def block(index: int, x: Tensor) -> tuple[Tensor, Tensor]:
        one = F.silu(conv3xc(f"block_{index}.c1_r", x))
        three = conv3xc(f"block_{index}.c3_r", F.silu(conv3xc(f"block_{index}.c2_r", one)))
        return (three + x) * (torch.sigmoid(three) - 0.5), one

    x = x.double()
    if normalised:
        x = (x - torch.tensor((0.4488, 0.4371, 0.4040), dtype=torch.float64).view(1, 3, 1, 1)) * 255
    shallow = conv3xc("conv_1", x)
    blocks = [block(1, shallow)]
    for index in range(2, 7):
        blocks.append(block(index, blocks[-1][0]))
    gathered = torch.cat((shallow, conv3xc("conv_2", blocks[5][0]), blocks[0][0], blocks[5][1]), 1)
    out = F.conv2d(gathered, w["conv_cat.weight"], w["conv_cat.bias"])
    out = F.conv2d(out, w["upsampler.0.weight"], w["upsampler.0.bias"], padding=1)
    return F.pixel_shuffle(out, round((out.shape[1] / 3) ** 0.5))


def close(found: Tensor, expected: Tensor) -> None:
    """Random weights make large values of large ones, so that errors are measured against the largest.

    Merged weights are rounded to float32, which six blocks in a row enlarge; a wrong merge is wrong by its whole size.
    """
    assert (found - expected).abs().max() < 2e-4 * expected.abs().max()


@pytest.mark.parametrize("stale", [True, False])
@pytest.mark.parametrize("normalised", [True, False])
def test_training_form(tmp_path: Path, stale: bool, normalised: bool) -> None:
    weights = training_form(stale=stale)
    path = tmp_path / "span.safetensors"
    save_file(weights if normalised else weights | {"no_norm": torch.zeros(1)}, path)
    model = load(path)
    assert model.contract.architecture == "SPAN"
    assert model.contract.sizes == {"features": 5, "scale": 2, "normalised": int(normalised)}
    assert model.contract.receptive_field == model.contract.overlap == 21
    x = torch.rand(2, 3, 9, 11)
    close(model.network.double()(x.double()), as_in_training(weights, x, normalised))


def test_merging_is_exact_at_the_borders() -> None:
    """The biases of the first 1x1 convolution reach into the padding, which a merge after padding would forget."""
    weights = training_form()
    layer = "block_3.c2_r"
    flat = merged(weights)
    x = torch.rand(1, 5, 4, 4)
    whole = F.conv2d(x, flat[f"{layer}.weight"], flat[f"{layer}.bias"], padding=1)
    out = F.pad(x, (1, 1, 1, 1))
    for part in ("conv.0", "conv.1", "conv.2"):
        out = F.conv2d(out, weights[f"{layer}.{part}.weight"], weights[f"{layer}.{part}.bias"])
    expected = out + F.conv2d(x, weights[f"{layer}.sk.weight"], weights[f"{layer}.sk.bias"])
    torch.testing.assert_close(whole, expected, atol=1e-5, rtol=0)


def test_deployed_forms_are_the_same(tmp_path: Path) -> None:
    plain = merged(training_form())
    assert plain.keys() == SPAN(5, 2).state_dict().keys()
    evaluated = {
        (key.replace(".weight", ".eval_conv.weight").replace(".bias", ".eval_conv.bias"))
        if key.rpartition(".")[0] in LAYERS
        else key: value
        for key, value in plain.items()
    }
    assert "conv_1.eval_conv.weight" in evaluated
    for weights in (plain, evaluated):
        save_file(weights, tmp_path / "span.safetensors")
        found = load(tmp_path / "span.safetensors").network.state_dict()
        assert all(torch.equal(found[key], value) for key, value in plain.items())
    assert all(torch.equal(merged(plain)[key], value) for key, value in plain.items())


@pytest.mark.parametrize(
    ("key", "shape"),
    [
        ("block_2.c1_r.conv.1.weight", (4, 4, 3, 3)),
        ("block_2.c1_r.conv.2.weight", (9, 10, 1, 1)),
        ("block_2.c1_r.sk.weight", (5, 5)),
        ("block_2.c1_r.conv.0.bias", None),
        ("conv_1.sk.weight", (5, 1, 1, 1)),
        ("upsampler.0.weight", (13, 5, 3, 3)),
        ("conv_cat.weight", (5, 15, 1, 1)),
    ],
)
def test_weights_that_do_not_fit(tmp_path: Path, key: str, shape: tuple[int, ...] | None) -> None:
    weights = training_form()
    del weights[key]
    if shape is not None:
        weights[key] = torch.zeros(shape)
    save_file(weights, tmp_path / "span.safetensors")
    with pytest.raises(ModelError, match=r"span\.safetensors cannot be used"):
        load(tmp_path / "span.safetensors")


def test_parts_that_would_multiply_to_terabytes(tmp_path: Path) -> None:
    weights = training_form()
    weights["conv_1.conv.0.weight"] = torch.zeros(1, 400_000, 1, 1)
    weights["conv_1.conv.1.weight"] = torch.zeros(1, 1, 3, 3)
    weights["conv_1.conv.2.weight"] = torch.zeros(400_000, 1, 1, 1)
    save_file(weights, tmp_path / "span.safetensors")
    with pytest.raises(ModelError, match=r"conv_1.*do not fit"):
        load(tmp_path / "span.safetensors")

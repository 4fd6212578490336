"""VGG features against the feature losses of the originals' recorded training steps, and against Keras's VGG-19."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from golden_files import Golden
from torch import Tensor

from keras_files import save_keras_vgg
from wildsr.networks.vgg import VGGFeatures, layer_names
from wildsr.zoo.features.vgg import load_keras_vgg

Read = Callable[[str], Golden]
RELATIVE = 1e-5  # of the losses in float32, says golden/README.md


@pytest.fixture(autouse=True)
def no_gradients() -> Any:
    with torch.no_grad():
        yield


def weights_of(item: Golden) -> dict[str, Tensor]:
    """The stored features' weights under torchvision's names; KAIR cuts the layers into children."""
    convolutions = [index for index, name in enumerate(layer_names(19)) if name.startswith("conv")]
    stored = item.under("weight.F.")
    names = sorted(
        {key.rpartition(".")[0] for key in stored if key.startswith("features.")},
        key=lambda name: [int(number) for number in re.findall(r"\d+", name)],
    )
    assert len(names) == len(convolutions)
    return {
        f"features.{index}.{kind}": stored[f"{name}.{kind}"]
        for index, name in zip(convolutions, names, strict=True)
        for kind in ("weight", "bias")
    }


@pytest.mark.parametrize(
    ("name", "result"), [("step_realsr", "output.f32.step1.fake_H"), ("step_rwsredl", "output.f32.step1.out")]
)
def test_feature_loss_of_realsr_and_edl(golden: Read, name: str, result: str) -> None:
    item = golden(name)
    if result not in item:
        pytest.skip("this result is in the full set only")
    layer = layer_names(19)[int(re.findall(r"\d+", item.text("netF"))[-1])]
    network = VGGFeatures.from_weights(weights_of(item), [layer])
    loss = F.l1_loss(network(item[result])[layer], network(item["input.GT"])[layer])
    loss = loss * item.json("train")["feature_weight"]
    torch.testing.assert_close(loss.double(), item["log.f32.l_g_fea"][0], rtol=RELATIVE, atol=0)


def test_feature_loss_of_kair(golden: Read) -> None:
    item = golden("step_kair_gan_lsgan")
    if "output.f32.step1.E" not in item:
        pytest.skip("this result is in the full set only")
    options = item.json("opt")
    names = layer_names(19)
    layers = [names[index] for index in options["F_feature_layer"]]
    value_range = (-1, 1) if options["F_use_range_norm"] else (0, 1)
    network = VGGFeatures.from_weights(
        weights_of(item), layers, normalise=options["F_use_input_norm"], value_range=value_range
    )
    assert options["F_lossfn_type"] == "l1"
    ours, theirs = network(item["output.f32.step1.E"]), network(item["input.H"])
    loss = sum(
        weight * F.l1_loss(ours[layer], theirs[layer])
        for layer, weight in zip(layers, options["F_weights"], strict=True)
    )
    assert isinstance(loss, Tensor)
    loss = loss * options["F_lossfn_weight"]
    torch.testing.assert_close(loss.double(), item["log.f32.F_loss"][0], rtol=RELATIVE, atol=0)


def test_the_start_of_keras_vgg19(golden: Read, tmp_path: Path) -> None:
    item = golden("ddnsr/vgg_feature_2_2_int8")
    weights = {}
    names = layer_names(19)
    convolutions = [layer for layer, kind in item.json("layers") if kind == "Conv2D"]
    for layer in convolutions:
        index = names.index(layer.replace("block", "conv").replace("_conv", "_"))
        kernel = item[f"{layer}/kernel.int8"].float() * item[f"{layer}/kernel.scale"]
        weights[f"features.{index}.weight"] = kernel.permute(3, 2, 0, 1)
        weights[f"features.{index}.bias"] = item[f"{layer}/bias"]
    deepest = names[index]
    path = save_keras_vgg(tmp_path / "vgg19-keras.h5", weights)
    network = load_keras_vgg(path, [deepest], normalise=False)
    images = sorted(key for key in item.tensors if re.fullmatch(r"x\d+", key))
    assert images
    for key in images:
        out = network(item[key].permute(0, 3, 1, 2))[deepest]
        expected = item[f"y{key[1:]}"].permute(0, 3, 1, 2)
        torch.testing.assert_close(out, expected, rtol=0, atol=RELATIVE * expected.abs().max().item())

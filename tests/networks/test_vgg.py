"""VGG's layers, as torchvision's files number them."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from wildsr.networks.vgg import Depth, VGGFeatures, layer_names, vgg_layers


@pytest.mark.parametrize(
    ("depth", "values", "places"),
    [
        (16, 14_714_688, {"conv1_1": 0, "conv2_2": 7, "conv3_3": 14, "conv4_3": 21, "conv5_3": 28}),
        (19, 20_024_384, {"conv1_2": 2, "conv2_2": 7, "conv3_4": 16, "conv4_4": 25, "conv5_4": 34}),
    ],
)
def test_published_layouts(depth: Depth, values: int, places: dict[str, int]) -> None:
    with torch.device("meta"):
        layers = vgg_layers(depth)
    assert sum(parameter.numel() for parameter in layers.parameters()) == values
    names = layer_names(depth)
    assert len(names) == len(layers)
    assert {name: names.index(name) for name in places} == places
    assert names[-1] == "pool5"
    for name, layer in zip(names, layers, strict=True):
        kind = {"conv": "Conv2d", "relu": "ReLU", "pool": "MaxPool2d"}[name[:4]]
        assert type(layer).__name__ == kind


def narrow_weights(depth: Depth) -> dict[str, Tensor]:
    torch.manual_seed(depth)
    number = sum(name.startswith("conv") for name in layer_names(depth))
    layers = vgg_layers(depth, [3 + index % 3 for index in range(number)])
    weights = {f"features.{name}": value.detach() for name, value in layers.state_dict().items()}
    return {**weights, "classifier.0.weight": torch.zeros(4, 4)}


@pytest.mark.parametrize("depth", [16, 19])
def test_features_are_those_of_the_layers(depth: Depth) -> None:
    weights = narrow_weights(depth)
    last = "conv5_3" if depth == 16 else "conv5_4"
    wanted = ["conv1_2", "relu1_2", "pool3", last]
    network = VGGFeatures.from_weights(weights, wanted, depth, value_range=(-1, 1))
    x = torch.rand(2, 3, 33, 40) * 2 - 1
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    value = ((x + 1) / 2 - mean.view(3, 1, 1)) / std.view(3, 1, 1)
    expected = {}
    for index, name in enumerate(layer_names(depth)):
        if name.startswith("conv"):
            key = f"features.{index}"
            value = F.conv2d(value, weights[f"{key}.weight"], weights[f"{key}.bias"], padding=1)
        else:
            value = value.relu() if name.startswith("relu") else F.max_pool2d(value, 2)
        expected[name] = value
    found = network(x)
    assert list(found) == wanted
    for name in wanted:
        torch.testing.assert_close(found[name], expected[name], rtol=0, atol=1e-5)
    assert (found["conv1_2"] < 0).any()


def test_normalisation_can_be_left_out() -> None:
    weights = narrow_weights(19)
    network = VGGFeatures.from_weights(weights, ["conv1_1"], normalise=False)
    x = torch.rand(1, 3, 8, 8)
    expected = F.conv2d(x, weights["features.0.weight"], weights["features.0.bias"], padding=1)
    torch.testing.assert_close(network(x)["conv1_1"], expected)


def test_a_file_may_end_at_the_deepest_layer() -> None:
    weights = {
        key: value
        for key, value in narrow_weights(16).items()
        if int(key.split(".")[1]) <= 7 and "feat" in key
    }
    assert (
        VGGFeatures.from_weights(weights, ["relu2_2"], 16)(torch.rand(1, 3, 8, 8))["relu2_2"].shape[-1] == 4
    )
    with pytest.raises(ValueError, match=r"features\.10\.weight is missing"):
        VGGFeatures.from_weights(weights, ["conv3_1"], 16)


def test_the_other_depth_is_noticed() -> None:
    with pytest.raises(ValueError, match="not the weights of VGG-19"):
        VGGFeatures.from_weights(narrow_weights(16), ["conv5_4"], 19)
    with pytest.raises(ValueError, match="not the weights of VGG-16"):
        VGGFeatures.from_weights(narrow_weights(19), ["conv5_3"], 16)


def test_unknown_layers() -> None:
    with pytest.raises(ValueError, match="VGG-16 has no layer conv3_4"):
        VGGFeatures(["conv1_1", "conv3_4"], 16)


def test_gradients_reach_the_image_only() -> None:
    network = VGGFeatures.from_weights(narrow_weights(19), ["conv2_1"])
    x = torch.rand(1, 3, 8, 8, requires_grad=True)
    network(x)["conv2_1"].square().sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in network.parameters())

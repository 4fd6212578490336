"""Blending: linear interpolation of two sets of weights, and errors."""

import pytest
import torch
from torch import nn

from wildsr.networks.resunet import ResUNet
from wildsr.networks.srrescgan import SRResCGAN
from wildsr.zoo.blend import blend
from wildsr.zoo.errors import ModelError
from wildsr.zoo.load import contract_of
from wildsr.zoo.model import Model


def model(name: str, seed: int, features: int = 4) -> Model:
    torch.manual_seed(seed)
    sizes = {"features": features, "width": 4, "blocks": 1, "scale": 2}
    network = ResUNet(**sizes).requires_grad_(False).eval()
    nn.init.normal_(network.tail.weight, 0, 0.1)
    return Model(network, contract_of(network, "ResUNet", sizes, name, "MIT", digest="0" * 64))


FIRST, SECOND = model("first", 0), model("second", 1)


@pytest.mark.parametrize(("share", "expected"), [(0.0, FIRST), (1.0, SECOND)])
def test_the_ends_are_the_models(share: float, expected: Model) -> None:
    x = torch.rand(1, 3, 8, 8)
    assert torch.equal(blend(FIRST, SECOND, share)(x), expected(x))


def test_weights_lie_between() -> None:
    before = {key: value.clone() for key, value in FIRST.network.state_dict().items()}
    between = blend(FIRST, SECOND, 0.25)
    for key, value in between.network.state_dict().items():
        expected = 0.75 * before[key] + 0.25 * SECOND.network.state_dict()[key]
        torch.testing.assert_close(value, expected)
        assert torch.equal(FIRST.network.state_dict()[key], before[key]), "the models stay as they were"
    assert between.contract.name == "first+second"
    assert between.contract.sha256 is None
    assert between.contract.licence == "MIT"


def test_other_sizes_and_architectures_are_refused() -> None:
    with pytest.raises(ModelError, match=r"second \(ResUNet with features=6.*only two models of the same"):
        blend(FIRST, model("second", 1, features=6), 0.5)
    sizes = {"features": 4, "blocks": 1, "scale": 4}
    network = SRResCGAN(**sizes)
    with pytest.raises(ModelError, match="cannot be blended"):
        blend(FIRST, Model(network, contract_of(network, "SRResCGAN", sizes, "other")), 0.5)


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_impossible_share(share: float) -> None:
    with pytest.raises(ValueError, match=r"from 0 .* to 1"):
        blend(FIRST, SECOND, share)

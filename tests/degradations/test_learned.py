"""Learned degradations."""

import json
from typing import Any

import numpy as np
import pytest
import torch
from skimage import data
from torch import Tensor

from wildsr.degradations.degradation import DegradationError
from wildsr.degradations.methods.learned import Ddnsr, Dsgan, network_digest
from wildsr.networks.ddnsr import DegradationNetwork
from wildsr.networks.dsgan import DSGANGenerator
from wildsr.ops.resize import imresize


def photo(height: int = 48, width: int = 64) -> Tensor:
    return torch.from_numpy(data.coffee()[100 : 100 + height, 200 : 200 + width]).permute(2, 0, 1)[None] / 255


def generator(seed: int = 0) -> DSGANGenerator:
    torch.manual_seed(seed)
    return DSGANGenerator(8, 2)


def dual(seed: int = 0) -> DegradationNetwork:
    torch.manual_seed(seed)
    return DegradationNetwork(4, 2, 1)


def references(count: int = 3) -> list[Tensor]:
    return [
        torch.rand(3, 14 + index, 18, generator=torch.Generator().manual_seed(index))
        for index in range(count)
    ]


def draw(degradation: Dsgan | Ddnsr, count: int) -> list[dict[str, Any]]:
    return [degradation.sample(np.random.default_rng([4, index]), (48, 64)) for index in range(count)]


def test_dsgan_goes_through_bicubic_and_the_generator() -> None:
    network = generator()
    degradation = Dsgan(network)
    lr = degradation.apply(photo(50, 67), draw(degradation, 1))
    with torch.no_grad():
        expected = network(imresize(photo(), 1 / 4).clamp(0, 1))
    torch.testing.assert_close(lr, expected)
    assert not lr.requires_grad


def test_ddnsr_takes_a_crop_of_a_real_image() -> None:
    network = dual()
    degradation = Ddnsr(network, references())
    for drawn in draw(degradation, 4):
        rows, columns = slice(drawn["top"], drawn["top"] + 12), slice(drawn["left"], drawn["left"] + 16)
        with torch.no_grad():
            expected = network(photo(), references()[drawn["index"]][None, :, rows, columns]).clamp(0, 1)
        torch.testing.assert_close(degradation.apply(photo(), [drawn]), expected)
    many = draw(degradation, 200)
    assert {one["index"] for one in many} == {0, 1, 2}
    assert {one["top"] for one in many} == set(range(16 - 12 + 1))
    assert {one["left"] for one in many} == set(range(18 - 16 + 1))


@pytest.mark.parametrize("degradation", [Dsgan(generator()), Ddnsr(dual(), references())])
def test_replay_is_bit_for_bit_and_images_are_alone(degradation: Dsgan | Ddnsr) -> None:
    parameters = draw(degradation, 6)
    images = torch.rand(6, 3, 48, 64)
    lr = degradation.apply(images, parameters)
    assert lr.shape == (6, 3, 12, 16)
    assert lr.min() >= 0
    assert lr.max() <= 1
    assert torch.equal(lr, degradation.apply(images, json.loads(json.dumps(parameters))))
    assert torch.equal(lr[3:4], degradation.apply(images[3:4], parameters[3:4]))


def test_digests_are_of_the_weights() -> None:
    assert network_digest(generator()) == network_digest(generator())
    assert network_digest(generator()) != network_digest(generator(1))
    assert network_digest(generator().double()) != network_digest(generator())


def test_other_networks_and_images_are_refused() -> None:
    with pytest.raises(DegradationError, match=r"image 0: .* another network"):
        Dsgan(generator(1)).apply(photo(), draw(Dsgan(generator()), 1))
    parameters = draw(Ddnsr(dual(), references()), 1)
    with pytest.raises(DegradationError, match="another network"):
        Ddnsr(dual(1), references()).apply(photo(), parameters)
    with pytest.raises(DegradationError, match="another set of LR images"):
        Ddnsr(dual(), references(2)).apply(photo(), parameters)


def test_mistakes_are_named() -> None:
    with pytest.raises(DegradationError, match="needs real LR images"):
        Ddnsr(dual(), [])
    with pytest.raises(DegradationError, match="LR image 1 must be"):
        Ddnsr(dual(), [torch.rand(3, 9, 9), torch.rand(1, 9, 9)])
    degradation = Ddnsr(dual(), references())
    with pytest.raises(DegradationError, match="too few for a result of 25 x 25"):
        degradation.sample(np.random.default_rng(0), (100, 100))
    parameters = draw(degradation, 1)
    with pytest.raises(DegradationError, match="of a smaller image"):
        degradation.apply(torch.rand(1, 3, 96, 96), parameters)
    parameters[0]["index"] = 3
    with pytest.raises(DegradationError, match="no LR image 3"):
        degradation.apply(photo(), parameters)
    with pytest.raises(DegradationError, match="2 images but 1 sets"):
        degradation.apply(torch.rand(2, 3, 48, 64), parameters)
    with pytest.raises(DegradationError, match="'network' is missing"):
        Dsgan(generator()).apply(photo(), [{}])

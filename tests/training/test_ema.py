"""The exponential moving average of weights, compared with its formula."""

import pytest
import torch
from torch import nn

from wildsr.networks.srrescgan import SRResCGAN
from wildsr.training.ema import Average


@pytest.mark.parametrize(("warmup", "decays"), [(False, [0.9, 0.9, 0.9]), (True, [1 / 10, 2 / 11, 3 / 12])])
def test_weights_are_averaged_and_buffers_copied(warmup: bool, decays: list[float]) -> None:
    network = nn.BatchNorm2d(3)
    average = Average(network, 0.9, warmup)
    expected = network.weight.detach().clone()
    for number, decay in enumerate(decays):
        with torch.no_grad():
            network.weight += 1
        network(torch.rand(4, 3, 5, 5))
        average.update(network, number)
        expected = decay * expected + (1 - decay) * network.weight.detach()
    torch.testing.assert_close(average.network.weight, expected)
    assert torch.equal(average.network.running_mean, network.running_mean)
    assert average.network.num_batches_tracked == 3
    assert not average.network.training
    assert not average.network.weight.requires_grad


def test_networks_with_weight_norm_can_be_averaged() -> None:
    network = SRResCGAN()
    average = Average(network, 0.5)
    average.update(network, 0)
    for kept, now in zip(average.network.parameters(), network.parameters(), strict=True):
        torch.testing.assert_close(kept, now)

"""Properties of every network: output sizes, exact receptive fields, and that it can be traced."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from wildsr.networks.compact import SRVGGNetCompact
from wildsr.networks.edl import EDLNet
from wildsr.networks.msrresnet import MSRResNet
from wildsr.networks.resunet import ResUNet
from wildsr.networks.rrdbnet import RRDBNet
from wildsr.networks.span import SPAN
from wildsr.networks.srrescgan import SRResCGAN


def rrdbnet(scale: int, unshuffle: int = 1, blocks: int = 1) -> RRDBNet:
    return RRDBNet(features=4, blocks=blocks, growth=2, scale=scale, unshuffle=unshuffle)


NETWORKS = {
    "rrdbnet x1": lambda: rrdbnet(1),
    "rrdbnet x2": lambda: rrdbnet(2),
    "rrdbnet x4": lambda: rrdbnet(4, blocks=2),
    "rrdbnet x8": lambda: rrdbnet(8),
    "rrdbnet x2 unshuffled": lambda: rrdbnet(2, 2),
    "rrdbnet x1 unshuffled": lambda: rrdbnet(1, 4),
    "rrdbnet x4 unshuffled": lambda: rrdbnet(4, 2),
    "rrdbnet x4 relu": lambda: RRDBNet(features=4, blocks=1, growth=2, relu=True),
    "msrresnet x2": lambda: MSRResNet(features=4, blocks=2, scale=2),
    "msrresnet x3": lambda: MSRResNet(features=4, blocks=1, scale=3),
    "msrresnet x4": lambda: MSRResNet(features=4, blocks=2, scale=4),
    "compact x4": lambda: SRVGGNetCompact(features=4, convs=3, scale=4),
    "resunet x4": lambda: ResUNet(features=4, width=6, blocks=1, scale=4),
    "resunet x2": lambda: ResUNet(features=4, width=6, blocks=2, scale=2),
    "span x4": lambda: SPAN(features=4, scale=4, normalised=False),
    "span x2 normalised": lambda: SPAN(features=4, scale=2),
    "edl x4": lambda: EDLNet(features=4, blocks=1, growth=2),
    "edl x2": lambda: EDLNet(features=4, blocks=1, growth=2, scale=2),
    "srrescgan": lambda: SRResCGAN(features=4, blocks=3),
    "srrescgan shallow": lambda: SRResCGAN(features=4, blocks=1),
}
every_network = pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS.keys())


def local_part(network: Any) -> Callable[[Tensor], Tensor]:
    return network.residual if isinstance(network, SRResCGAN) else network


@every_network
def test_output_is_scale_times_the_input(make: Callable[[], Any]) -> None:
    network = make().eval()
    out = network(torch.rand(2, 3, 12, 8))
    assert out.shape == (2, 3, 12 * network.scale, 8 * network.scale)


@every_network
def test_receptive_field_is_exact(make: Callable[[], Any]) -> None:
    """The gradient of every output of a pixel reaches exactly to the receptive field."""
    network = make().double().eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.abs_().add_(0.01)  # all positive, so that nothing cancels and no ReLU is shut
    multiple, scale = getattr(network, "size_multiple", 1), network.scale
    radius = network.receptive_field
    side = -(-(2 * radius + 8) // multiple) * multiple + multiple
    reached = 0
    for pixel in range(side // 2, side // 2 + multiple):
        x = torch.rand(1, 3, side, side, dtype=torch.float64, requires_grad=True)
        cell = slice(pixel * scale, (pixel + 1) * scale)
        local_part(network)(x)[..., cell, cell].sum().backward()
        assert x.grad is not None
        rows, columns = x.grad.abs().sum((0, 1)).nonzero(as_tuple=True)
        assert 0 < rows.min() <= rows.max() < side - 1, "the test image is too small"
        reached = max(reached, *((index - pixel).abs().max().item() for index in (rows, columns)))
    assert reached == radius


@pytest.mark.filterwarnings("ignore:.*torch.jit.trace:DeprecationWarning")
@every_network
def test_can_be_traced(make: Callable[[], Any]) -> None:
    network = make().eval().requires_grad_(False)

    class Local(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, x: Tensor) -> Tensor:
            return local_part(self.network)(x)

    traced = torch.jit.trace(Local().eval(), torch.rand(1, 3, 8, 8), check_trace=False)
    x = torch.rand(1, 3, 8, 8)
    torch.testing.assert_close(traced(x), local_part(network)(x))


def test_published_receptive_fields() -> None:
    assert RRDBNet(features=2, growth=1).receptive_field == 349
    assert SRVGGNetCompact(features=2, convs=32).receptive_field == 34
    assert SRResCGAN(features=2).receptive_field == 4


@pytest.mark.parametrize(("scale", "unshuffle"), [(3, 1), (16, 1), (8, 2), (0, 1)])
def test_rrdbnet_refuses_impossible_scales(scale: int, unshuffle: int) -> None:
    with pytest.raises(ValueError, match="cannot upscale"):
        rrdbnet(scale, unshuffle)


def test_msrresnet_refuses_impossible_scales() -> None:
    with pytest.raises(ValueError, match="cannot upscale by 8"):
        MSRResNet(scale=8)

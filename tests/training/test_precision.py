"""Networks in half precision, losses in float32."""

from typing import NamedTuple

import torch
from small_runs import BF16, FP32
from torch import Tensor, nn

from wildsr.training.precision import autocast_type, float32_results
from wildsr.training.processes import start


class Both(NamedTuple):
    out: Tensor
    parts: tuple[Tensor, int]


class Seeing(nn.Module):
    """Records the type in which it computes."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3)
        self.seen: list[torch.dtype] = []

    def forward(self, x: Tensor) -> Both:
        y = self.conv(x)
        self.seen.append(y.dtype)
        return Both(y, (y, 2))


def test_networks_compute_in_half_precision_and_give_float32() -> None:
    fabric, network = start(BF16), Seeing()
    assert autocast_type(fabric) == torch.bfloat16
    with float32_results(fabric, [network]), fabric.autocast():
        result = network(torch.rand(1, 3, 4, 4))
    assert network.seen == [torch.bfloat16]
    assert isinstance(result, Both)
    assert (result.out.dtype, result.parts[0].dtype, result.parts[1]) == (torch.float32, torch.float32, 2)
    with fabric.autocast():
        assert network(torch.rand(1, 3, 4, 4)).out.dtype == torch.bfloat16  # nothing is left behind


def test_full_precision_stays_as_it_is() -> None:
    fabric, network = start(FP32), Seeing()
    assert autocast_type(fabric) is None
    with float32_results(fabric, [network]), fabric.autocast():
        assert network(torch.rand(1, 3, 4, 4)).out.dtype == torch.float32
    assert network.seen == [torch.float32]

"""Choices of the PyTorch engine on CUDA, with the functions of CUDA replaced."""

import weakref
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from wildsr.inference.engine import OutOfMemory
from wildsr.inference.torch_engine import TorchEngine

GPU = torch.device("cuda:1")


def engine_on(device: torch.device) -> TorchEngine:
    engine = TorchEngine(nn.Identity(), torch.device("cpu"), False)
    engine._device = device
    return engine


def test_memory_that_pytorch_keeps_counts_as_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the second image would be computed in smaller batches than the first."""
    gib, asked = 1 << 30, []

    def amount(value: int) -> object:
        return lambda device: (asked.append(device), value)[1]

    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (asked.append(device), (gib, 80 * gib))[1])
    monkeypatch.setattr(torch.cuda, "memory_reserved", amount(9 * gib))
    monkeypatch.setattr(torch.cuda, "memory_allocated", amount(2 * gib))
    engine = engine_on(GPU)
    assert engine.batch(384, 384) == 3  # 2.25 GiB each
    assert engine.batch(128, 128) == 8
    assert set(asked) == {GPU}


def test_computing_makes_its_gpu_the_current_one(monkeypatch: pytest.MonkeyPatch) -> None:
    current = []

    @contextmanager
    def device(chosen: torch.device) -> Iterator[None]:
        current.append(chosen)
        yield
        current.pop()

    monkeypatch.setattr(torch.cuda, "device", device)
    with engine_on(GPU)._computing():
        assert current == [GPU]
    assert not current


class _Hungry(nn.Module):
    """Runs out of memory while it holds a large tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.held: weakref.ref[Tensor] | None = None

    def forward(self, x: Tensor) -> Tensor:
        large = x.repeat(2, 1, 1, 1)
        self.held = weakref.ref(large)
        raise RuntimeError("CUDA out of memory")


def test_nothing_of_a_tile_that_did_not_fit_stays_in_memory() -> None:
    """Neither the memory that is free then, nor the next try, would be right."""
    engine = TorchEngine(_Hungry(), torch.device("cpu"), False)
    with pytest.raises(OutOfMemory) as caught:
        engine.start(np.zeros((1, 3, 4, 4), np.float32), False)
    network = engine._network
    assert isinstance(network, _Hungry)
    assert network.held is not None
    assert network.held() is None
    assert "out of memory" in str(caught.value)

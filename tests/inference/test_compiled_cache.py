"""Compiled models on disk: reused, and refused if they changed."""

import os
from pathlib import Path

import pytest
import torch
from torch import nn

from wildsr.inference import openvino_engine
from wildsr.inference.openvino_engine import OpenVinoEngine, cache_folder

pytestmark = pytest.mark.skipif(not openvino_engine.works(), reason="OpenVINO finds no CPU it can drive")


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> nn.Module:
    monkeypatch.setenv("WILDSR_CACHE", str(tmp_path / "cache"))
    torch.manual_seed(0)
    return nn.Conv2d(3, 3, 3, padding=1).eval().requires_grad_(False)


def _run(network: nn.Module) -> torch.Tensor:
    x = torch.linspace(0, 1, 3 * 8 * 9).view(1, 3, 8, 9)
    return torch.from_numpy(
        OpenVinoEngine(lambda: network, "a network", half=False).start(x.numpy(), False)().copy()
    )


def test_every_flipped_bit_is_noticed(network: nn.Module) -> None:
    expected = _run(network)
    (blob,) = cache_folder("openvino").glob("*.blob")
    sound = blob.read_bytes()
    for place in range(0, len(sound), max(1, len(sound) // 40)):
        damaged = bytearray(sound)
        damaged[place] ^= 1
        blob.write_bytes(damaged)
        assert torch.equal(_run(network), expected)
        assert blob.read_bytes() != bytes(damaged), "the damaged file was replaced"
    blob.write_bytes(sound[:10])
    assert torch.equal(_run(network), expected)


def test_a_sound_file_is_used(network: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = _run(network)
    monkeypatch.setattr(OpenVinoEngine, "_convert_and_compile", None)
    assert torch.equal(_run(network), expected)


@pytest.mark.skipif(os.name != "posix", reason="permissions as POSIX has them")
def test_the_folder_is_private(network: nn.Module) -> None:
    _run(network)
    assert cache_folder("openvino").stat().st_mode & 0o077 == 0

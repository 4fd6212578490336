"""Compiled models on disk: reused, and refused if they changed."""

import os
from pathlib import Path

import pytest
import torch
from torch import nn

from wildsr.inference import openvino_engine
from wildsr.inference.openvino_engine import OpenVinoEngine
from wildsr.storage.caches import cache_folder

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


def _files() -> tuple[Path, Path]:
    """The compiled and the converted model in the cache."""
    compiled, converted = sorted(
        cache_folder("openvino").glob("*.blob"), key=lambda path: b"<?xml" in path.read_bytes()[:64]
    )
    return compiled, converted


@pytest.mark.parametrize("kind", ["compiled", "converted"])
def test_every_flipped_bit_is_noticed(network: nn.Module, kind: str) -> None:
    expected = _run(network)
    compiled, converted = _files()
    blob = compiled if kind == "compiled" else converted
    sound = blob.read_bytes()
    for place in range(0, len(sound), max(1, len(sound) // 40)):
        damaged = bytearray(sound)
        damaged[place] ^= 1
        if kind == "converted":
            compiled.unlink()
        blob.write_bytes(damaged)
        assert torch.equal(_run(network), expected)
        assert blob.read_bytes() != bytes(damaged), "the damaged file was replaced"
    blob.write_bytes(sound[:10])
    assert torch.equal(_run(network), expected)


def test_another_shape_needs_no_network(network: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    _run(network)
    monkeypatch.setattr(openvino_engine, "convert", None)
    other = torch.linspace(0, 1, 3 * 11 * 7).view(1, 3, 11, 7)
    result = OpenVinoEngine(lambda: network, "a network", half=False).start(other.numpy(), False)()
    torch.testing.assert_close(torch.from_numpy(result), network(other))


def test_a_sound_file_is_used(network: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = _run(network)
    monkeypatch.setattr(OpenVinoEngine, "_shapeless", None)
    assert torch.equal(_run(network), expected)


@pytest.mark.skipif(os.name != "posix", reason="permissions as POSIX has them")
def test_the_folder_is_private(network: nn.Module) -> None:
    _run(network)
    assert cache_folder("openvino").stat().st_mode & 0o077 == 0

"""Kernel pools of profiles: from photos to LR images that were degraded by them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from wildsr.degradations.methods.profiled import Profiled
from wildsr.degradations.profile import read_profile, write_profile
from wildsr.estimation.fast_kernels import FastSettings
from wildsr.estimation.inventory import take_inventory
from wildsr.estimation.kernelgan import KernelGANSettings
from wildsr.estimation.profile import estimate_profile

FAST = FastSettings(iterations=8, head_start=4, features=8)
FULL = KernelGANSettings(iterations=120, features=8, learning_rate=5e-3)


@pytest.mark.parametrize("thorough", [False, True])
def test_photos_give_kernels_that_degrade(
    thorough: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wildsr.estimation.profile.QUICK", FAST)
    monkeypatch.setattr("wildsr.estimation.profile.FULL", FULL)
    photos = (data.astronaut()[:160, 100:260], data.coffee()[100:260, 100:260])
    for index, photo in enumerate(photos):
        Image.fromarray(photo).save(tmp_path / f"{index}.png")
    inventory = take_inventory([tmp_path])
    told: list[str] = []
    profile = estimate_profile(
        inventory.usable,
        thorough=thorough,
        quick_kernels=not thorough,
        on_progress=lambda *what: told.append(what[2]),
    )
    assert "estimating kernels with KernelGAN" in told
    assert profile.kernel_pool is not None
    assert profile.kernel_pool.scale == 4
    assert set(profile.kernel_pool.origins) == {"0.png", "1.png"}
    torch.testing.assert_close(profile.kernel_pool.kernels.sum((1, 2)), torch.ones(2), atol=1e-3, rtol=0)

    again = read_profile(write_profile(profile, tmp_path / "camera"))
    degradation = Profiled(again, 4, kernels=1.0)
    sharp = torch.from_numpy(data.rocket()[:128, 200:328].copy()).permute(2, 0, 1)[None] / 255
    parameters = degradation.sample(np.random.default_rng(0), (128, 128))
    low = degradation.apply(sharp, [parameters])
    assert low.shape == (1, 3, 32, 32)
    assert float((low.mean() - sharp.mean()).abs()) < 0.05


@pytest.mark.parametrize("thorough", [False, True])
def test_kernels_are_estimated_on_the_device(
    thorough: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places: list[str] = []

    def estimate(crops: list[object], *_: object, device: str = "cpu") -> list[torch.Tensor]:
        places.append(device)
        return [torch.ones(13, 13)] * len(crops)

    for name in ("fast_kernels", "estimate_kernels"):
        monkeypatch.setattr(f"wildsr.estimation.profile.{name}", estimate)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    Image.fromarray(data.astronaut()[:160, 100:260]).save(tmp_path / "a.png")
    photos = take_inventory([tmp_path]).usable
    for device in ("cuda:1", "auto", "cpu"):
        estimate_profile(photos, thorough=thorough, quick_kernels=not thorough, device=device)
    assert places == ["cuda:1", "cuda", "cpu"]


def test_profiles_have_no_kernels_unless_asked(tmp_path: Path) -> None:
    Image.fromarray(data.astronaut()[:160, 100:260]).save(tmp_path / "a.png")
    assert estimate_profile(take_inventory([tmp_path]).usable).kernel_pool is None

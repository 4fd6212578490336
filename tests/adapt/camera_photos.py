"""Photos of a simulated camera, and a network that is quick to train."""

from pathlib import Path

import numpy as np
import pytest
import torch
from skimage import data
from torch import Tensor

from wildsr.adapt import training
from wildsr.adapt.proof import ProofPlan
from wildsr.degradations.profile import Blur, Compression, JpegSetting, Noise, Profile
from wildsr.estimation.profile_check import ProfileCheck
from wildsr.image import write_rgb
from wildsr.networks import SRVGGNetCompact
from wildsr.ops.filtering import filter_per_sample
from wildsr.ops.kernels import gaussian_kernel
from wildsr.training.export import save_model


def scene(number: int, height: int = 200, width: int = 240) -> Tensor:
    """A crop (1, 3, height, width) in [0, 1] of a photograph."""
    levels = (data.astronaut, data.coffee, data.chelsea)[number % 3]()
    image = torch.from_numpy(levels).permute(2, 0, 1).unsqueeze(0).float() / 255
    top = 13 * number % (image.shape[-2] - height + 1)
    left = 29 * number % (image.shape[-1] - width + 1)
    return image[..., top : top + height, left : left + width]


def write_photos(folder: Path, count: int = 12, noise: float = 4.0) -> Path:
    """Write blurred and noisy JPEG files; returns their folder."""
    folder.mkdir(parents=True, exist_ok=True)
    kernel = gaussian_kernel(7, 0.8, 0.8, 0.0)[None]
    for number in range(count):
        image = filter_per_sample(scene(number), kernel)
        added = np.random.default_rng(number).normal(0, noise / 255, tuple(image.shape)).astype(np.float32)
        write_rgb(
            folder / f"photo-{number:02}.jpg", (image + torch.from_numpy(added)).clamp(0, 1), quality=90
        )
    return folder


def write_start(path: Path) -> Path:
    """A small untrained network: it gives little more than nearest neighbours, so that training helps at once."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        network = SRVGGNetCompact(8, 1, 4)
    save_model(path, network, {"licence": "CC0-1.0"})
    return path


def small_adaptations(monkeypatch: pytest.MonkeyPatch, no_features: Path) -> None:
    """Small patches and proofs, a given profile; no feature networks, whatever is installed."""
    monkeypatch.setattr(training, "HR_PATCH", 64)
    monkeypatch.setattr(training, "LR_PATCH", 12)
    monkeypatch.setattr("wildsr.adapt.stages.HR_PATCH", 64)
    monkeypatch.setattr(training, "_CAREFUL", ("adam", 1e-3))
    monkeypatch.setattr(training, "_RATES", {})
    monkeypatch.setattr(ProofPlan, "within", classmethod(lambda cls, *_: cls(3, 1, 1)))
    measured = Profile(Blur(0.8, 0.8), Noise(12.0, 8.0), Compression(1.0, (JpegSetting(90),)))
    monkeypatch.setattr("wildsr.adapt.stages.estimate_profile", lambda *_, **__: measured)
    check = ProfileCheck(measured, measured, ("blur: 1.0 became 2.0",))
    monkeypatch.setattr("wildsr.adapt.stages.check_profile", lambda *_, **__: check)
    monkeypatch.setenv("WILDSR_FEATURES", str(no_features))

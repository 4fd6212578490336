"""Camera profiles: their files, and the degradation by them."""

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from wildsr.degradations.degradation import DegradationError
from wildsr.degradations.methods.profiled import Profiled
from wildsr.degradations.pools import KernelPool, NoisePool
from wildsr.degradations.profile import (
    Blur,
    Compression,
    JpegSetting,
    Noise,
    PhotoMeasurement,
    Profile,
    ProfileError,
    Sharpening,
    read_profile,
    write_profile,
)
from wildsr.ops.kernels import gaussian_profile

PATCHES = torch.randint(100, 120, (3, 3, 16, 16), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
PROFILE = Profile(
    Blur(1.2, 0.6, 0.7, 0.1),
    Noise(2.0, 6.0, 0.4, ((1.0, 0.3, 0.1), (0.3, 1.0, 0.3), (0.1, 0.3, 1.0)), curve=((0.5, 2.2, 30.0),)),
    Compression(1.0, (JpegSetting(80, "4:2:0", 0.75), JpegSetting(90, "4:4:4", 0.25, (3,) * 64, (5,) * 64))),
    Sharpening(0.4, 1.0),
    "Make Model",
    (PhotoMeasurement("a.jpg", 512, 340, 100, 1.2, 0.6, 0.7, 2.2, 80),),
    NoisePool(PATCHES, ("a", "b", "c")),
    KernelPool(torch.full((2, 5, 5), 1 / 25), 4, ("a", "b")),
)
HR = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))


def test_a_file_gives_the_same_profile(tmp_path: Path) -> None:
    path = write_profile(PROFILE, tmp_path / "camera")
    for place in (path, path.parent):
        found = read_profile(place)
        assert found.digest == PROFILE.digest
        assert dataclasses.replace(found, noise_pool=None, kernel_pool=None) == dataclasses.replace(
            PROFILE, noise_pool=None, kernel_pool=None
        )


@pytest.mark.parametrize(
    ("section", "change"),
    [
        ("blur", {"wide": 1e9}),
        ("blur", {"narrow": 5.0}),
        ("blur", {"wide": float("inf")}),
        ("blur", {"sigma": 1}),
        ("noise", {"channels": [[1, 2, 0], [0, 1, 0], [0, 0, 1]]}),
        ("noise", {"constant": 10**400}),
        ("compression", {"share": "all"}),
        ("compression", {"settings": [{"quality": 80, "luma": [0] * 64, "chroma": [1] * 64}]}),
        ("compression", {"settings": "many"}),
        ("sharpening", {"radius": 0}),
        ("pools", {"noise": "0" * 64}),
    ],
)
def test_wrong_values_are_refused(tmp_path: Path, section: str, change: dict[str, Any]) -> None:
    path = write_profile(PROFILE, tmp_path)
    content = json.loads(path.read_text())
    content[section] |= change
    path.write_text(json.dumps(content))
    with pytest.raises(ProfileError, match=r"profile\.json"):
        read_profile(path)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format": "x"}', "[" * 100_000, "\x00\xff"])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "profile.json"
    path.write_text(text)
    with pytest.raises(ProfileError, match=r"profile\.json"):
        read_profile(path)
    with pytest.raises(ProfileError, match="estimate profile"):
        read_profile(tmp_path / "missing.json")


@pytest.mark.parametrize(("general", "patches", "kernels"), [(0, 0, 0), (0.5, 0.5, 0.5), (0, 1, 1)])
def test_samples_replay(general: float, patches: float, kernels: float) -> None:
    degradation = Profiled(PROFILE, 4, general, patches, kernels)
    rng = np.random.default_rng(3)
    for _ in range(8):
        parameters = json.loads(json.dumps([degradation.sample(rng, (64, 64)) for _ in range(2)]))
        once = degradation.apply(HR, parameters)
        assert once.shape == (2, 3, 16, 16)
        assert torch.equal(once, degradation.apply(HR, parameters))
        assert torch.equal(once[1:], degradation.apply(HR[1:], parameters[1:]))


def test_all_steps_are_those_of_the_profile() -> None:
    steps = Profiled(PROFILE).sample(np.random.default_rng(0), (64, 64))["steps"]
    assert [step["step"] for step in steps] == ["blur", "resize", "unsharp", "level_noise", "jpeg"]
    assert steps[0]["sigma_x"] / steps[0]["sigma_y"] == pytest.approx(2)
    assert steps[0]["theta"] == pytest.approx(0.7)
    plain = Profiled(Profile()).sample(np.random.default_rng(0), (64, 64))["steps"]
    assert [step["step"] for step in plain] == ["resize", "round"]


def test_noise_has_the_level_and_correlation_of_the_profile() -> None:
    noise = Noise(4.0, 12.0, 0.6)
    grey = torch.full((1, 3, 256, 256), 0.5)
    degradation = Profiled(Profile(noise=noise), 1)
    noisy = degradation.apply(grey, [degradation.sample(np.random.default_rng(0), (256, 256))]) * 255
    rest = noisy - noisy.mean()
    assert float(rest.std()) == pytest.approx(math.sqrt(10 + 1 / 12), rel=0.03)
    neighbours = float((rest[..., 1:] * rest[..., :-1]).mean() / rest.square().mean())
    profile = gaussian_profile(9, 0.6)
    assert neighbours == pytest.approx(
        float((profile[1:] * profile[:-1]).sum() / profile.square().sum()), abs=0.02
    )


def test_uncertain_numbers_are_sampled_within_their_errors() -> None:
    def samples(uncertain: bool) -> list[tuple[float, float, float]]:
        blur = Blur(1.0, 1.0, wide_error=0.2)
        degradation = Profiled(Profile(blur, Noise(9.0, error=0.1, correlation=0.5)), 4, uncertain=uncertain)
        drawn = [degradation.sample(np.random.default_rng(seed), (64, 64))["steps"] for seed in range(200)]
        return [(steps[0]["sigma_x"], steps[2]["constant"], steps[2]["correlation"]) for steps in drawn]

    assert set(samples(uncertain=False)) == {(4.0, 9.0, 0.5)}
    blur, noise, correlation = np.log(np.array(samples(uncertain=True))).std(0)
    assert blur == pytest.approx(0.2, rel=0.2)
    assert noise == pytest.approx(0.2, rel=0.2)  # of the variance
    assert correlation > 0.2


def test_wrong_shares_and_missing_pools_are_refused() -> None:
    bare = dataclasses.replace(PROFILE, noise_pool=None, kernel_pool=None)
    for arguments in ({"general": 1.5}, {"patches": 0.5}, {"kernels": 0.5}):
        with pytest.raises(DegradationError):
            Profiled(bare, 4, **arguments)  # type: ignore[arg-type]
    parameters = Profiled(PROFILE, 4, patches=1).sample(np.random.default_rng(0), (64, 64))
    with pytest.raises(DegradationError, match="noise pool"):
        Profiled(bare).apply(HR[:1], [parameters])

"""The mixture of degradations for general models."""

import json
from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from skimage import data
from torch import Tensor

from wildsr.degradations.methods.mixed import Mixed
from wildsr.degradations.methods.profiled import Profiled
from wildsr.degradations.methods.wild import Wild, is_mild
from wildsr.degradations.profile import Profile
from wildsr.ops.resize import imresize


def photo() -> Tensor:
    return torch.from_numpy(data.coffee()[100:164, 200:280]).permute(2, 0, 1)[None] / 255


def draw(count: int, wild: Wild | None = None) -> list[dict[str, Any]]:
    wild = wild or Wild()
    return [wild.sample(np.random.default_rng([9, index]), (64, 80)) for index in range(count)]


def only(name: str) -> Wild:
    shares = dict.fromkeys((part.replace("-", "_") for part in Wild().shares()), 0.0)
    return Wild(**{**shares, name: 1.0})  # type: ignore[arg-type]


def psnr(lr: Tensor, parameters: int) -> Tensor:
    expected = imresize(photo(), 1 / 4).clamp(0, 1).expand(parameters, -1, -1, -1)
    return -10 * (lr - expected).square().mean((1, 2, 3)).log10()


def test_shares_are_kept_and_named() -> None:
    picked = Counter(one["picked"] for one in draw(2000))
    for name, share in Wild().shares().items():
        assert picked[name] / 2000 == pytest.approx(share, abs=0.035), name
    doubled = draw(50, Wild(bsrgan=0, bsrgan_plus=0, real_esrgan=0, light=2, compressed=0, clean=2))
    assert {one["picked"] for one in doubled} == {"light", "clean"}


@pytest.mark.parametrize("name", ["bsrgan", "real_esrgan", "light", "clean"])
def test_strong_degradations_are_known_within_mixtures(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wild = only(name)
    monkeypatch.setattr("wildsr.degradations.methods.profiled.Wild", lambda _: wild)
    for mixture in (wild, Mixed(Profiled(Profile()), wild, 1.0), Profiled(Profile(), general=1.0)):
        parameters = mixture.sample(np.random.default_rng(0), (64, 80))
        assert is_mild(parameters) is (name in ("light", "clean")), mixture
    assert is_mild(Mixed(Profiled(Profile()), wild, 0.0).sample(np.random.default_rng(0), (64, 80)))


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_every_part_works_at_every_scale(scale: int) -> None:
    wild = Wild(scale)
    parameters = [wild.sample(np.random.default_rng([2, index]), (66, 79)) for index in range(40)]
    images = torch.nn.functional.pad(photo(), (0, 0, 0, 2), "replicate")[..., :79].expand(40, -1, -1, -1)
    lr = wild.apply(images, parameters)
    assert lr.shape == (40, 3, 66 // scale, 79 // scale)
    assert lr.min() >= 0
    assert lr.max() <= 1
    torch.testing.assert_close(lr * 255, (lr * 255).round(), rtol=0, atol=1e-3)
    assert len({one["picked"] for one in parameters}) == 6


def test_replay_is_bit_for_bit_and_images_are_alone() -> None:
    parameters = draw(16)
    images = photo().expand(16, -1, -1, -1)
    first = Wild().apply(images, parameters)
    assert torch.equal(first, Wild().apply(images, json.loads(json.dumps(parameters))))
    assert torch.equal(first[7:8], Wild().apply(images[7:8], parameters[7:8]))
    assert draw(16) == parameters


def test_clean_is_clean_and_light_is_nearly_so() -> None:
    quality = {}
    for name in ("clean", "light", "bsrgan"):
        wild = only(name)
        quality[name] = psnr(wild.apply(photo().expand(24, -1, -1, -1), draw(24, wild)), 24)
    assert quality["clean"].min() > 33
    assert quality["light"].mean() > quality["bsrgan"].mean() + 4
    assert quality["light"].min() > 24
    assert any(step["step"] == "camera" for one in draw(24, only("light")) for step in one["steps"])


def test_compressed_is_light_with_a_stronger_jpeg() -> None:
    for name, lowest, highest in (("light", 75, 95), ("compressed", 15, 75)):
        drawn = draw(200, only(name))
        found = [one["steps"][-1]["quality"] for one in drawn if one["steps"][-1]["step"] == "jpeg"]
        assert lowest <= min(found) < lowest + 3
        assert highest - 3 < max(found) <= highest
        assert (len(found) == 200) == (name == "compressed")


@pytest.mark.parametrize("shares", [{"light": -1.0}, dict.fromkeys(Wild().shares(), 0.0)])
def test_shares_that_make_no_sense_are_named(shares: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="shares must not be negative"):
        Wild(**{name.replace("-", "_"): share for name, share in shares.items()})  # type: ignore[arg-type]

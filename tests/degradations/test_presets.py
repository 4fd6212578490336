"""Degradations by name."""

import json

import numpy as np
import pytest
import torch
from skimage import data

from wildsr.degradations.degradation import DegradationError
from wildsr.degradations.methods.bsrgan import Bsrgan
from wildsr.degradations.methods.corruptions import Corruption
from wildsr.degradations.presets import PRESETS, preset


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_degrades_and_replays(name: str) -> None:
    images = (
        torch.from_numpy(data.coffee()[100:167, 200:280]).permute(2, 0, 1)[None].expand(3, -1, -1, -1) / 255
    )
    for scale in (2, 4):
        degradation = preset(name, scale)
        assert degradation.scale == scale
        drawn = [degradation.sample(np.random.default_rng([1, index]), (67, 80)) for index in range(3)]
        lr = degradation.apply(images, drawn)
        assert lr.shape == (3, 3, 67 // scale, 80 // scale)
        assert lr.min() >= 0
        assert lr.max() <= 1
        assert torch.equal(lr, preset(name, scale).apply(images, json.loads(json.dumps(drawn))))
        torch.testing.assert_close(lr * 255, (lr * 255).round(), rtol=0, atol=1e-3)


def test_presets_say_what_they_are() -> None:
    for name, one in PRESETS.items():
        assert 10 < len(one.about) < 90, name
    assert preset("bsrgan") == Bsrgan()
    assert preset("bsrgan-camera", 2) == Bsrgan(2, camera=True)


def test_other_corruptions_have_names_too() -> None:
    assert preset("noise-12+jpeg-50", 3) == Corruption(3, noise=12, jpeg=50)


def test_unknown_names_get_the_nearest() -> None:
    with pytest.raises(DegradationError, match="no degradation 'bsrgna'; did you mean 'bsrgan'"):
        preset("bsrgna")
    with pytest.raises(DegradationError, match="there are wild, bsrgan"):
        preset("???")
    with pytest.raises(DegradationError, match="from 1 to 100, not 101"):
        preset("jpeg-101")
    with pytest.raises(DegradationError, match="from 1, not 0"):
        preset("bsrgan", 0)

"""The camera as a step of a program."""

import json
from typing import Any

import numpy as np
import pytest
import torch
from skimage import data
from torch import Tensor

from wildsr.degradations.degradation import DegradationError
from wildsr.degradations.program import run_steps
from wildsr.degradations.steps.camera import SHOT, Camera, camera, sample_camera
from wildsr.ops.demosaic import PATTERNS


def draw(seed: int) -> dict[str, Any]:
    return {"steps": [sample_camera(np.random.default_rng([7, seed]))]}


def photo() -> Tensor:
    return torch.from_numpy(data.astronaut()[100:165, 200:297]).permute(2, 0, 1)[None] / 255


def test_a_image_of_any_size_keeps_it_and_its_light() -> None:
    for seed in range(8):
        seen = run_steps(photo(), [draw(seed)])
        assert seen.shape == (1, 3, 65, 97)
        assert seen.min() >= 0
        assert seen.max() <= 1
        assert (seen.mean((-2, -1)) - photo().mean((-2, -1))).abs().max() < 0.06


def test_replay_is_bit_for_bit_and_images_are_alone() -> None:
    parameters = [draw(seed) for seed in range(6)]
    together = run_steps(photo().expand(6, -1, -1, -1), parameters)
    for index, one in enumerate(parameters):
        assert torch.equal(together[index : index + 1], run_steps(photo(), [json.loads(json.dumps(one))]))
    assert not torch.equal(together[0], together[1])


def test_a_batch_is_as_each_alone() -> None:
    steps = [sample_camera(np.random.default_rng(seed)) for seed in range(5)]
    lines = [Camera(**{key: value for key, value in one.items() if key != "step"}) for one in steps]
    together = camera(photo().expand(5, -1, -1, -1), lines)
    alone = torch.cat([camera(photo(), [one]) for one in lines])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-6)


def test_more_shot_noise_is_noisier() -> None:
    grey = torch.full((1, 3, 64, 64), 0.5)
    quiet, loud = draw(0), draw(0)
    quiet["steps"][0] |= {"shot": SHOT[0], "read": 1e-6}
    loud["steps"][0] |= {"shot": SHOT[1], "read": 2e-4}
    deviations = [float(run_steps(grey, [one]).std()) for one in (quiet, loud)]
    assert 0.001 < deviations[0] < 0.02
    assert 0.03 < deviations[1] < 0.2


def test_draws_cover_what_they_should() -> None:
    cameras = [sample_camera(np.random.default_rng([1, index])) for index in range(400)]
    assert {one["pattern"] for one in cameras} == set(PATTERNS)
    assert {one["tone"] for one in cameras} == {False, True}
    shots = np.log([one["shot"] for one in cameras])
    assert SHOT[0] <= np.exp(shots.min()) < 2e-4
    assert 6e-3 < np.exp(shots.max()) <= SHOT[1]
    residual = np.log([one["read"] for one in cameras]) - 2.18 * shots - 1.20
    assert residual.std() == pytest.approx(0.26, rel=0.15)
    assert abs(residual.mean()) < 0.05
    assert all(1.2 <= one["red_gain"] <= 2.4 and 0.93 <= one["exposure"] <= 1.24 for one in cameras)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pattern": "rgbg"}, "rggb"),
        ({"shot": 0.0}, "positive"),
        ({"cameras": [1.0, 2.0]}, "list of 4"),
        ({"cameras": [0.0] * 4}, "positive"),
        ({"demosaic": "best"}, "malvar"),
    ],
)
def test_mistakes_are_named(change: dict[str, Any], message: str) -> None:
    wrong = draw(0)
    wrong["steps"][0] |= change
    with pytest.raises(DegradationError, match=message):
        run_steps(photo(), [wrong])

"""Real-ESRGAN's second-order degradation."""

import json
import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from skimage import data
from torch import Tensor

from wildsr.degradations.degradation import DegradationError
from wildsr.degradations.methods.real_esrgan import RealEsrgan
from wildsr.degradations.program import run_steps

Step = dict[str, Any]
COUNT = 2000


def photo(height: int = 64, width: int = 80) -> Tensor:
    return torch.from_numpy(data.coffee()[100 : 100 + height, 200 : 200 + width]).permute(2, 0, 1)[None] / 255


def programs(count: int, size: tuple[int, int] = (64, 80), **options: Any) -> list[dict[str, Any]]:
    degradation = RealEsrgan(**options)
    return [degradation.sample(np.random.default_rng([3, index]), size) for index in range(count)]


@pytest.fixture(scope="module")
def drawn() -> list[list[Step]]:
    return [one["steps"] for one in programs(COUNT, (400, 400))]


def share(found: int | bool, count: int = COUNT) -> float:
    return found / count


@pytest.mark.parametrize("scale", [2, 4])
def test_shape_range_and_levels(scale: int) -> None:
    parameters = programs(16, scale=scale)
    lr = RealEsrgan(scale).apply(photo().expand(16, -1, -1, -1), parameters)
    assert lr.shape == (16, 3, 64 // scale, 80 // scale)
    assert lr.min() >= 0
    assert lr.max() <= 1
    torch.testing.assert_close(lr * 255, (lr * 255).round(), rtol=0, atol=1e-4)
    assert len({float(one.mean()) for one in lr}) == 16


@pytest.mark.parametrize("jpeg", ["codec", "differentiable"])
def test_replay_is_bit_for_bit_and_images_are_alone(jpeg: Any) -> None:
    degradation = RealEsrgan(jpeg=jpeg)
    parameters = programs(12, jpeg=jpeg)
    images = photo().expand(12, -1, -1, -1)
    first = degradation.apply(images, parameters)
    assert torch.equal(first, degradation.apply(images, json.loads(json.dumps(parameters))))
    assert torch.equal(first[5:6], degradation.apply(images[5:6], parameters[5:6]))


def test_sizes_that_the_scale_does_not_divide_lose_their_rest() -> None:
    parameters = programs(4, (67, 83))
    degradation = RealEsrgan()
    images = photo(67, 83).expand(4, -1, -1, -1)
    lr = degradation.apply(images, parameters)
    assert lr.shape == (4, 3, 16, 20)
    assert torch.equal(lr, degradation.apply(images[..., :64, :80], parameters))


def test_tiny_images_pass() -> None:
    lr = RealEsrgan().apply(photo(4, 8).expand(8, -1, -1, -1), programs(8, (4, 8)))
    assert lr.shape == (8, 3, 1, 2)


def test_kernels_are_drawn_as_in_the_code(drawn: list[list[Step]]) -> None:
    first = [steps[0] for steps in drawn]
    kinds = Counter((one["step"], one.get("shape"), "theta" in one) for one in first)
    expected = {
        ("sinc", None, False): 0.1,
        ("blur", "gaussian", False): 0.9 * 0.45,
        ("blur", "gaussian", True): 0.9 * 0.25,
        ("blur", "generalized", False): 0.9 * 0.12,
        ("blur", "generalized", True): 0.9 * 0.03,
        ("blur", "plateau", False): 0.9 * 0.12,
        ("blur", "plateau", True): 0.9 * 0.03,
    }
    assert set(kinds) == set(expected)
    for kind, probability in expected.items():
        assert share(kinds[kind]) == pytest.approx(probability, abs=0.035), kind
    assert {one["size"] for one in first} == set(range(7, 22, 2))
    blurs = [one for one in first if one["step"] == "blur"]
    assert all(0.2 <= one["sigma_x"] <= 3 and 0.2 <= one["sigma_y"] <= 3 for one in blurs)
    assert max(one["sigma_x"] for one in blurs) > 2.9
    plateaus = [one["beta"] for one in blurs if one["shape"] == "plateau"]
    assert share(sum(beta == 1 for beta in plateaus), len(plateaus)) == pytest.approx(0.5, abs=0.1)
    assert max(plateaus) <= 2
    generalized = [one["beta"] for one in blurs if one["shape"] == "generalized"]
    assert share(sum(beta < 1 for beta in generalized), len(generalized)) == pytest.approx(0.5, abs=0.1)
    assert 0.5 <= min(generalized) < 0.6
    assert 3.8 < max(generalized) <= 4
    for one in first:
        if one["step"] == "sinc":
            assert (math.pi / 3 if one["size"] < 13 else math.pi / 5) <= one["cutoff"] <= math.pi


def test_resizing_is_drawn_as_in_the_code(drawn: list[list[Step]]) -> None:
    resizes = [[one for one in steps if one["step"] == "resize"] for steps in drawn]
    assert all(len(three) == 3 for three in resizes)
    for place, base, up, keep, low, high in ((0, 400, 0.2, 0.1, 0.15, 1.5), (1, 100, 0.3, 0.3, 0.3, 1.2)):
        sides = [three[place]["size"][0] for three in resizes]
        assert share(sum(side > base for side in sides)) == pytest.approx(up, abs=0.04)
        assert share(sum(side == base for side in sides)) == pytest.approx(keep, abs=0.04)
        assert int(low * base) <= min(sides) < (low + 0.05) * base
        assert (high - 0.05) * base < max(sides) <= high * base
    assert all(three[2]["size"] == [100, 100] for three in resizes)
    methods = Counter(one["method"] for three in resizes for one in three)
    assert all(share(methods[name], 3 * COUNT) == pytest.approx(1 / 3, abs=0.03) for name in methods)
    assert set(methods) == {"area", "bilinear", "bicubic"}


def test_noise_and_compression_are_drawn_as_in_the_code(drawn: list[list[Step]]) -> None:
    noises = [[one for one in steps if one["step"].endswith("noise")] for steps in drawn]
    assert all(len(two) == 2 for two in noises)
    for place, level, strength in ((0, 30, 3.0), (1, 25, 2.5)):
        here = [two[place] for two in noises]
        gaussian = [one for one in here if one["step"] == "gaussian_noise"]
        poisson = [one for one in here if one["step"] == "scaled_poisson_noise"]
        assert share(len(gaussian)) == pytest.approx(0.5, abs=0.04)
        assert (
            1
            <= min(one["level"] for one in gaussian)
            < level - 1
            < max(one["level"] for one in gaussian)
            <= level
        )
        assert strength - 0.1 < max(one["strength"] for one in poisson) <= strength
        grey = sum(one.get("channels") == "grey" or one.get("grey") is True for one in here)
        assert share(grey) == pytest.approx(0.4, abs=0.04)
    qualities = [one["quality"] for steps in drawn for one in steps if one["step"] == "jpeg"]
    assert len(qualities) == 2 * COUNT
    assert min(qualities) == 30
    assert max(qualities) == 95


def test_what_comes_last_is_drawn_as_in_the_code(drawn: list[list[Step]]) -> None:
    assert all(steps[-1] == {"step": "round"} for steps in drawn)
    compressed_last = [steps[-2]["step"] == "jpeg" for steps in drawn]
    assert share(sum(compressed_last)) == pytest.approx(0.5, abs=0.04)
    ringing = 0
    for steps in drawn:
        last = max(index for index, one in enumerate(steps) if one["step"] == "resize")
        ringing += steps[last + 1]["step"] == "sinc"
    assert share(ringing) == pytest.approx(0.8, abs=0.04)
    first_jpeg = [[one["step"] for one in steps].index("jpeg") for steps in drawn]
    blurred_again = [
        steps[at + 1]["step"] in ("blur", "sinc") for steps, at in zip(drawn, first_jpeg, strict=True)
    ]
    assert share(sum(blurred_again)) == pytest.approx(0.8, abs=0.04)


def test_sharpening_comes_first_where_it_is_asked_for() -> None:
    assert programs(1, sharpened=True)[0]["steps"][0] == {"step": "sharpen"}
    assert all(step["step"] != "sharpen" for step in programs(1)[0]["steps"])


@pytest.mark.parametrize("grey", [False, True])
def test_poisson_noise_counts_as_many_photons_as_there_are_levels(grey: bool) -> None:
    # 40 levels: 64 photons.
    image = (torch.arange(40).repeat(1, 3, 200, 5) + 100) / 255
    step = {"step": "scaled_poisson_noise", "strength": 0.5, "grey": grey, "seed": 3}
    noise = run_steps(image, [{"steps": [step]}]) - image
    inside = noise[..., :20]  # far enough from white
    assert inside.var() == pytest.approx(0.25 * float(image[..., :20].mean()) / 64, rel=0.05)
    assert abs(inside.mean()) < 2e-3
    assert torch.allclose(inside[:, 0], inside[:, 1], atol=1e-6) == grey


def test_mistakes_are_named() -> None:
    degradation = RealEsrgan()
    with pytest.raises(DegradationError, match="2 images but 1 sets"):
        degradation.apply(photo().expand(2, -1, -1, -1), programs(1))
    with pytest.raises(DegradationError, match="several sizes"):
        degradation.apply(photo().expand(2, -1, -1, -1), [*programs(1), *programs(1, (32, 32))])
    for name, step in (
        ("quality", {"step": "differentiable_jpeg", "quality": 0}),
        ("strength", {"step": "scaled_poisson_noise", "strength": -1, "seed": 0}),
    ):
        with pytest.raises(DegradationError, match=name):
            run_steps(photo(), [{"steps": [step]}])

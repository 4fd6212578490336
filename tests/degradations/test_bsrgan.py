"""BSRGAN's degradation and its extended one; their distributions are in tests/conformance."""

import json
from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from degradation_samples import draws, photo

from wildsr.degradations.degradation import Degradation, DegradationError
from wildsr.degradations.methods.bsrgan import Bsrgan
from wildsr.degradations.methods.bsrgan_plus import BsrganPlus

BOTH = [Bsrgan, BsrganPlus]
COUNT = 3000


def share(hits: list[bool]) -> float:
    return sum(hits) / len(hits)


def near(expected: float, count: int = COUNT) -> Any:
    """Whether a count is within four standard deviations of a share."""
    return pytest.approx(expected, abs=4 * (expected * (1 - expected) / count) ** 0.5)


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("scale", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [(48, 60), (50, 61)])
def test_shape_range_and_levels(kind: type, scale: int, size: tuple[int, int]) -> None:
    degradation: Degradation = kind(scale)
    parameters = draws(degradation, 6, size)
    lr = degradation.apply(photo(*size).expand(6, -1, -1, -1), parameters)
    assert lr.shape == (6, 3, size[0] // scale, size[1] // scale)
    assert lr.min() >= 0
    assert lr.max() <= 1
    torch.testing.assert_close(lr * 255, (lr * 255).round(), rtol=0, atol=1e-4)


@pytest.mark.parametrize("kind", BOTH)
def test_replay_is_bit_for_bit_alone_or_in_a_batch(kind: type) -> None:
    degradation: Degradation = kind(4, camera=True)
    parameters = draws(degradation, 64)
    images = photo().expand(64, -1, -1, -1)
    first = degradation.apply(images, parameters)
    assert torch.equal(first, degradation.apply(images, json.loads(json.dumps(parameters))))
    for index in range(0, 64, 7):
        assert torch.equal(first[index], degradation.apply(images[:1], [parameters[index]])[0])
    assert len({float(one.mean()) for one in first}) > 60


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("size", [(4, 4), (5, 9), (4, 300)])
def test_tiny_and_narrow_images_pass(kind: type, size: tuple[int, int]) -> None:
    degradation: Degradation = kind(4)
    lr = degradation.apply(torch.rand(20, 3, *size), draws(degradation, 20, size))
    assert lr.shape == (20, 3, size[0] // 4, size[1] // 4)
    assert lr.isfinite().all()


def test_parameters_of_another_size_are_refused() -> None:
    parameters = draws(Bsrgan(4), 1, (320, 320))
    lr = Bsrgan(4).apply(photo(), parameters)
    assert lr.shape[-2:] == (80, 80)  # a program knows only where it is going
    with pytest.raises(DegradationError, match="several sizes"):
        Bsrgan(4).apply(photo().expand(2, -1, -1, -1), parameters + draws(Bsrgan(4), 1))


def test_probabilities_and_ranges_of_bsrgan() -> None:
    drawn = [one["steps"] for one in draws(Bsrgan(4), COUNT, (320, 320))]
    halved = [steps[0]["step"] == "resize" and steps[0]["size"] == [160, 160] for steps in drawn]
    # A random shrinking may come first and halve by chance, but hardly ever.
    assert share(halved) == near(0.25)
    kinds = [Counter(step["step"] for step in steps) for steps in drawn]
    assert {counts["blur"] for counts in kinds} == {2}
    assert {counts["gaussian_noise"] for counts in kinds} == {1}
    assert share([counts["jpeg"] == 2 for counts in kinds]) == near(0.9)
    assert share([counts["subsample"] == 1 for counts in kinds]) == near(0.25)
    assert all(steps[-1]["step"] == "jpeg" for steps in drawn)
    everything = [step for steps in drawn for step in steps]
    qualities = {step["quality"] for step in everything if step["step"] == "jpeg"}
    assert qualities == set(range(30, 96))
    noise = [step for step in everything if step["step"] == "gaussian_noise"]
    correlated = [step.get("channels") == "correlated" for step in noise]
    assert share(correlated) == near(0.2)
    assert {step["level"] for step in noise} == set(range(2, 26))
    blurs = [step for step in everything if step["step"] == "blur"]
    assert {step["size"] for step in blurs} == set(range(7, 26, 2))
    assert share(["theta" in step for step in blurs]) == near(0.5, 2 * COUNT)
    assert max(step["sigma_x"] for step in blurs) <= 8**0.5


def test_the_last_shrinking_comes_after_the_random_one() -> None:
    for parameters in draws(Bsrgan(2), 200, (128, 128)):
        steps = parameters["steps"]
        places = [index for index, step in enumerate(steps) if step["step"] in ("resize", "subsample")]
        assert len(places) == 2
        assert steps[places[-1]]["size"] == [64, 64]
        assert steps[places[-1]]["step"] == "resize"


@pytest.mark.parametrize(("kind", "expected"), [(Bsrgan, 0.25), (BsrganPlus, 0.2)])
def test_the_camera_is_there_when_asked_for(kind: type, expected: float) -> None:
    def cameras(degradation: Degradation) -> float:
        drawn = [one["steps"] for one in draws(degradation, COUNT, (320, 320))]
        return sum(step["step"] == "camera" for steps in drawn for step in steps) / COUNT

    assert cameras(kind(4)) == 0
    assert cameras(kind(4, camera=True)) == near(expected)


def test_the_extended_one_keeps_its_order_unless_it_is_shuffled() -> None:
    plain = [one["steps"] for one in draws(BsrganPlus(4, shuffle_prob=0), COUNT, (320, 320))]
    for steps in plain:
        names = [step["step"] for step in steps]
        assert names[:2] == ["blur", "resize"]
        assert names[-2:] == ["resize", "jpeg"]
        middle = names.index("jpeg")
        assert names[middle + 1 : middle + 3] == ["blur", "resize"]
    noises = [Counter(step["step"] for step in steps) for steps in plain]
    assert {counts["gaussian_noise"] for counts in noises} == {2}
    assert sum(counts["poisson_noise"] for counts in noises) / COUNT == near(0.2)
    assert sum(counts["speckle_noise"] for counts in noises) / COUNT == near(0.2)
    shuffled = [one["steps"][0]["step"] for one in draws(BsrganPlus(4, shuffle_prob=1), COUNT, (320, 320))]
    assert len(set(shuffled)) == 6


def test_resizing_of_the_extended_one() -> None:
    drawn = [one["steps"] for one in draws(BsrganPlus(4, shuffle_prob=0), COUNT, (320, 320))]
    factors = np.array([steps[1]["size"][0] / 320 for steps in drawn])
    assert share(list(factors > 1)) == near(0.2)
    assert share(list(factors == 1)) == near(0.1)
    assert factors.min() >= 0.124
    assert factors.max() < 2


def test_sharpening_comes_first() -> None:
    parameters = draws(BsrganPlus(4, sharpen=True), 1)[0]
    assert parameters["steps"][0] == {"step": "sharpen"}
    without = {"steps": parameters["steps"][1:]}
    sharp, soft = BsrganPlus(4).apply(photo().expand(2, -1, -1, -1), [parameters, without])
    assert not torch.equal(sharp, soft)

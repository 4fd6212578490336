"""The first wild degradation."""

import json

import pytest
import torch

from wildsr.degradations.simple import SimpleDegradation


def draw(seed: int, count: int) -> list[dict[str, object]]:
    rng = torch.Generator().manual_seed(seed)
    degradation = SimpleDegradation()
    return [degradation.sample(rng) for _ in range(count)]


def pictures(count: int) -> torch.Tensor:
    return torch.rand(count, 3, 64, 48, generator=torch.Generator().manual_seed(3))


def test_shape_and_range() -> None:
    lr = SimpleDegradation().apply(pictures(24), draw(0, 24))
    assert lr.shape == (24, 3, 16, 12)
    assert lr.min() >= 0
    assert lr.max() <= 1


def test_parameters_are_json_and_replay_bit_for_bit() -> None:
    parameters = draw(1, 24)
    first = SimpleDegradation().apply(pictures(24), parameters)
    again = SimpleDegradation().apply(pictures(24), json.loads(json.dumps(parameters)))
    assert torch.equal(first, again)


def test_each_picture_is_degraded_alone() -> None:
    parameters = draw(2, 8)
    batch = SimpleDegradation().apply(pictures(8), parameters)
    alone = SimpleDegradation().apply(pictures(8)[5:6], parameters[5:6])
    torch.testing.assert_close(batch[5:6], alone, atol=2 / 255, rtol=0)


def test_randomness_comes_from_the_generator_only() -> None:
    torch.manual_seed(0)
    first = draw(4, 5)
    torch.manual_seed(1)
    assert draw(4, 5) == first
    assert draw(5, 5) != first


def test_every_kind_of_damage_is_drawn() -> None:
    parameters = draw(6, 400)
    assert {p["severity"] for p in parameters} == {"clean", "light", "full"}
    for part in ("blur", "halfway", "noise", "jpeg"):
        share = sum(p[part] is not None for p in parameters) / 400
        assert 0.2 < share < 0.9, part


def test_a_missing_set_of_parameters_is_an_error() -> None:
    with pytest.raises(ValueError, match="2 pictures but 1 sets"):
        SimpleDegradation().apply(pictures(2), draw(0, 1))

"""Coverage of intervals, and p-values that can be counted by hand."""

import math
from itertools import product

import numpy as np
import pytest

from wildsr.evaluation import statistics
from wildsr.evaluation.statistics import bootstrap, compare, sign_flip_test


def test_the_interval_is_as_wide_as_theory_has_it() -> None:
    values = np.random.default_rng(0).normal(3, 2, 400)
    interval = bootstrap(values)
    assert interval.mean == pytest.approx(values.mean())
    width = 2 * 1.96 * values.std() / math.sqrt(len(values))
    assert interval.high - interval.low == pytest.approx(width, rel=0.05)


def test_intervals_repeat_and_depend_on_the_seed() -> None:
    values = np.random.default_rng(0).normal(size=25)
    assert bootstrap(values, seed=1) == bootstrap(values, seed=1)
    assert bootstrap(values, seed=1) != bootstrap(values, seed=2)


def test_one_value_has_no_interval() -> None:
    interval = bootstrap(np.array([3.0]))
    assert interval.mean == 3
    assert math.isnan(interval.low)
    assert bootstrap(np.full(5, 2.0)).low == 2


@pytest.mark.parametrize("values", [[], [1.0, math.inf], [math.nan]])
def test_values_without_a_mean_are_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match=r"no values|no mean"):
        bootstrap(np.array(values))


def test_sign_flips_are_counted() -> None:
    differences = np.array([0.3, -0.1, 0.7, 0.2, 0.0, 0.45])
    used = [value for value in differences if value]
    sums = [abs(sum(s * v for s, v in zip(signs, used, strict=True))) for signs in product((-1, 1), repeat=5)]
    expected = np.mean([total >= abs(sum(used)) - 1e-9 for total in sums])
    assert sign_flip_test(differences) == (pytest.approx(expected), True)
    assert sign_flip_test(np.zeros(4)) == (1.0, True)
    assert sign_flip_test(np.ones(10)) == (2 / 1024, True)


def test_drawn_flips_agree_with_counted_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    differences = np.random.default_rng(3).normal(0.4, 1, 15)
    exact, _ = sign_flip_test(differences)
    monkeypatch.setattr(statistics, "EXACT_UP_TO", 5)
    drawn, counted = sign_flip_test(differences)
    assert not counted
    assert drawn == pytest.approx(exact, abs=0.005)


def test_false_alarms_are_as_rare_as_they_should_be() -> None:
    rng = np.random.default_rng(1)
    alarms = [sign_flip_test(rng.normal(size=10))[0] < 0.1 for _ in range(300)]
    assert 0.05 < np.mean(alarms) < 0.16


def test_two_methods() -> None:
    found = compare(np.array([3.0, 2, 5, 1]), np.array([1.0, 2, 3, 2]))
    assert (found.wins, found.losses, found.images, found.exact) == (2, 1, 4, True)
    assert found.interval.mean == 0.75
    with pytest.raises(ValueError, match="cannot be paired"):
        compare(np.ones(3), np.ones(4))

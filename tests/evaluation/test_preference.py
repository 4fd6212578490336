"""Shares, sign tests and Bradley-Terry strengths against SciPy and closed forms."""

import math

import numpy as np
import pytest
from scipy import stats

from wildsr.evaluation.preference import Vote, bradley_terry, probability, sign_test, tally, wilson


@pytest.mark.parametrize(("wins", "losses"), [(43, 7), (0, 6), (6, 0), (10, 10), (1, 0), (250, 251)])
def test_shares_and_p_are_those_of_scipy(wins: int, losses: int) -> None:
    known = stats.binomtest(wins, wins + losses)
    interval = known.proportion_ci(method="wilson")
    found = wilson(wins, losses)
    assert (found.mean, found.low, found.high) == pytest.approx(
        (known.statistic, interval.low, interval.high), abs=1e-12
    )
    assert sign_test(wins, losses) == pytest.approx(known.pvalue, rel=1e-9)


def test_without_decided_votes() -> None:
    assert math.isnan(wilson(0, 0).mean)
    assert sign_test(0, 0) == 1


def test_two_contenders_have_the_log_odds() -> None:
    first, second = bradley_terry(np.array([[0.0, 9], [3, 0]]))
    assert first.mean - second.mean == pytest.approx(math.log(9.5 / 3.5))
    assert first.mean == -second.mean
    # The variance of log odds is the sum of the reciprocals; of half of it a fourth.
    assert first.high - first.mean == pytest.approx(stats.norm.ppf(0.975) * math.sqrt(1 / 9.5 + 1 / 3.5) / 2)


def test_strengths_are_the_maximum_of_the_likelihood() -> None:
    wins = np.array([[0.0, 8, 9, 4], [2, 0, 7, 5], [1, 3, 0, 0], [2, 5, 10, 0]])
    found = np.array([one.mean for one in bradley_terry(wins)])

    def likelihood(strength: np.ndarray) -> float:
        games = wins + 0.5 * (1 - np.eye(4))
        return float(-(games * np.logaddexp(0, strength[None] - strength[:, None])).sum())

    best = likelihood(found)
    rng = np.random.default_rng(0)
    assert all(likelihood(found + 0.01 * rng.standard_normal(4)) < best for _ in range(50))
    assert found.sum() == pytest.approx(0, abs=1e-12)


def test_a_contender_that_always_wins_has_a_finite_strength() -> None:
    first, second, third = bradley_terry(np.array([[0.0, 50, 50], [0, 0, 50], [0, 0, 0]]))
    assert second.mean == pytest.approx(0, abs=1e-9)
    assert 2 < first.mean < 10
    assert first.mean == pytest.approx(-third.mean)
    assert probability(0) == 0.5


VOTES = [
    Vote("a", "ours", "theirs", "left"),
    Vote("b", "theirs", "ours", "right"),
    Vote("c", "theirs", "ours", "left"),
    Vote("c", "ours", "theirs", "tie"),
]


def test_a_tally_counts_both_sides() -> None:
    found = tally(VOTES, ["theirs", "ours"])
    (match,) = found.preferences
    assert (match.first, match.second) == ("theirs", "ours")
    assert (match.wins, match.losses, match.ties) == (1, 2, 1)
    assert match.share.mean == pytest.approx(1 / 3)
    assert (found.votes, found.images, found.strengths) == (4, 3, {})
    assert found.as_json()["preferences"][0]["share"]["mean"] == pytest.approx(1 / 3)


def test_three_contenders_are_ordered_by_strength() -> None:
    votes = [*VOTES, *(Vote(name, "best", "theirs", "left") for name in "abcd")]
    found = tally(votes, ["theirs", "ours", "best"])
    assert found.contenders == ("best", "ours", "theirs")
    assert list(found.strengths) == ["best", "ours", "theirs"]
    assert [(one.first, one.second) for one in found.preferences] == [("best", "theirs"), ("ours", "theirs")]


def test_ties_alone_have_no_share() -> None:
    content = tally([Vote("a", "x", "y", "tie")]).as_json()
    assert content["preferences"][0]["share"] == {"mean": None, "low": None, "high": None}
    with pytest.raises(ValueError, match="no votes"):
        tally([])

"""Preferences from votes on pairs: shares with intervals, sign tests, and Bradley-Terry strengths. Imports no torch.

Every vote counts as independent. compare.js computes the same numbers in the browser; a test compares the two.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from wildsr.evaluation.statistics import Interval

Decision = Literal["left", "right", "tie"]

_Z = 1.959963984540054
"""Quantile of the normal distribution for 95 % intervals."""
_PRIOR = 0.5
"""Pseudo-votes each way for every two contenders (Jeffreys' prior): strengths stay finite if one wins every time."""


class Vote(NamedTuple):
    """A decision between the results of two contenders for one image."""

    image: str
    left: str
    right: str
    choice: Decision


@dataclass(frozen=True)
class Preference:
    """How often ``first`` was preferred to ``second``.

    Attributes:
        first, second: the contenders.
        wins, losses, ties: votes for ``first``, for ``second``, and for neither.
        share: ``wins`` of the decided votes, with its 95 % Wilson interval; NaN without decided votes.
        p: of no preference, two-sided sign test on the decided votes.
    """

    first: str
    second: str
    wins: int
    losses: int
    ties: int
    share: Interval
    p: float


@dataclass(frozen=True)
class Tally:
    """All votes, counted.

    Attributes:
        contenders: in order of first appearance, or by strength where there are more than two.
        votes: how many.
        images: on how many images.
        preferences: of every two contenders that met.
        strengths: for more than two contenders, the Bradley-Terry log strength of each with its 95 % interval; their
            mean is 0. Empty for two.
    """

    contenders: tuple[str, ...]
    votes: int
    images: int
    preferences: tuple[Preference, ...]
    strengths: dict[str, Interval]

    def as_json(self) -> dict[str, Any]:
        """The content of a JSON file; NaN becomes None."""
        return {
            "wildsr_preferences": 1,
            "contenders": list(self.contenders),
            "votes": self.votes,
            "images": self.images,
            "preferences": [
                asdict(found) | {"share": _plain(found.share), "p": found.p} for found in self.preferences
            ],
            "bradley_terry": {name: _plain(interval) for name, interval in self.strengths.items()},
        }


def tally(votes: Sequence[Vote], contenders: Sequence[str] = ()) -> Tally:
    """Count votes; ``contenders`` decides the order, by default that of first appearance.

    Raises:
        ValueError: there are no votes.
    """
    if not votes:
        raise ValueError("there are no votes to count")
    names = list(dict.fromkeys([*contenders, *(name for vote in votes for name in (vote.left, vote.right))]))
    place = {name: index for index, name in enumerate(names)}
    wins = np.zeros((len(names), len(names)))
    ties = np.zeros((len(names), len(names)), dtype=np.int64)
    for vote in votes:
        left, right = place[vote.left], place[vote.right]
        if vote.choice == "tie":
            ties[left, right] += 1
            ties[right, left] += 1
        else:
            winner, loser = (left, right) if vote.choice == "left" else (right, left)
            wins[winner, loser] += 1
    strengths: dict[str, Interval] = {}
    if len(names) > 2:
        found = bradley_terry(wins + ties / 2)
        order = sorted(range(len(names)), key=lambda index: -found[index].mean)
        strengths = {names[index]: found[index] for index in order}
    else:
        order = list(range(len(names)))
    preferences = [
        _preference(names, first, second, wins, ties)
        for first, second in combinations(order, 2)
        if wins[first, second] + wins[second, first] + ties[first, second]
    ]
    return Tally(
        tuple(names[index] for index in order),
        len(votes),
        len({vote.image for vote in votes}),
        tuple(preferences),
        strengths,
    )


def wilson(wins: int, losses: int) -> Interval:
    """The share ``wins / (wins + losses)`` and its 95 % interval (Wilson 1927); NaN where both are 0."""
    count = wins + losses
    if not count:
        return Interval(math.nan, math.nan, math.nan)
    share = wins / count
    spread = _Z**2 / count
    centre = (share + spread / 2) / (1 + spread)
    reach = _Z * math.sqrt(share * (1 - share) / count + spread / (4 * count)) / (1 + spread)
    # At shares of 0 and 1 an end of the interval is exactly there, which rounding would miss.
    return Interval(share, 0.0 if not wins else centre - reach, 1.0 if not losses else centre + reach)


def sign_test(wins: int, losses: int) -> float:
    """The two-sided p of ``wins`` and ``losses`` if both were equally likely; exact."""
    count = wins + losses
    tail = sum(math.comb(count, hits) for hits in range(min(wins, losses) + 1))
    return float(min(1.0, tail / 2 ** (count - 1))) if count else 1.0


def bradley_terry(wins: npt.NDArray[np.float64]) -> list[Interval]:
    """Log strengths of contenders from their wins over each other, with 95 % intervals; their mean is 0.

    The probability that i is preferred to j is 1 / (1 + exp(strength j - strength i)) (Bradley, Terry 1952). Maximum of
    the posterior with half a pseudo-vote each way for every two contenders, by Newton's method; intervals
    from the inverse Fisher information.

    Args:
        wins: (n, n), how often i was preferred to j; ties count half for both. The diagonal is ignored.
    """
    count = len(wins)
    wins = wins + _PRIOR
    np.fill_diagonal(wins, 0)
    games = wins + wins.T
    ones = np.full((count, count), 1 / count)
    strength: npt.NDArray[np.float64] = np.zeros(count)
    for _ in range(100):
        chance = 1 / (1 + np.exp(strength[None] - strength[:, None]))
        inverse = _inverse_information(games, chance, ones)
        step = np.clip(inverse @ (wins - games * chance).sum(1), -2, 2)
        strength += step
        if np.abs(step).max() < 1e-12:
            break
    strength -= strength.mean()
    chance = 1 / (1 + np.exp(strength[None] - strength[:, None]))
    deviation = np.sqrt(np.diag(_inverse_information(games, chance, ones) - ones))
    return [
        Interval(float(one), float(one - _Z * sd), float(one + _Z * sd))
        for one, sd in zip(strength, deviation, strict=True)
    ]


def probability(strength: float) -> float:
    """How often a contender of this log strength is preferred to one of strength 0, the average."""
    return 1 / (1 + math.exp(-strength))


def _inverse_information(
    games: npt.NDArray[np.float64], chance: npt.NDArray[np.float64], ones: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """The inverse of the Fisher information, which is singular along (1, ..., 1), with ``ones`` added to it."""
    weights = games * chance * (1 - chance)
    found: npt.NDArray[np.float64] = np.asarray(
        np.linalg.inv(np.diag(weights.sum(1)) - weights + ones), float
    )
    return found


def _preference(
    names: list[str],
    first: int,
    second: int,
    wins: npt.NDArray[np.float64],
    ties: npt.NDArray[np.int64],
) -> Preference:
    won, lost = int(wins[first, second]), int(wins[second, first])
    share, p = wilson(won, lost), sign_test(won, lost)
    return Preference(names[first], names[second], won, lost, int(ties[first, second]), share, p)


def _plain(interval: Interval) -> dict[str, float | None]:
    values = {"mean": interval.mean, "low": interval.low, "high": interval.high}
    return {name: None if math.isnan(value) else value for name, value in values.items()}

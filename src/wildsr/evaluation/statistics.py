"""How sure a mean is, and whether two methods differ: bootstrap intervals and a sign-flip test, all seeded.

Images are the unit: each is drawn, or has its sign flipped, as a whole.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

RESAMPLES = 10_000
EXACT_UP_TO = 20
"""Up to so many images all sign flips are counted; for more of them, 100,000 are drawn."""
_FLIPS = 100_000
_CHUNK = 1 << 14


@dataclass(frozen=True)
class Interval:
    """A mean and the ends of its confidence interval; these are NaN where there is one value only."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """A method less another on the same images.

    Attributes:
        interval: of the mean difference.
        p: of no difference, two-sided, by sign flips.
        wins, losses: on how many images the first is larger, and smaller.
        images: compared.
        exact: all sign flips were counted.
    """

    interval: Interval
    p: float
    wins: int
    losses: int
    images: int
    exact: bool


def bootstrap(values: Values, level: float = 0.95, seed: int = 0, resamples: int = RESAMPLES) -> Interval:
    """The mean of ``values`` (n,), all finite, and its percentile bootstrap interval (Efron 1979).

    Raises:
        ValueError: for no values, or values that are not finite.
    """
    values = _checked(values)
    mean = float(values.mean())
    if len(values) == 1:
        return Interval(mean, float("nan"), float("nan"))
    rng = np.random.default_rng(seed)
    means = np.empty(resamples)
    rows = max(_CHUNK * 16 // len(values), 1)
    for start in range(0, resamples, rows):
        stop = min(start + rows, resamples)
        drawn = rng.integers(0, len(values), (stop - start, len(values)))
        means[start:stop] = values[drawn].mean(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(mean, float(low), float(high))


def sign_flip_test(differences: Values, seed: int = 0) -> tuple[float, bool]:
    """The two-sided p of ``differences`` (n,) being symmetric about 0, and whether it is exact.

    Fisher's randomisation test for pairs: how often the sum is at least as far from 0 when every difference may have
    either sign. With up to :data:`EXACT_UP_TO` differences that are not 0 (those make no difference) all signs are
    counted; otherwise 100,000 are drawn, and p is (hits + 1) / (draws + 1).
    """
    differences = _checked(differences)
    differences = differences[differences != 0]
    count = len(differences)
    if count == 0:
        return 1.0, True
    magnitudes = np.abs(differences)
    # Sums of the same numbers in another order may differ in their last digits.
    least = abs(float(differences.sum())) - 1e-12 * float(magnitudes.sum())
    hits = 0
    if count <= EXACT_UP_TO:
        for start in range(0, 1 << count, _CHUNK):
            numbers = np.arange(start, min(start + _CHUNK, 1 << count))
            signs = 1.0 - 2.0 * ((numbers[:, None] >> np.arange(count)) & 1)
            hits += int(np.count_nonzero(np.abs(signs @ magnitudes) >= least))
        return hits / (1 << count), True
    rng = np.random.default_rng(seed)
    for start in range(0, _FLIPS, _CHUNK):
        signs = 1.0 - 2.0 * rng.integers(0, 2, (min(_CHUNK, _FLIPS - start), count))
        hits += int(np.count_nonzero(np.abs(signs @ magnitudes) >= least))
    return (hits + 1) / (_FLIPS + 1), False


def compare(first: Values, second: Values, seed: int = 0) -> Difference:
    """``first`` less ``second``, each (n,): the values of two methods on the same images, in the same order.

    Raises:
        ValueError: different lengths, no values, or values that are not finite.
    """
    first, second = _checked(first), _checked(second)
    if len(first) != len(second):
        raise ValueError(f"{len(first)} and {len(second)} values are no pairs")
    differences = first - second
    p, exact = sign_flip_test(differences, seed)
    return Difference(
        bootstrap(differences, seed=seed),
        p,
        wins=int((differences > 0).sum()),
        losses=int((differences < 0).sum()),
        images=len(differences),
        exact=exact,
    )


def _checked(values: Values) -> Values:
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or not len(values):
        raise ValueError("there are no values to take the mean of")
    if not np.isfinite(values).all():
        raise ValueError("values that are not finite have no mean; leave them out first")
    return values

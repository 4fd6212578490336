"""Bootstrap intervals of means, and a sign-flip test of differences; all seeded.

Images are resampled, and have their signs flipped, as a whole.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

RESAMPLES = 10_000
EXACT_UP_TO = 20
"""Up to this number of images all sign flips are counted; for more, 100,000 are sampled."""
_FLIPS = 100_000
_CHUNK = 1 << 14


@dataclass(frozen=True)
class Interval:
    """A mean and its confidence interval, which is NaN for a single value."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """Difference of two methods on the same images.

    Attributes:
        interval: of the mean difference.
        p: p-value of no difference, two-sided, by sign flips.
        wins, losses: number of images on which the first is larger, and smaller.
        images: number of compared images.
        exact: whether all sign flips were counted.
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
        ValueError: no values, or values that are not finite.
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
        sampled = rng.integers(0, len(values), (stop - start, len(values)))
        means[start:stop] = values[sampled].mean(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(mean, float(low), float(high))


def sign_flip_test(differences: Values, seed: int = 0) -> tuple[float, bool]:
    """Two-sided p-value of ``differences`` (n,) being symmetric about 0, and whether it is exact.

    Fisher's randomisation test for pairs: how often the sum is at least as far from 0 when every difference may have
    either sign. With up to :data:`EXACT_UP_TO` differences that are not 0 (those make no difference) all signs are
    counted; otherwise 100,000 are sampled, and p is (hits + 1) / (samples + 1).
    """
    differences = _checked(differences)
    differences = differences[differences != 0]
    count = len(differences)
    if count == 0:
        return 1.0, True
    magnitudes = np.abs(differences)
    # Sums in another order may differ in the last digits.
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
    """Difference ``first - second`` of the values (n,) of two methods on the same images.

    Raises:
        ValueError: different lengths, no values, or values that are not finite.
    """
    first, second = _checked(first), _checked(second)
    if len(first) != len(second):
        raise ValueError(f"{len(first)} and {len(second)} values cannot be paired")
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
        raise ValueError("there are no values")
    if not np.isfinite(values).all():
        raise ValueError("values that are not finite have no mean; remove them first")
    return values

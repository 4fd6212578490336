"""The gain of an adapted model on pairs from set-aside photos, and the decision that follows from it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

_T = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
)  # fmt: skip
"""0.975 quantiles of Student's t for 1 to 20 degrees of freedom."""


LEAST = 0.05
"""Gain in PSNR in dB below which two models are equal, however certain it is: nobody sees it."""
NOISIEST = 1.0
"""Noise in flat areas, as a multiple of that of the references, above which it may not increase: a blind judge
preferred the starting model in 18 of 20 pairs with two models that had raised it from 0.69 to 1.04, and from 0.84 to
1.06."""
_REMARKS = {
    "edge-sharpness": "Edges have become softer: {0:.2f} before, {1:.2f} now, 1 is the reference",
    "flat-noise": "Flat areas have become noisier: {0:.2f} before, {1:.2f} now, 1 is the reference",
    "dots": "Smooth areas have more dots: {0:.1f} of 1000 pixels before, {1:.1f} now",
}


@dataclass(frozen=True)
class Gain:
    """Mean difference of a metric between two models on the same photos, with its 95 % interval.

    Attributes:
        metric: its name.
        mean, low, high: of the difference; the interval is infinite for a single photo.
        before, after: means of both models.
        photos: number of photos.
        higher_is_better: of the metric.
    """

    metric: str
    mean: float
    low: float
    high: float
    before: float
    after: float
    photos: int
    higher_is_better: bool

    @property
    def better(self) -> bool:
        """Whether the whole interval is on the better side of 0."""
        return self.low > 0 if self.higher_is_better else self.high < 0

    @property
    def worse(self) -> bool:
        """Whether the whole interval is on the worse side of 0."""
        return self.high < 0 if self.higher_is_better else self.low > 0

    def text(self, digits: int = 2, unit: str = "") -> str:
        """Such as ``+0.52 dB (0.31 to 0.74)``."""
        unit = f" {unit}" if unit else ""
        return f"{self.mean:+.{digits}f}{unit} ({self.low:+.{digits}f} to {self.high:+.{digits}f})"

    def content(self) -> dict[str, Any]:
        """As JSON; an infinite interval is null."""
        return {key: value if not isinstance(value, float) or math.isfinite(value) else None
                for key, value in asdict(self).items()}  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """Whether the adapted model is better, why, and the gains by metric."""

    better: bool
    reason: str
    gains: tuple[Gain, ...]

    def gain(self, metric: str) -> Gain | None:
        """The gain of a metric, if it was measured."""
        return next((gain for gain in self.gains if gain.metric == metric), None)

    @property
    def remarks(self) -> tuple[str, ...]:
        """Sentences on certain changes that the decision does not depend on: softer edges, noise, dots."""
        found = []
        for metric, text in _REMARKS.items():
            gain = self.gain(metric)
            if gain is not None and gain.worse:
                found.append(text.format(gain.before, gain.after))
        return tuple(found)


def paired_gain(
    metric: str,
    before: Mapping[str, Sequence[float]],
    after: Mapping[str, Sequence[float]],
    *,
    higher_is_better: bool,
) -> Gain | None:
    """The gain from ``before`` to ``after``: values of several pairs by photo, which are averaged for each photo.

    The interval is Student's over photos, the only values that are independent. Photos without finite values in both
    are left out; None if there are no others.
    """
    pairs = []
    for photo in before:
        if photo not in after:
            continue
        values = [
            (a, b)
            for a, b in zip(before[photo], after[photo], strict=True)
            if math.isfinite(a) and math.isfinite(b)
        ]
        if values:
            pairs.append(np.mean(values, axis=0))
    if not pairs:
        return None
    table = np.array(pairs)
    differences = table[:, 1] - table[:, 0]
    mean, reach = float(differences.mean()), _half_width(differences)
    return Gain(
        metric, mean, mean - reach, mean + reach, float(table[:, 0].mean()), float(table[:, 1].mean()), len(pairs),
        higher_is_better,
    )  # fmt: skip


def _half_width(values: "np.ndarray[Any, Any]") -> float:
    """Half the width of the 95 % interval of the mean."""
    count = len(values)
    if count < 2:
        return math.inf
    freedom = count - 1
    quantile = _T[freedom - 1] if freedom <= len(_T) else 1.96 + 2.5 / freedom
    return float(quantile * values.std(ddof=1) / math.sqrt(count))


def decide(gains: Sequence[Gain], start: str) -> Verdict:
    """The decision over ``start``.

    PSNR must be certainly better, by 0.05 dB or more; LPIPS must not be certainly worse, and flat areas not visibly
    noisier than the references.
    """
    found = {gain.metric: gain for gain in gains}
    psnr, lpips = found.get("psnr"), found.get("lpips-alex")
    if psnr is None:
        return Verdict(False, "no pair could be measured", tuple(gains))
    if not psnr.better:
        reason = f"the gain in PSNR over {start}, {psnr.text(unit='dB')}, is not certain"
        return Verdict(False, reason, tuple(gains))
    if psnr.mean < LEAST:
        reason = f"PSNR is equal to that of {start}: {psnr.text(unit='dB')}, where less than {LEAST} dB is not visible"
        return Verdict(False, reason, tuple(gains))
    if lpips is not None and lpips.worse:
        reason = f"PSNR is better than that of {start}, but LPIPS is worse: {lpips.text(4)}"
        return Verdict(False, reason, tuple(gains))
    noise = found.get("flat-noise")
    if noise is not None and noise.worse and noise.after > NOISIEST:
        reason = (
            f"PSNR is better than that of {start}, but flat areas have {noise.after:.2f} times the noise of the "
            f"references, {noise.before:.2f} before"
        )
        return Verdict(False, reason, tuple(gains))
    return Verdict(True, f"PSNR is better than that of {start} by {psnr.text(unit='dB')}", tuple(gains))

"""What an evaluation found, as data: metrics, methods, one row per image and method. Imports no torch.

Everything that is printed, plotted or tested for significance comes from a :class:`Results`, and its JSON is the
whole of it.
"""

import json
import math
from dataclasses import asdict, dataclass, field
from typing import Any

TRAINED_MARK = "†"
"""Marks values of metrics that the method was trained on."""
TRAINED_NOTE = f"{TRAINED_MARK} The model was trained on this metric, so the value flatters it."
FORMAT = 1
"""Version of the JSON; raised when its meaning changes."""


@dataclass(frozen=True)
class Metric:
    """What a column of numbers is.

    Attributes:
        name: the key of :attr:`Row.values`, such as ``psnr-y``.
        label: for people, such as ``PSNR (Y)``.
        higher_is_better: which way is better.
        unit: ``dB``, or nothing.
        definition: colour space, border, rounding, weights: what somebody else needs to get the same number.
        reference: it compares with a ground truth.
        digits: decimals worth printing.
    """

    name: str
    label: str
    higher_is_better: bool
    unit: str
    definition: str
    reference: bool
    digits: int = 2


@dataclass(frozen=True)
class Row:
    """One image by one method.

    Attributes:
        image: its name, unique within the dataset.
        method: a member of :attr:`Results.methods`.
        values: by name of metric; infinite for a PSNR of equal images, NaN where there is nothing to measure. A
            metric that refused the image is absent, and :attr:`notes` says why.
        dataset: the folder or protocol part it belongs to.
        seconds: what upscaling it took, without reading and writing; None when it was not upscaled here.
        peak_bytes: most memory the process held while it was upscaled; None where that is not known.
        lr, sr, hr, bicubic: where the images lie, or None. ``bicubic`` is the plain enlargement of ``lr``.
        notes: by name of metric, why there is no value.
    """

    image: str
    method: str
    values: dict[str, float]
    dataset: str = ""
    seconds: float | None = None
    peak_bytes: int | None = None
    lr: str | None = None
    sr: str | None = None
    hr: str | None = None
    bicubic: str | None = None
    notes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Results:
    """All that an evaluation found.

    Attributes:
        protocol: how the numbers came about: wildsr's version, scale, border, metrics' weights, facts of the
            methods (``protocol["methods"][name]``), degradations, mismatches. JSON only.
        metrics: the columns, in order.
        methods: in order.
        rows: in order of dataset, method, image.
    """

    protocol: dict[str, Any]
    metrics: tuple[Metric, ...]
    methods: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def datasets(self) -> tuple[str, ...]:
        """The datasets, in order of first appearance."""
        return tuple(dict.fromkeys(row.dataset for row in self.rows))

    def column(self, metric: str, method: str, dataset: str | None = None) -> dict[tuple[str, str], float]:
        """The values of one metric and method by (dataset, image), where there are any; all datasets by default."""
        return {
            (row.dataset, row.image): row.values[metric]
            for row in self.rows
            if row.method == method and metric in row.values and dataset in (None, row.dataset)
        }

    def trained_on(self, method: str, metric: str) -> bool:
        """Whether the training of a method optimised this metric, as far as its model says.

        PSNR and SSIM of RGB and of Y count as one metric each.
        """
        facts = self.protocol.get("methods", {}).get(method, {})
        return metric.removesuffix("-y") in facts.get("trained_on", ())

    def to_json(self) -> str:
        """Standard JSON: numbers that are not finite are the texts ``Infinity``, ``-Infinity`` and ``NaN``."""
        content = {"wildsr_results": FORMAT, **asdict(self)}
        for row in content["rows"]:
            row["values"] = {name: _plain(value) for name, value in row["values"].items()}
        return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> "Results":
        """What :meth:`to_json` wrote; raises ``ValueError`` for anything else."""
        try:
            content = json.loads(text)
            version = content["wildsr_results"]
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError("these are no results of wildsr evaluate") from error
        if version != FORMAT:
            raise ValueError(
                f"the results are of format {version}, this wildsr reads format {FORMAT}; evaluate again"
            )
        try:
            rows = [
                Row(**(row | {"values": {name: float(value) for name, value in row["values"].items()}}))
                for row in content["rows"]
            ]
            metrics = tuple(Metric(**metric) for metric in content["metrics"])
            return cls(content["protocol"], metrics, tuple(content["methods"]), tuple(rows))
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"the results are damaged: {error}") from error


def _plain(value: float) -> float | str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value

"""Results of an evaluation as data: metrics, methods, one row per image and method. Imports no torch.

Tables, charts and significance tests are computed from :class:`Results` only, and its JSON is complete.
"""

import json
import math
from dataclasses import asdict, dataclass, field
from typing import Any

TRAINED_MARK = "†"
"""Marks values of metrics that the method was trained on."""
TRAINED_NOTE = f"{TRAINED_MARK} The model was trained on this metric, so the value is biased in its favour."
FORMAT = 1
"""Version of the JSON format."""


@dataclass(frozen=True)
class Metric:
    """Description of a metric.

    Attributes:
        name: the key of :attr:`Row.values`, such as ``psnr-y``.
        label: in tables, such as ``PSNR (Y)``.
        higher_is_better: whether larger values are better.
        unit: such as ``dB``; may be empty.
        definition: colour space, border, rounding, weights: everything that is needed to repeat the number.
        reference: whether it compares with a ground truth.
        digits: decimals in tables.
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
    """The values of one image and one method.

    Attributes:
        image: its name, unique within the dataset.
        method: a member of :attr:`Results.methods`.
        values: by name of metric; infinite for a PSNR of equal images, NaN where the metric is undefined. A
            metric that refused the image is missing, with the reason in :attr:`notes`.
        dataset: the folder or protocol part it belongs to.
        seconds: time of upscaling, without reading and writing; None if it was not upscaled here.
        peak_bytes: peak memory of the process during upscaling; None if unknown.
        lr, sr, hr, bicubic: paths of the images, or None. ``bicubic`` is ``lr`` resized by bicubic interpolation.
        notes: by name of metric, the reason why there is no value.
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
    """Results of an evaluation.

    Attributes:
        protocol: how the numbers were obtained: wildsr's version, scale, border, metrics' weights, facts of the
            methods (``protocol["methods"][name]``), degradations, mismatches. JSON only.
        metrics: the columns, in order.
        methods: in order.
        rows: in order of dataset, image, method.
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
        """The values of one metric and method by (dataset, image), without missing ones; all datasets by default."""
        return {
            (row.dataset, row.image): row.values[metric]
            for row in self.rows
            if row.method == method and metric in row.values and dataset in (None, row.dataset)
        }

    def trained_on(self, method: str, metric: str) -> bool:
        """Whether the training of a method optimised this metric, according to the model's header.

        PSNR and SSIM of RGB and of Y count as one metric each.
        """
        facts = self.protocol.get("methods", {}).get(method, {})
        return metric.removesuffix("-y") in facts.get("trained_on", ())

    def to_json(self) -> str:
        """Standard JSON; non-finite numbers are the strings ``Infinity``, ``-Infinity`` and ``NaN``."""
        content = {"wildsr_results": FORMAT, **asdict(self)}
        for row in content["rows"]:
            row["values"] = {name: _plain(value) for name, value in row["values"].items()}
        return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> "Results":
        """Parse the JSON of :meth:`to_json`; raises ``ValueError`` for other content."""
        try:
            content = json.loads(text)
            version = content["wildsr_results"]
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError("this is not a results file of wildsr evaluate") from error
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

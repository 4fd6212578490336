"""Results as CSV and as Markdown tables."""

import csv
import html
import io
import math
import re

from wildsr.evaluation.results import TRAINED_MARK, TRAINED_NOTE, Metric, Results
from wildsr.evaluation.summary import Cell, Cost, any_trained_on, cells, costs, differences, measured

LEGEND = (
    "Means over the images on which every method has a finite value; in brackets 95 % bootstrap intervals over "
    "images. **Best**, _second best_. Arrows show whether higher or lower is better."
)
NOTE_ON_P = (
    "Mean differences with 95 % bootstrap intervals; numbers of images on which the method is better and worse; "
    "two-sided p-value of no difference by sign flips, not corrected for multiple comparisons."
)


def to_csv(results: Results) -> str:
    """One line for each image and method, with full precision."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [metric.name for metric in results.metrics]
    writer.writerow(["dataset", "image", "method", *names, "seconds", "peak_bytes", "notes"])
    for row in results.rows:
        values = [row.values.get(name, "") for name in names]
        notes = "; ".join(f"{name}: {note}" for name, note in row.notes.items())
        cost = ["" if value is None else value for value in (row.seconds, row.peak_bytes)]
        texts = [_as_text(text) for text in (row.dataset, row.image, row.method)]
        writer.writerow([*texts, *values, *cost, _as_text(notes)])
    return text.getvalue()


def _as_text(cell: str) -> str:
    """Escape a cell that a spreadsheet would take for a formula; file names are untrusted."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def to_markdown(results: Results, against: str | None = None, seed: int = 0) -> str:
    """A table for each dataset, and one of the differences to ``against``, by default the first method."""
    parts = []
    for dataset in results.datasets:
        if dataset:
            parts.append(f"### {_escaped(dataset)}")
        parts += [summary_table(results, dataset, seed), *remarks(results, dataset, seed)]
    parts.append(legend(results))
    against = against or results.methods[0]
    if len(results.methods) > 1:
        parts += [f"### Differences to {against}", difference_table(results, against, seed), NOTE_ON_P]
    return "\n\n".join(part for part in parts if part) + "\n"


def legend(results: Results) -> str:
    """The sentences below a table of means."""
    return f"{LEGEND} {TRAINED_NOTE}" if any_trained_on(results) else LEGEND


def summary_table(results: Results, dataset: str, seed: int = 0) -> str:
    """Means of one dataset: a row for each method, a column for each metric."""
    metrics, cost = measured(results, dataset), costs(results, dataset)
    columns = {metric.name: cells(results, dataset, metric, seed) for metric in metrics}
    timed = any(one.seconds is not None for one in cost.values())
    lines = [["method", *(_heading(metric) for metric in metrics), *(["s/image", "peak memory"] * timed)]]
    for method in cost:
        line = [_escaped(method)]
        line += [format_cell(columns[metric.name][method], metric) for metric in metrics]
        lines.append([*line, *(_cost(cost[method]) if timed else [])])
    return _markdown(lines)


def difference_table(
    results: Results, against: str, seed: int = 0, datasets: tuple[str, ...] | None = None
) -> str:
    """Differences of each method to ``against``: a row for each dataset and metric."""
    lines = [["dataset", "metric", "method", "difference", "better / worse", "p"]]
    for dataset in datasets or results.datasets:
        for metric in measured(results, dataset):
            for method, found in differences(results, metric, against, dataset, seed).items():
                interval = found.interval
                digits = metric.digits
                text = f"{interval.mean:+.{digits}f}"
                if not math.isnan(interval.low):
                    text += f" [{interval.low:+.{digits}f}, {interval.high:+.{digits}f}]"
                better, worse = (
                    (found.wins, found.losses) if metric.higher_is_better else (found.losses, found.wins)
                )
                p = f"{found.p:.2g}" if found.p >= 1e-4 else "< 0.0001"
                marked = any(results.trained_on(one, metric.name) for one in (method, against))
                lines.append(
                    [
                        dataset,
                        metric.label + TRAINED_MARK * marked,
                        _escaped(method),
                        text,
                        f"{better} / {worse} of {found.images}",
                        p,
                    ]
                )
    return _markdown(lines)


def remarks(results: Results, dataset: str, seed: int = 0) -> list[str]:
    """Sentences about the images that the means of a dataset leave out."""
    found = []
    for metric in measured(results, dataset):
        for method, cell in cells(results, dataset, metric, seed).items():
            if cell.infinite:
                found.append(
                    f"{metric.label} of {method} is infinite on {_images(cell.infinite)}, equal to the reference; the "
                    "means leave these out."
                )
            if cell.missing:
                found.append(f"{metric.label} of {method} is missing on {_images(cell.missing)}.")
    return found


def format_cell(cell: Cell, metric: Metric) -> str:
    """A mean as Markdown: bold when it is the best, italic when it is the second best."""
    if cell.interval is None:
        return "∞" + TRAINED_MARK * cell.trained_on if cell.infinite else "–"
    mean = f"{cell.interval.mean:.{metric.digits}f}"
    mean = {1: f"**{mean}**", 2: f"_{mean}_"}.get(cell.place, mean) + TRAINED_MARK * cell.trained_on
    if math.isnan(cell.interval.low):
        return mean
    return f"{mean} [{cell.interval.low:.{metric.digits}f}, {cell.interval.high:.{metric.digits}f}]"


def _heading(metric: Metric) -> str:
    unit = f", {metric.unit}" if metric.unit else ""
    return f"{metric.label}{unit} {'↑' if metric.higher_is_better else '↓'}"


def _cost(cost: Cost) -> list[str]:
    seconds = "–" if cost.seconds is None else f"{cost.seconds:.2f}"
    memory = "–" if cost.peak_bytes is None else f"{cost.peak_bytes / 2**20:.0f} MiB"
    return [seconds, memory]


def _images(count: int) -> str:
    return "1 image" if count == 1 else f"{count} images"


def _escaped(text: str) -> str:
    """Text in which Markdown and HTML see no markup."""
    plain = html.escape(" ".join(text.split()), quote=False)
    return re.sub(r"([\\`*_\[\]|])", r"\\\1", plain)


def _markdown(lines: list[list[str]]) -> str:
    heading, *body = ("| " + " | ".join(line) + " |" for line in lines)
    rule = "|" + "---|" * len(lines[0])
    return "\n".join([heading, rule, *body])

"""The tables of a report as HTML; all names and texts are escaped."""

import math
from collections.abc import Mapping
from html import escape
from typing import Any

from wildsr.evaluation.report.charts import whisker
from wildsr.evaluation.results import TRAINED_MARK, TRAINED_NOTE, Metric, Results, Row
from wildsr.evaluation.summary import Cell, cells, costs, differences, measured

_PLACES = {1: "best", 2: "second"}


def summary(results: Results, dataset: str, marks: Mapping[str, str]) -> str:
    """Means of one dataset, a row for each method; the best and the second best are marked."""
    metrics, cost = measured(results, dataset), costs(results, dataset)
    columns = {metric.name: cells(results, dataset, metric) for metric in metrics}
    timed = any(one.seconds is not None for one in cost.values())
    heads = "".join(f'<th scope="col" class="n">{heading(metric)}</th>' for metric in metrics)
    if timed:
        heads += '<th scope="col" class="n">s / image</th><th scope="col" class="n">peak memory</th>'
    lines = []
    for method, spent in cost.items():
        line = f'<th scope="row"><i class="dot {marks[method]}"></i>{escape(method)}</th>'
        line += "".join(_mean(columns[metric.name], method, metric) for metric in metrics)
        if timed:
            seconds = "–" if spent.seconds is None else f"{spent.seconds:.2f}"
            memory = "–" if spent.peak_bytes is None else f"{spent.peak_bytes / 2**20:.0f} MiB"
            line += f'<td class="n">{seconds}</td><td class="n">{memory}</td>'
        lines.append(f'<tr class="{marks[method]}">{line}</tr>')
    return _table(f'<th scope="col">Method</th>{heads}', lines)


def comparison(results: Results, against: str, marks: Mapping[str, str]) -> str:
    """Differences of each method to ``against``, with intervals and p-values."""
    lines = []
    for dataset in results.datasets:
        for metric in measured(results, dataset):
            for method, found in differences(results, metric, against, dataset).items():
                interval, digits = found.interval, metric.digits
                better, worse = found.wins, found.losses
                if not metric.higher_is_better:
                    better, worse = worse, better
                ahead = (interval.mean > 0) == metric.higher_is_better and interval.mean != 0
                clear = not math.isnan(interval.low) and not interval.low <= 0 <= interval.high
                kind = ("ahead" if ahead else "behind") if clear else ""
                text = f"{interval.mean:+.{digits}f}"
                if not math.isnan(interval.low):
                    text += f" <small>[{interval.low:+.{digits}f}, {interval.high:+.{digits}f}]</small>"
                p = f"{found.p:.2g}" if found.p >= 1e-4 else "&lt; 0.0001"
                mark = trained_mark(any(results.trained_on(one, metric.name) for one in (method, against)))
                lines.append(
                    f"<tr><td>{escape(dataset)}</td><td>{heading(metric)}{mark}</td>"
                    f'<th scope="row"><i class="dot {marks[method]}"></i>{escape(method)}</th>'
                    f'<td class="n {kind}">{text}</td><td class="n">{better} / {worse} of {found.images}</td>'
                    f'<td class="n">{p}</td></tr>'
                )
    heads = "".join(
        f'<th scope="col"{" class=n" if index > 2 else ""}>{head}</th>'
        for index, head in enumerate(("Dataset", "Metric", "Method", "Difference", "Better / worse", "p"))
    )
    return _table(heads, lines)


def images(results: Results, marks: Mapping[str, str], shown: Mapping[tuple[str, str], int]) -> str:
    """A row for each image and method, sortable and filterable; ``shown``: indices of the scenes that can be opened."""
    names = ["Dataset", "Image", "Method", *(heading(metric) for metric in results.metrics)]
    timed = any(row.seconds is not None for row in results.rows)
    names += ["Seconds"] * timed
    heads = "".join(
        f'<th scope="col"{" class=n" if index > 2 else ""}><button type="button">{name}</button></th>'
        for index, name in enumerate(names)
    )
    lines = []
    for row in results.rows:
        scene = shown.get((row.dataset, row.image))
        name = escape(row.image)
        if scene is not None:
            name = f'<button type="button" class="link" data-scene="{scene}">{name}</button>'
        line = f'<td>{escape(row.dataset)}</td><th scope="row">{name}</th>'
        line += f'<td><i class="dot {marks[row.method]}"></i>{escape(row.method)}</td>'
        line += "".join(_value(results, row, metric) for metric in results.metrics)
        if timed:
            line += f'<td class="n" data-v="{_key(row.seconds)}">{plain(row.seconds, 2)}</td>'
        lines.append(f"<tr>{line}</tr>")
    return _table(heads, lines, "images")


def facts(value: Any) -> str:
    """Nested facts, such as a protocol, as nested lists; long lists are collapsed."""
    if isinstance(value, Mapping):
        if not value:
            return '<span class="none">none</span>'
        return (
            '<dl class="facts">'
            + "".join(f"<dt>{escape(str(key))}</dt><dd>{facts(item)}</dd>" for key, item in value.items())
            + "</dl>"
        )
    if isinstance(value, list | tuple):
        items = "".join(f"<li>{facts(item)}</li>" for item in value)
        if len(value) > 6:
            return f"<details><summary>{len(value)} items</summary><ul>{items}</ul></details>"
        return f"<ul>{items}</ul>" if value else '<span class="none">none</span>'
    return escape(str(value))


def heading(metric: Metric) -> str:
    """The name of a metric with its unit, and an arrow for the better direction."""
    unit = f" <small>{escape(metric.unit)}</small>" if metric.unit else ""
    arrow, better = ("↑", "higher") if metric.higher_is_better else ("↓", "lower")
    return f'{escape(metric.label)}{unit} <span class="arrow" title="{better} is better">{arrow}</span>'


def trained_mark(trained_on: bool) -> str:
    """The mark of a value of a metric that the method was trained on, with its explanation."""
    return f'<span class="trained" title="{escape(TRAINED_NOTE)}">{TRAINED_MARK}</span>' if trained_on else ""


def plain(value: float | None, digits: int) -> str:
    """A formatted number."""
    if value is None or math.isnan(value):
        return "–"
    return f"{value:.{digits}f}" if math.isfinite(value) else ("∞" if value > 0 else "−∞")


def _mean(column: Mapping[str, Cell], method: str, metric: Metric) -> str:
    cell = column[method]
    if cell.interval is None:
        return f'<td class="n">{"∞" if cell.infinite else "–"}{trained_mark(cell.trained_on)}</td>'
    interval, digits = cell.interval, metric.digits
    place = _PLACES.get(cell.place, "") if len(column) > 1 else ""
    inner = f"<b>{interval.mean:.{digits}f}</b>{trained_mark(cell.trained_on)}"
    if place:
        inner += f'<span class="sr-only"> {place}</span>'
    if not math.isnan(interval.low):
        others = [other.interval for other in column.values() if other.interval]
        span = (min(one.low for one in others), max(one.high for one in others))
        inner += whisker(interval.low, interval.mean, interval.high, span)
        inner += f"<small>{interval.low:.{digits}f} – {interval.high:.{digits}f}</small>"
    return f'<td class="n {place}">{inner}</td>'


def _value(results: Results, row: Row, metric: Metric) -> str:
    value = row.values.get(metric.name)
    note = row.notes.get(metric.name)
    title = f' title="{escape(note)}"' if note else ""
    mark = trained_mark(value is not None and results.trained_on(row.method, metric.name))
    return f'<td class="n" data-v="{_key(value)}"{title}>{plain(value, metric.digits)}{mark}</td>'


def _key(value: float | None) -> str:
    """The sort key of a value; empty for missing values."""
    if value is None or math.isnan(value):
        return ""
    return ("1e999" if value > 0 else "-1e999") if math.isinf(value) else repr(value)


def _table(heads: str, lines: list[str], name: str = "") -> str:
    mark = f' id="{name}"' if name else ""
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="Table"><table{mark}>'
        f"<thead><tr>{heads}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )

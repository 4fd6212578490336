"""Small SVG charts of a report, in the style of those of evaluations."""

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from wildsr.evaluation.report.charts import ticks

Points = Sequence[tuple[float, float]]
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 400, 220, 44, 14, 8, 34


def line_chart(
    lines: Mapping[str, Points], name: str, across: str, dots: Mapping[str, Points] | None = None
) -> str:
    """Lines, and dots, over a common axis ``across``, with a legend; ``name`` says what is shown."""
    dots = dots or {}
    every = [point for points in (*lines.values(), *dots.values()) for point in points]
    if not every:
        return ""
    xs, ys = [x for x, _ in every], [y for _, y in every]
    low, high = min(*ys, 0.0) if min(ys) >= 0 else min(ys), max(ys)
    high = high if high > low else low + 1
    first, last = min(xs), max(xs) if max(xs) > min(xs) else min(xs) + 1

    def place(x: float, y: float) -> tuple[float, float]:
        right, down = (x - first) / (last - first), (high - y) / (high - low)
        return _LEFT + right * (_WIDTH - _LEFT - _RIGHT), _TOP + down * (_HEIGHT - _TOP - _BOTTOM)

    parts = []
    for tick in ticks(low, high, 5):
        y = place(first, tick)[1]
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick end" x="{_LEFT - 5}" y="{y + 3.5:.1f}">{tick:g}</text>')
    for tick in ticks(first, last, 5):
        parts.append(f'<text class="tick" x="{place(tick, low)[0]:.1f}" y="{_HEIGHT - 19}">{tick:g}</text>')
    parts.append(
        f'<text class="tick" x="{(_LEFT + _WIDTH) / 2:.0f}" y="{_HEIGHT - 4}">{escape(across)}</text>'
    )
    labels = list(dict.fromkeys((*lines, *dots)))
    for index, label in enumerate(labels):
        mark = f"m{index % 8}"
        if label in lines:
            points = " ".join("{:.1f},{:.1f}".format(*place(x, y)) for x, y in lines[label])
            parts.append(
                f'<polyline class="curve {mark}" points="{points}"><title>{escape(label)}</title></polyline>'
            )
        circles = "".join(
            '<circle cx="{:.1f}" cy="{:.1f}" r="2.7"/>'.format(*place(*at)) for at in dots.get(label, ())
        )
        parts.append(f'<g class="lane {mark}">{circles}</g>')
    legend = "".join(
        f'<li><i class="dot m{i % 8}"></i>{escape(label)}</li>' for i, label in enumerate(labels)
    )
    return (
        f'<figure class="card"><figcaption>{escape(name)}</figcaption>'
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'role="img" aria-label="{escape(name)}">{"".join(parts)}</svg><ul class="legend">{legend}</ul></figure>'
    )


def loss_charts(log: Path, network: str = "generator") -> str:
    """Charts of the losses of a network, from the log of its training."""
    lines: dict[str, list[tuple[float, float]]] = {}
    for one in _log(log):
        for name, value in one.items():
            if name.startswith(f"{network}/") and isinstance(value, int | float):
                lines.setdefault(name.removeprefix(f"{network}/"), []).append(
                    (float(one["step"]), float(value))
                )
    if not lines:
        return '<p class="note">There is no log of the training.</p>'
    charts = "".join(line_chart({name: points}, f"Loss: {name}", "step") for name, points in lines.items())
    return f'<div class="charts">{charts}</div>'


def _log(path: Path) -> list[dict[str, Any]]:
    try:
        found = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError):
        return []
    return [one for one in found if isinstance(one, dict) and isinstance(one.get("step"), int)]

"""SVG charts: distributions of values over images, and power spectra."""

import math
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
import numpy.typing as npt

from wildsr.evaluation.results import Metric

_WIDTH, _LANE, _LEFT, _RIGHT = 400, 46, 14, 14


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers within [low, high], about ``most`` of them."""
    span = high - low or abs(high) or 1.0
    step = 10 ** math.floor(math.log10(span / most))
    step *= next(factor for factor in (1, 2, 5, 10) if span / (step * factor) <= most)
    first = math.ceil(low / step - 1e-9)
    return [index * step for index in range(first, math.floor(high / step + 1e-9) + 1)]


def distribution(
    metric: Metric, values: Mapping[str, Sequence[tuple[str, float]]], marks: Mapping[str, str]
) -> str:
    """One lane per method with a dot for each image, a box from the lower to the upper quartile, and the median.

    Args:
        metric: of the values.
        values: by method, (image, finite value), not empty.
        marks: by method, its CSS class.
    """
    every = [value for found in values.values() for _, value in found]
    low, high = min(every), max(every)
    margin = (high - low) * 0.03 or 0.5
    low, high = low - margin, high + margin
    scale = (_WIDTH - _LEFT - _RIGHT) / (high - low)

    def x(value: float) -> str:
        return f"{_LEFT + (value - low) * scale:.1f}"

    height = len(values) * _LANE + 26
    parts = []
    for tick in ticks(low, high):
        parts.append(f'<line class="grid" x1="{x(tick)}" x2="{x(tick)}" y1="4" y2="{height - 20}"/>')
        parts.append(f'<text class="tick" x="{x(tick)}" y="{height - 6}">{_number(tick)}</text>')
    for lane, (method, found) in enumerate(values.items()):
        middle = lane * _LANE + 31
        numbers = np.array([value for _, value in found])
        quarter, median, three = (float(q) for q in np.quantile(numbers, (0.25, 0.5, 0.75)))
        parts.append(f'<g class="lane {marks[method]}">')
        parts.append(f'<text class="name" x="{_LEFT}" y="{middle - 15}">{escape(method)}</text>')
        if len(found) > 3:
            box = f'x="{x(quarter)}" y="{middle - 9}" width="{max((three - quarter) * scale, 1):.1f}" height="18"'
            parts.append(f'<rect class="box" {box} rx="3"/>')
        for index, (image, value) in enumerate(found):
            # Vertical offsets by the golden ratio, so that neighbours rarely overlap.
            y = middle + ((index * 0.618) % 1 - 0.5) * 13
            label = f"{image}: {value:.{metric.digits}f}"
            parts.append(
                f'<circle cx="{x(value)}" cy="{y:.1f}" r="2.7"><title>{escape(label)}</title></circle>'
            )
        parts.append(
            f'<line class="median" x1="{x(median)}" x2="{x(median)}" y1="{middle - 10}" y2="{middle + 10}"/>'
        )
        parts.append("</g>")
    return _svg(height, f"Distribution of {metric.label} over images, by method", parts)


def curves(
    lines: Mapping[str, npt.NDArray[np.float64]], marks: Mapping[str, str], limit: float | None, name: str
) -> str:
    """Curves of dB over 0 to 0.5 cycles per pixel, each with its CSS class; a dashed line at ``limit``."""
    height, left, bottom = 300, 34, 34
    low = math.floor(min(float(line.min()) for line in lines.values()) / 10) * 10
    high = math.ceil(max(float(line.max()) for line in lines.values()) / 10) * 10
    across, down = _WIDTH - left - _RIGHT, (height - bottom - 8) / (high - low)
    parts = []
    for tick in ticks(low, high, 6):
        y = f"{8 + (high - tick) * down:.1f}"
        parts.append(f'<line class="grid" x1="{left}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text class="tick end" x="{left - 5}" y="{float(y) + 3.5:.1f}">{tick:.0f}</text>')
    for tick in (0.0, 0.1, 0.2, 0.3, 0.4, 0.5):
        parts.append(
            f'<text class="tick" x="{left + tick * 2 * across:.1f}" y="{height - 19}">{tick:.1f}</text>'
        )
    parts.append(
        f'<text class="tick" x="{left + across / 2}" y="{height - 4}">cycles per pixel (dB upwards)</text>'
    )
    if limit is not None:
        x = f"{left + limit * 2 * across:.1f}"
        parts.append(f'<line class="limit" x1="{x}" x2="{x}" y1="8" y2="{height - bottom}"/>')
    for label, line in lines.items():
        points = " ".join(
            f"{left + (index + 0.5) / len(line) * across:.1f},{8 + (high - value) * down:.1f}"
            for index, value in enumerate(line.tolist())
        )
        parts.append(
            f'<polyline class="curve {marks[label]}" points="{points}"><title>{escape(label)}</title></polyline>'
        )
    return _svg(height, name, parts)


def whisker(low: float, mean: float, high: float, span: tuple[float, float]) -> str:
    """A mean and its interval within ``span``, as a small inline chart."""
    width = span[1] - span[0] or 1.0
    ends = [4 + 92 * (value - span[0]) / width for value in (low, mean, high)]
    return (
        '<svg class="whisker" viewBox="0 0 100 8" aria-hidden="true">'
        f'<line x1="{ends[0]:.1f}" x2="{ends[2]:.1f}" y1="4" y2="4"/><circle cx="{ends[1]:.1f}" cy="4" r="3"/></svg>'
    )


def _number(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".") if abs(value) < 1000 else f"{value:.0f}"


def _svg(height: int, name: str, parts: list[str]) -> str:
    return (
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(name)}">'
        + "".join(parts)
        + "</svg>"
    )

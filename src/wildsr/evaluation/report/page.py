"""Assembles tables, charts and images to one HTML file."""

import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from wildsr.evaluation.report import crops, spectra, tables
from wildsr.evaluation.report.charts import curves, distribution
from wildsr.evaluation.report.entries import describe, marks_of
from wildsr.evaluation.report.scenes import PLAIN, TRUTH, gather
from wildsr.evaluation.results import Results
from wildsr.evaluation.summary import measured
from wildsr.evaluation.tables import NOTE_ON_P, legend, remarks
from wildsr.storage.atomic import write_text
from wildsr.storage.evenly import evenly

OnImage = Callable[[int, int], None]
"""Called with (images done, images in all)."""


class Section(NamedTuple):
    """A section of the page: its anchor, its heading, and its content as HTML, in which all texts are escaped."""

    anchor: str
    heading: str
    html: str


_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'"


def write_report(
    results: Results,
    path: str | os.PathLike[str],
    *,
    against: str | None = None,
    images: int = 24,
    longest: int = 1024,
    title: str = "Evaluation report",
    first: Sequence[Section] = (),
    on_image: OnImage | None = None,
) -> None:
    """Write the report of an evaluation: one HTML file that loads nothing from elsewhere.

    Images are read from the paths in the rows; the report names those that cannot be read.

    Args:
        results: of the evaluation.
        path: of the file, written atomically.
        against: method that the others are compared with; the first by default.
        images: largest number of images to show, evenly spaced; values are of all images.
        longest: longest side in pixels of whole images; crops are not resized.
        title: of the page.
        first: sections before those of the evaluation.
        on_image: progress.

    Raises:
        ValueError: there are no rows, or ``against`` is not a method.
        OSError: the file cannot be written.
    """
    if not results.rows:
        raise ValueError("nothing to report: the evaluation has no rows")
    against = against or results.methods[0]
    if against not in results.methods:
        raise ValueError(f"there is no method '{against}' among {', '.join(results.methods)}")
    scenes = gather(results)
    chosen = evenly(scenes, images)
    shown: list[dict[str, Any]] = []
    powers: dict[str, dict[str, list[npt.NDArray[np.float64]]]] = {}
    for index, scene in enumerate(chosen):
        entry, power = describe(results, scene, longest)
        shown.append(entry)
        for label, curve in power.items():
            powers.setdefault(scene.dataset, {}).setdefault(label, []).append(curve)
        if on_image is not None:
            on_image(index + 1, len(chosen))
    page = _page(results, against, title, shown, len(scenes), _spectra(results, powers), first)
    write_text(path, page)


def _spectra(results: Results, powers: Mapping[str, Mapping[str, list[npt.NDArray[np.float64]]]]) -> str:
    """The power spectra of each dataset with a legend."""
    marks = marks_of(results.methods)
    scale = results.protocol.get("scale")
    limit = 0.5 / scale if isinstance(scale, int | float) and scale > 1 else None
    parts = []
    for dataset, found in powers.items():
        order = [label for label in (PLAIN, *results.methods, TRUTH) if label in found]
        lines = {label: np.mean(found[label], axis=0) for label in order}
        count = max(len(found[label]) for label in order)
        name = f"Power spectra{f' of {dataset}' if dataset else ''}, mean of {_images(count)}"
        labels = "".join(f'<li><i class="dot {marks[label]}"></i>{escape(label)}</li>' for label in order)
        parts.append(
            f'<figure class="card"><figcaption>{escape(name)}</figcaption>{curves(lines, marks, limit, name)}'
            f'<ul class="legend">{labels}</ul></figure>'
        )
    return "".join(parts)


def _page(
    results: Results,
    against: str,
    title: str,
    shown: list[dict[str, Any]],
    scenes: int,
    charts: str,
    first: Sequence[Section],
) -> str:
    marks = marks_of(results.methods)
    several = len(results.methods) > 1
    sections: list[tuple[str, str, str]] = [(one.anchor, escape(one.heading), one.html) for one in first]
    sections.append(("summary", "Summary", _summary(results, marks, against if several else None)))
    sections.append(("spread", "Distributions", _distributions(results, marks)))
    if shown:
        sections.append(("look", "Images", _look(shown, scenes)))
    if charts:
        sections.append(
            (
                "spectra",
                "Spectra",
                f'<p class="note">{escape(spectra.HOW)}</p><div class="charts">{charts}</div>',
            )
        )
    numbers = {(entry["dataset"], entry["image"]): index for index, entry in enumerate(shown)}
    sections.append(("numbers", "All numbers", _numbers(results, marks, numbers)))
    sections.append(("method", "How it was measured", _method(results)))
    links = "".join(f'<a href="#{name}">{heading}</a>' for name, heading, _ in sections)
    body = "".join(
        f'<section id="{name}" aria-labelledby="h-{name}"><h2 id="h-{name}">{heading}</h2>{content}</section>'
        for name, heading, content in sections
    )
    folder = files("wildsr.evaluation.report")
    style, script, layout = (
        (folder / f"report.{end}").read_text(encoding="utf-8") for end in ("css", "js", "html")
    )
    # Within a script element, only "<" could end the element or start a comment.
    content = json.dumps({"scenes": shown}, ensure_ascii=False).replace("<", "\\u003c")
    filled = {
        "policy": _POLICY,
        "title": escape(title),
        "overview": escape(_overview(results, scenes)),
        "style": style,
        "links": links,
        "body": body,
        "data": content,
        "script": script,
    }
    pieces = layout.split("@@")
    return "".join(filled[piece] if index % 2 else piece for index, piece in enumerate(pieces))


def _overview(results: Results, scenes: int) -> str:
    images = len({(row.dataset, row.image) for row in results.rows})
    parts = [_count(len(results.methods), "method"), _images(max(images, scenes))]
    names = [dataset for dataset in results.datasets if dataset]
    if names:
        parts.append(f"{_count(len(names), 'dataset')}: {', '.join(names)}")
    if scale := results.protocol.get("scale"):
        parts.append(f"×{scale}")
    if version := results.protocol.get("wildsr"):
        parts.append(f"wildsr {version}")
    return " · ".join(parts)


def _summary(results: Results, marks: Mapping[str, str], against: str | None) -> str:
    parts = []
    for dataset in results.datasets:
        if dataset:
            parts.append(f"<h3>{escape(dataset)}</h3>")
        parts.append(tables.summary(results, dataset, marks))
        parts += [f'<p class="note">{escape(remark)}</p>' for remark in remarks(results, dataset)]
    note = escape(legend(results)).replace("**Best**", "<mark>Best</mark>")
    note = note.replace("_second best_", "<u>second best</u>").replace("in brackets", "below them")
    parts.append(f'<p class="note">{note}</p>')
    if against is not None:
        parts.append(f"<details><summary>Differences to {escape(against)}</summary>")
        parts.append(tables.comparison(results, against, marks))
        parts.append(f'<p class="note">{escape(NOTE_ON_P)}</p></details>')
    return "".join(parts)


def _distributions(results: Results, marks: Mapping[str, str]) -> str:
    parts = ['<p class="note">Each dot is an image; boxes are quartiles, lines medians.</p>']
    for dataset in results.datasets:
        if dataset:
            parts.append(f"<h3>{escape(dataset)}</h3>")
        parts.append('<div class="charts">')
        for metric in measured(results, dataset):
            values = {}
            for method in results.methods:
                column = results.column(metric.name, method, dataset)
                if found := [(key[1], value) for key, value in column.items() if math.isfinite(value)]:
                    values[method] = found
            if values:
                chart = distribution(metric, values, marks)
                parts.append(
                    f'<figure class="card"><figcaption>{tables.heading(metric)}</figcaption>{chart}</figure>'
                )
        parts.append("</div>")
    return "".join(parts)


def _look(shown: list[dict[str, Any]], scenes: int) -> str:
    layout = (files("wildsr.evaluation.report") / "look.html").read_text(encoding="utf-8")
    some = f" {len(shown)} of {scenes} images are shown here, evenly spaced." if len(shown) < scenes else ""
    return layout.replace("@@how@@", escape(crops.HOW + some))


def _numbers(results: Results, marks: Mapping[str, str], shown: Mapping[tuple[str, str], int]) -> str:
    options = "".join(f"<option>{escape(method)}</option>" for method in results.methods)
    datasets = "".join(f"<option>{escape(dataset)}</option>" for dataset in results.datasets if dataset)
    return (
        '<form class="bar" id="filter"><label>Image <input type="search" name="text" placeholder="part of a name" '
        'autocomplete="off"></label>'
        f'<label>Method <select name="method"><option value="">all</option>{options}</select></label>'
        f'<label>Dataset <select name="dataset"><option value="">all</option>{datasets}</select></label>'
        '<output id="count" aria-live="polite"></output></form>' + tables.images(results, marks, shown)
    )


def _method(results: Results) -> str:
    definitions = "".join(
        f"<dt>{tables.heading(metric)}</dt><dd>{escape(metric.definition)}</dd>" for metric in results.metrics
    )
    return (
        f'<dl class="definitions">{definitions}</dl>'
        f"<details><summary>Protocol</summary>{tables.facts(results.protocol)}</details>"
    )


def _images(count: int) -> str:
    return _count(count, "image")


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"

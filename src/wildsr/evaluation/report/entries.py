"""The data of one image for the page: versions, crops, values."""

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from wildsr.evaluation.report import crops, spectra, tables
from wildsr.evaluation.report.scenes import INPUT, PLAIN, TRUTH, Scene, data_uri, downscaled, read_layers
from wildsr.evaluation.results import TRAINED_MARK, Results

_COLOURS = 8


def marks_of(methods: tuple[str, ...]) -> dict[str, str]:
    """The CSS class with the colour of each method and each other version of an image."""
    marks = {method: f"m{index % _COLOURS}" for index, method in enumerate(methods)}
    return {INPUT: "input", PLAIN: "plain", TRUTH: "truth"} | marks


def describe(
    results: Results, scene: Scene, longest: int
) -> tuple[dict[str, Any], dict[str, npt.NDArray[np.float64]]]:
    """The data of one scene for the page, and the power spectra of its versions."""
    levels, problems = read_layers(scene)
    marks = marks_of(results.methods)
    methods = {
        layer.label: levels[layer.label] for layer in scene.layers if layer.method and layer.label in levels
    }
    # Sizes as (height, width). A version whose size differs from that of most is shown, but not compared.
    sizes = Counter((image.shape[2], image.shape[3]) for image in methods.values() or levels.values())
    whole = sizes.most_common(1)[0][0] if sizes else (1, 1)
    alike = {label: image for label, image in levels.items() if image.shape[2:] == whole}
    compared = [image for label, image in alike.items() if label in methods]
    if len(compared) < 2:
        compared += [alike[label] for label in (TRUTH, PLAIN) if label in alike][:1]
    windows = crops.choose(compared)
    enlarged = {label: image for label, image in levels.items() if label in alike or label == INPUT}
    entry = {
        "dataset": scene.dataset,
        "image": scene.image,
        "width": whole[1],
        "height": whole[0],
        "layers": [
            {"label": label, "mark": marks[label], "src": data_uri(downscaled(image, longest))}
            for label, image in levels.items()
        ],
        "crops": [
            {
                "left": window.left,
                "top": window.top,
                "width": window.width,
                "height": window.height,
                "tiles": [
                    {
                        "label": label,
                        "mark": marks[label],
                        "src": data_uri(crops.cut(image, window, whole), lossless=True),
                    }
                    for label, image in enlarged.items()
                ],
            }
            for window in windows
        ],
        "values": _values(results, scene),
        "problems": problems,
    }
    return entry, _powers(alike)


def _powers(alike: Mapping[str, Tensor]) -> dict[str, npt.NDArray[np.float64]]:
    found = {label: spectra.radial_power(image) for label, image in alike.items()}
    return {label: power for label, power in found.items() if power is not None}


def _values(results: Results, scene: Scene) -> dict[str, Any]:
    """The values of one image: names of metrics, and the formatted values of each method with the best marked."""
    rows = [row for row in results.rows if (row.dataset, row.image) == (scene.dataset, scene.image)]
    metrics = [metric for metric in results.metrics if any(metric.name in row.values for row in rows)]
    best: dict[str, float] = {}
    for metric in metrics:
        found = [row.values[metric.name] for row in rows if metric.name in row.values]
        found = [value for value in found if not math.isnan(value)]
        if found:
            best[metric.name] = max(found) if metric.higher_is_better else min(found)
    marks = marks_of(results.methods)
    return {
        "metrics": [f"{metric.label} {'↑' if metric.higher_is_better else '↓'}" for metric in metrics],
        "rows": [
            {
                "method": row.method,
                "mark": marks[row.method],
                "texts": [
                    tables.plain(row.values.get(metric.name), metric.digits)
                    + TRAINED_MARK * results.trained_on(row.method, metric.name)
                    for metric in metrics
                ],
                "best": [
                    row.values.get(metric.name) == best.get(metric.name, math.nan) for metric in metrics
                ],
            }
            for row in rows
        ],
    }

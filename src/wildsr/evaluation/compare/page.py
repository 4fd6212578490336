"""The comparison as one HTML file that needs nothing else."""

import base64
import json
import os
from html import escape
from importlib.resources import files

import numpy as np

from wildsr.evaluation.compare import QUESTION
from wildsr.evaluation.compare.trials import encoded
from wildsr.evaluation.compare.windows import Comparison
from wildsr.storage.atomic import write_text

_POLICY = (
    "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'"
)


def write_page(comparison: Comparison, path: str | os.PathLike[str], *, question: str = QUESTION) -> None:
    """Write the page. Names are encoded, images are in random order under numbers; no network is needed.

    Args:
        comparison: what to show.
        path: of the HTML file, which is replaced only when all of the new one is written.
        question: that judges are asked.

    Raises:
        OSError: the file cannot be written.
    """
    key = comparison.key
    order = np.random.default_rng([key.seed, 1]).permutation(len(comparison.windows))
    places = dict(zip(comparison.windows, order.tolist(), strict=True))
    images: list[bytes] = [b""] * len(places)
    for window, place in places.items():
        images[place] = comparison.windows[window]
    inputs = {}
    for image, content in comparison.inputs.items():
        inputs[image] = len(images)
        images.append(content)
    hidden = key.as_json() | {
        "shown": {f"{image},{contender}": place for (image, contender), place in places.items()},
        "inputs": inputs,
        "sizes": comparison.sizes,
    }
    data = {
        "id": comparison.identity,
        "seed": key.seed,
        "question": question,
        "key": encoded(hidden, key.seed),
        "images": [f"data:image/webp;base64,{base64.b64encode(one).decode('ascii')}" for one in images],
    }
    folder = files("wildsr.evaluation.compare")
    style, script, layout = (
        (folder / f"compare.{end}").read_text(encoding="utf-8") for end in ("css", "js", "html")
    )
    filled = {
        "policy": _POLICY,
        "title": "wildsr compare",
        "question": escape(question),
        "style": style,
        # Within a script element only "<" could end it or open a comment.
        "data": json.dumps(data, ensure_ascii=False).replace("<", "\\u003c"),
        "script": script,
    }
    parts = layout.split("@@")
    write_text(path, "".join(filled[part] if index % 2 else part for index, part in enumerate(parts)))

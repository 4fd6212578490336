"""The comparison as plain image files, one for each pair, with the key apart: for judges without a browser."""

import csv
import io
import json
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from wildsr.evaluation.compare import QUESTION
from wildsr.evaluation.compare.votes import key_beside
from wildsr.evaluation.compare.windows import Comparison, coded
from wildsr.storage.atomic import write_bytes, write_text

GAP = 16
"""Grey pixels between the two versions."""
_GREY = 128


def write_sheet(comparison: Comparison, folder: Path, *, question: str = QUESTION) -> Path:
    """Write ``pair-001.png`` and so on, ``answers.csv`` to fill in and ``README.txt``; return the path of the key.

    In each file the left version is left of a grey gap, pixel for pixel. The key is written beside the folder, so that
    the folder can be handed to judges as it is.

    Raises:
        ValueError: the folder is a file, or has anything in it.
        OSError: something cannot be written.
    """
    check_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    key = comparison.key
    digits = max(3, len(str(len(key.pairs))))
    answers = io.StringIO()
    rows = csv.writer(answers, lineterminator="\n")
    rows.writerow(["pair", "choice"])
    for number, pair in enumerate(key.pairs, start=1):
        left, right = (_levels(comparison.windows[pair.image, one]) for one in (pair.left, pair.right))
        gap = torch.full((1, 3, left.shape[2], GAP), _GREY, dtype=torch.uint8)
        name = f"pair-{number:0{digits}d}"
        write_bytes(folder / f"{name}.png", coded(torch.cat((left, gap, right), 3), "PNG"))
        rows.writerow([name, ""])
    write_text(folder / "answers.csv", answers.getvalue())
    write_text(folder / "README.txt", _readme(question, len(key.pairs), folder.name))
    target = key_beside(folder / "answers.csv")
    write_text(target, json.dumps(key.as_json(), indent=1, ensure_ascii=False) + "\n")
    return target


def check_folder(folder: Path) -> None:
    """Raise ``ValueError`` unless the folder is new or empty: old and new pairs must not mix."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(
            f"--sheet {folder} must be a new or an empty folder, so that old and new pairs do not mix"
        )


def _levels(content: bytes) -> Tensor:
    pixels = np.array(Image.open(BytesIO(content)).convert("RGB"))
    return torch.from_numpy(pixels).permute(2, 0, 1)[None]


def _readme(question: str, count: int, folder: str) -> str:
    return (
        f"{question}\n\n"
        f"Each of the {count} files pair-*.png shows one image in two versions, left and right of a grey gap,\n"
        "pixel for pixel. Which version is on which side changes at random. Look at both, enlarged as\n"
        "well, and write left, right or tie into the column choice of answers.csv, in the line of the\n"
        "pair. Lines may stay empty.\n\n"
        "The answers are counted, with the key that lies beside this folder, by:\n\n"
        f"    wildsr compare --tally {folder}/answers.csv\n"
    )

"""A made model of NRQM, in the form of the authors' file."""

from pathlib import Path
from typing import Any

import numpy as np

FEATURES = (18, 45, 75)
Tables = dict[str, Any]


def made_forest(rng: np.random.Generator, features: int, trees: int = 5, depth: int = 4) -> Tables:
    """Random trees as regRF_train describes them: tables (nodes, trees), numbers from 1, -1 for leaves."""
    nodes = 2 ** (depth + 1) + 3  # more than are used, as in the authors' file
    shape = (nodes, trees)
    tables: Tables = {
        "lDau": np.zeros(shape, dtype=np.int32),
        "rDau": np.zeros(shape, dtype=np.int32),
        "nodestatus": np.zeros(shape, dtype=np.int8),
        "nrnodes": np.int32(nodes),
        "upper": np.zeros(shape),
        "avnode": np.zeros(shape),
        "mbest": np.zeros(shape, dtype=np.int32),
        "ndtree": np.zeros((trees, 1), dtype=np.int32),
        "ntree": np.int32(trees),
        "coef": np.zeros((1, 2)),
    }
    for tree in range(trees):
        depths, node = [0], 0
        while node < len(depths):
            tables["avnode"][node, tree] = rng.normal(5, 2)
            if depths[node] < depth and (node == 0 or rng.random() < 0.8):
                tables["nodestatus"][node, tree] = -3
                tables["mbest"][node, tree] = rng.integers(features) + 1
                tables["upper"][node, tree] = rng.normal()
                tables["lDau"][node, tree], tables["rDau"][node, tree] = len(depths) + 1, len(depths) + 2
                depths += [depths[node] + 1] * 2
            else:
                tables["nodestatus"][node, tree] = -1
            node += 1
        tables["ndtree"][tree] = len(depths)
    return tables


def save_model(path: Path, forests: list[Tables], linear: Any = (-1.0, 0.5, 0.3, 0.4)) -> Path:
    """Write the variable ``model``: a structure with a cell array ``rf`` and the weights ``linear``."""
    from scipy.io import savemat

    cells = np.empty((len(forests), 1), dtype=object)
    cells[:, 0] = forests
    savemat(str(path), {"model": {"rf": cells, "linear": np.array(linear)[:, None]}})
    return path

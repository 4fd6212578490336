"""Random forests for regression (Breiman 2001), and the file of NRQM, with three of them.

The tables are those of the MATLAB package randomforest-matlab, with which NRQM was trained.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wildsr.storage.mat_file import read_mat

Array = np.ndarray[Any, np.dtype[Any]]

_LEAF = -1
_MOST_TREES, _MOST_NODES = 10_000, 100_000


@dataclass(frozen=True)
class Forest:
    """Regression trees as tables (trees, nodes); the first node of each is its root.

    Attributes:
        left, right: the number of the next node where the feature is at most the threshold, and where it is above.
        feature: the number of the feature.
        threshold: of the feature.
        leaf: whether the tree ends here.
        value: of the tree that ends here.
        correction: offset and factor that are applied to the mean of all trees.
    """

    left: Array
    right: Array
    feature: Array
    threshold: Array
    leaf: Array
    value: Array
    correction: tuple[float, float] = (0.0, 1.0)

    def __call__(self, features: Array) -> float:
        """The mean of all trees for features (F,)."""
        tree = np.arange(len(self.left))
        node = np.zeros(len(tree), dtype=np.int64)
        while not (ended := self.leaf[tree, node]).all():
            low = features[self.feature[tree, node]] <= self.threshold[tree, node]
            step = np.where(low, self.left[tree, node], self.right[tree, node])
            node = np.where(ended, node, step)
        offset, factor = self.correction
        return offset + factor * float(self.value[tree, node].mean())


def read_forests(path: Path, features: tuple[int, ...]) -> tuple[list[Forest], Array]:
    """Ma's model: a forest for each number of ``features``, and the weights of a constant and of their results.

    The file has one variable ``model``, with ``rf``, a cell array of the structures of regRF_train, and ``linear``, one
    weight more than forests. Of each structure these fields are read, as tables (nodes, trees) that count from 1:
    ``lDau`` and ``rDau``, the next nodes; ``nodestatus``, -1 for leaves; ``mbest``, the feature; ``upper``, the
    threshold; ``avnode``, the value. ``coef``, if not zero, has an offset and a factor for the result.

    Raises:
        ValueError: the file cannot be read, or has other content.
    """
    try:
        variables = read_mat(path)
        if "model" not in variables or variables["model"].size != 1:
            raise ValueError("there is no variable 'model'")
        model = _fields(variables["model"])
        linear = np.asarray(model["linear"], dtype=np.float64).ravel()
        cells = list(model["rf"].ravel())
        if len(cells) != len(features) or len(linear) != len(features) + 1 or not np.isfinite(linear).all():
            raise ValueError(f"{len(cells)} forests with {len(linear)} weights instead of {len(features)}")
        forests = [_forest(_fields(cell), count) for cell, count in zip(cells, features, strict=True)]
    except (ValueError, TypeError, KeyError, OSError) as error:
        reason = f"it lacks {error}" if isinstance(error, KeyError) else error
        raise ValueError(f"{path} does not hold the model of NRQM ({reason}); download it again") from error
    return forests, linear


def _fields(structure: Array) -> dict[str, Array]:
    """The fields of a single structure."""
    first = structure.ravel()[0] if structure.size == 1 else None
    if not isinstance(first, dict):
        raise ValueError("there is no structure where one is expected")
    return first


def _forest(fields: dict[str, Array], features: int) -> Forest:
    names = ("lDau", "rDau", "mbest", "upper", "nodestatus", "avnode")
    left, right, feature, threshold, status, value = (np.asarray(fields[name]).T for name in names)
    shapes = {table.shape for table in (left, right, feature, threshold, status, value)}
    if len(shapes) > 1 or left.ndim != 2 or not left.size:
        raise ValueError(f"tables of different sizes: {sorted(shapes)}")
    trees, nodes = left.shape
    if trees > _MOST_TREES or nodes > _MOST_NODES:
        raise ValueError(f"{trees} trees of {nodes} nodes are more than {_MOST_TREES} of {_MOST_NODES}")
    leaf = status.astype(np.int8) == _LEAF
    used = _used(left, right, leaf)
    inner = used & ~leaf
    if not (np.isfinite(value[used & leaf]).all() and np.isfinite(threshold[inner]).all()):
        raise ValueError("values that are not finite")
    if inner.any() and not ((feature[inner] >= 1) & (feature[inner] <= features)).all():
        raise ValueError(f"features other than 1 to {features}")
    return Forest(
        left=_from_zero(left, inner),
        right=_from_zero(right, inner),
        feature=_from_zero(feature, inner),
        threshold=threshold.astype(np.float64),
        leaf=leaf,
        value=value.astype(np.float64),
        correction=_correction(fields),
    )


def _from_zero(numbers: Array, inner: Array) -> Array:
    """Numbers from 0 instead of 1; 0 outside of ``inner``."""
    return np.where(inner, numbers, 1).astype(np.int32) - 1


def _used(left: Array, right: Array, leaf: Array) -> Array:
    """Which nodes are reached from the roots. Raises ValueError unless each leads to later ones."""
    trees, nodes = left.shape
    used = np.zeros((trees, nodes), dtype=bool)
    used[:, 0] = True
    rows = np.arange(trees)
    for node in range(nodes):
        inner = rows[used[:, node] & ~leaf[:, node]]
        for following in (left[inner, node].astype(np.int64) - 1, right[inner, node].astype(np.int64) - 1):
            if ((following <= node) | (following >= nodes)).any():
                raise ValueError("a node that does not lead to a later one")
            used[inner, following] = True
    return used


def _correction(fields: dict[str, Array]) -> tuple[float, float]:
    coefficients = np.asarray(fields.get("coef", ()), dtype=np.float64).ravel()
    if len(coefficients) == 2 and coefficients.any():
        return float(coefficients[0]), float(coefficients[1])
    return 0.0, 1.0

"""The definition of one architecture, and helpers that read sizes from the shapes of its weights."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor, nn

from wildsr.zoo.errors import ModelError
from wildsr.zoo.formats.h5 import KerasLayers
from wildsr.zoo.formats.ncnn import NcnnLayer
from wildsr.zoo.model import LARGEST_TILE

Weights = Mapping[str, Tensor]
_MOST_BLOCKS = 512


class KeyLayout(NamedTuple):
    """One naming of an architecture's weights.

    ``prefixes``: a file has this layout when each of them starts at least one of its keys. ``rename`` maps the
    weights to the names of our module; None where they are the same.
    """

    prefixes: tuple[str, ...]
    rename: Callable[[Weights], dict[str, Tensor]] | None = None

    def matches(self, weights: Weights) -> bool:
        """Whether a file with these keys has this layout."""
        return all(any(key.startswith(prefix) for key in weights) for prefix in self.prefixes)


@dataclass(frozen=True)
class Architecture:
    """How files of one architecture are recognised, and how its network is built from them.

    Attributes:
        name: in contracts, catalogue entries and the headers of model files.
        build: called with the result of ``sizes`` as keyword arguments; returns the network with new weights.
        layouts: the namings under which its weights are published.
        sizes: the arguments of ``build``, from the shapes of the weights under our names. Raises ModelError.
        projects: who publishes such files, for messages.
        value_range: the network works in [0, value_range].
        largest_overlap: upper bound of the default overlap of tiles in LR pixels, where a smaller one than the
            receptive field already keeps tiles within one 8-bit level; None: no bound.
        largest_tile: default side of the largest square tile in LR pixels, which memory limits.
        training_only: for networks without a contract, such as discriminators: what the network is; follows "it is".
        from_ncnn: our names for the weights of an ncnn graph, whose own names mean nothing; None for the graph of
            another architecture.
        from_keras: the same for the layers of a Keras file. Raises ValueError for layers in another order.
    """

    name: str
    build: Callable[..., nn.Module]
    layouts: tuple[KeyLayout, ...]
    sizes: Callable[[Weights], dict[str, int]]
    projects: str = ""
    value_range: float = 1.0
    largest_overlap: int | None = None
    largest_tile: int = LARGEST_TILE
    training_only: str | None = None
    from_ncnn: Callable[[Sequence[NcnnLayer]], dict[str, Tensor] | None] | None = None
    from_keras: Callable[[KerasLayers], dict[str, Tensor] | None] | None = None


def shape_of(weights: Weights, key: str, axes: int) -> tuple[int, ...]:
    """The shape of a weight with this number of axes, none of them empty. Raises ModelError otherwise."""
    if key not in weights:
        raise ModelError(
            f"the weight {key} is missing; the file is incomplete, or no model that wildsr knows"
        )
    shape = tuple(weights[key].shape)
    if len(shape) != axes or not all(shape):
        raise ModelError(f"the weight {key} has the impossible shape {shape}")
    return shape


def require_rgb_input(channels: int) -> None:
    """Raise ModelError for a network whose input is not RGB."""
    if channels != 3:
        raise ModelError(f"it takes {channels} input channels; wildsr works on RGB")


def require_rgb_output(channels: int) -> None:
    """Raise ModelError for a network whose output is not RGB."""
    if channels != 3:
        raise ModelError(f"it gives {channels} output channels; wildsr works on RGB")


def pixel_shuffle_scale(channels: int) -> int:
    """The scale of a network whose last layer is a pixel shuffle of ``channels`` channels to RGB."""
    scale = math.isqrt(channels // 3)
    if scale < 1 or channels != 3 * scale**2:
        raise ModelError(
            f"its last convolution has {channels} channels, which no scale gives for RGB (3, 12, 27, 48)"
        )
    return scale


def count(keys: Iterable[str], prefix: str) -> int:
    """The number of different indices that follow ``prefix`` in the keys.

    Raises ModelError above 512, since a file with empty weights for very many blocks would take very long to build.
    """
    indices = {key[len(prefix) :].split(".")[0] for key in keys if key.startswith(prefix)}
    if len(indices) > _MOST_BLOCKS:
        raise ModelError(f"it has {len(indices)} blocks or layers; wildsr builds at most {_MOST_BLOCKS}")
    return len(indices)


def renamed(weights: Weights, rename_layer: Callable[[str], str]) -> dict[str, Tensor]:
    """The weights with the layer part of every key (all before the last dot) mapped by ``rename_layer``."""
    result = {}
    for key, value in weights.items():
        layer, dot, kind = key.rpartition(".")
        result[rename_layer(layer) + dot + kind] = value
    return result


def flat(layers: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Weights by layer and kind as one mapping with keys ``layer.kind``."""
    return {f"{layer}.{kind}": value for layer, held in layers.items() for kind, value in held.items()}

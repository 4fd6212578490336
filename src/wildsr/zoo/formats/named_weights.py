"""The named tensors of a model file."""

from typing import NamedTuple

from torch import Tensor

_PREFIXES = ("module.", "_orig_mod.")


class NamedWeights(NamedTuple):
    """The tensors of a model file by name, and the metadata of its header."""

    tensors: dict[str, Tensor]
    metadata: dict[str, str]


def unprefixed(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors without the prefixes that DataParallel and torch.compile add to every name."""
    stripped = True
    while stripped:
        stripped = False
        for prefix in _PREFIXES:
            if tensors and all(key.startswith(prefix) for key in tensors):
                tensors = {key.removeprefix(prefix): value for key, value in tensors.items()}
                stripped = True
    return tensors

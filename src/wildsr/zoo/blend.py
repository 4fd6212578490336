"""Network interpolation: blends two models weight by weight (ESRGAN, Wang et al., 2018, section 3.4)."""

from copy import deepcopy
from dataclasses import replace

import torch

from wildsr.zoo.errors import ModelError
from wildsr.zoo.model import Model


def blend(first: Model, second: Model, share: float) -> Model:
    """The linear interpolation of two models: ``first`` at share 0, ``second`` at share 1.

    The result is as fast as one of them. This makes sense where one was fine-tuned from the other, such as
    ``wildsr-compact-x4`` from ``wildsr-faithful-x4``.

    Raises:
        ModelError: for networks of different architectures or sizes, or ones whose weights wildsr does not know.
        ValueError: for a share outside 0 to 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share is {share}; it goes from 0 (the first model) to 1 (the second)")
    one, other = first.contract, second.contract
    weights, goals = first.network.state_dict(), second.network.state_dict()
    same = one.architecture == other.architecture and one.sizes == other.sizes
    if not same or not weights or weights.keys() != goals.keys():
        raise ModelError(
            f"{_described(first)} and {_described(second)} cannot be blended: only two models of the same architecture "
            "and sizes can"
        )
    network = deepcopy(first.network)
    network.load_state_dict(
        {
            key: torch.lerp(value, goals[key], share) if value.is_floating_point() else value
            for key, value in weights.items()
        }
    )
    name = f"{one.name}+{other.name}"
    source = f"{share:g} of {other.name}, {1 - share:g} of {one.name}"
    trained_on = tuple(dict.fromkeys((*one.trained_on, *other.trained_on)))
    return Model(network, replace(one, name=name, source=source, sha256=None, trained_on=trained_on))


def _described(model: Model) -> str:
    contract = model.contract
    sizes = ", ".join(f"{name}={value}" for name, value in contract.sizes.items())
    return f"{contract.name} ({contract.architecture}{f' with {sizes}' if sizes else ''})"

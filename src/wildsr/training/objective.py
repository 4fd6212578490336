"""The interface between a method and the training loop: named networks, and turns that return named losses."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor, nn

Batch = dict[str, Tensor]
"""Images (B, 3, H, W) in [0, 1] by role: ``lr``, ``hr``, ``source``, ``lr_real``.

A turn may add generated images (``sr``) for the turns after it.
"""

Losses = dict[str, dict[str, Tensor]]
"""Weighted scalar losses by name, for each network that is updated by them."""


@dataclass(frozen=True)
class Turn:
    """One part of a training step: its losses, after which the networks that they name are updated together.

    Each network gets the gradient of the sum of its own losses only. All gradients of a turn are taken at the weights
    before it.
    """

    name: str
    losses: Callable[[Batch], Losses]


class Objective(Protocol):
    """A method: which networks are trained, in which order, on which losses."""

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        """The networks that are trained, by name; each has its own optimizer and schedule."""
        ...

    @property
    def result(self) -> str:
        """Name of the network that becomes the model: it is averaged (EMA), validated and exported."""
        ...

    def turns(self, step: int) -> Sequence[Turn]:
        """The turns of step ``step``, counted from zero, in their order."""
        ...

    def to_device(self, device: str) -> None:
        """Move what is not trained (feature networks) to the device of the training."""
        ...

"""What the training loop knows of a method: networks with names, and turns that return named losses."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor, nn

Batch = dict[str, Tensor]
"""ImageSet (B, 3, H, W) in [0, 1] by their role: ``lr``, ``hr``, ``source``, ``lr_real``. A turn may add what it made
(``sr``) for the turns after it."""

Losses = dict[str, dict[str, Tensor]]
"""Weighted scalar losses by name, for each network that they are to change."""


@dataclass(frozen=True)
class Turn:
    """One part of a training step: its losses, after which the networks they name are updated together.

    Each network gets the gradient of the sum of its own losses only, and all gradients of a turn belong to the weights
    before it.
    """

    name: str
    losses: Callable[[Batch], Losses]


class Objective(Protocol):
    """A method: RealSR's, RWSR-EDL's, DSGAN's ... What is trained, in which order, on which losses."""

    @property
    def networks(self) -> Mapping[str, nn.Module]:
        """The networks that are trained, by name; each has its own optimizer and schedule."""
        ...

    @property
    def result(self) -> str:
        """Name of the network that the run is for: it is averaged (EMA), validated and written as a Model."""
        ...

    @property
    def by_products(self) -> Sequence[str]:
        """Names of further networks that are of use on their own: each is written too, as it is, not averaged."""
        ...

    def turns(self, step: int) -> Sequence[Turn]:
        """What is done in training step ``step``, counted from zero, in this order."""
        ...

    def to_device(self, device: str) -> None:
        """Move what is not trained (feature networks, filters) where the training takes place."""
        ...

"""Building blocks of the objectives: weighted losses by name, and images of a batch by role."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from wildsr.training.errors import TrainingError
from wildsr.training.objective import Batch

ImageLoss = Callable[[Tensor, Tensor], Tensor]
"""A scalar loss of generated and reference images, both (B, C, H, W), in this order."""

_GIVEN_BY = {
    "lr": "paired data, or HR images with a degradation, give it",
    "hr": "paired data, or HR images with a degradation, give it",
    "source": "unpaired data, with images of the source domain, give it",
    "lr_real": "unpaired data, with real LR images as second input, give it",
}


@dataclass(frozen=True)
class Term:
    """A loss and its weight."""

    weight: float
    loss: ImageLoss


Terms = Mapping[str, Term]


@dataclass(frozen=True)
class Teacher:
    """Losses against targets that are made of LR and HR images with the help of another model."""

    target: Callable[[Tensor, Tensor], Tensor]
    terms: Terms

    def losses(self, sr: Tensor, lr: Tensor, hr: Tensor) -> dict[str, Tensor]:
        """The weighted losses, with ``teacher-`` in front of their names."""
        losses = weighted(self.terms, sr, self.target(lr, hr))
        return {f"teacher-{name}": loss for name, loss in losses.items()}

    def to_device(self, device: str) -> None:
        """Move the other model, and the feature networks of the losses."""
        move_losses((self.target, *(term.loss for term in self.terms.values())), device)


def weighted(terms: Terms, sr: Tensor, hr: Tensor) -> dict[str, Tensor]:
    """The losses of ``sr`` against ``hr``, times their weights, by name; those of weight 0 are left out."""
    return {name: term.weight * term.loss(sr, hr) for name, term in terms.items() if term.weight}


def move_losses(losses: Iterable[object], device: str) -> None:
    """Move losses that are modules, such as perceptual losses, to a device."""
    for loss in losses:
        if isinstance(loss, nn.Module):
            loss.to(device)


def image(batch: Batch, role: str) -> Tensor:
    """The images of a batch with a role, such as ``lr``.

    Raises:
        TrainingError: the batch has none.
    """
    if role not in batch:
        has = ", ".join(sorted(batch)) or "nothing"
        raise TrainingError(
            f'this method trains on "{role}", which the data lacks (it has {has}): {_GIVEN_BY[role]}'
        )
    return batch[role]

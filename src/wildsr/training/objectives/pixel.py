"""Trains one network on losses against reference images."""

from collections.abc import Sequence

from torch import nn

from wildsr.training.objective import Batch, Losses, Turn
from wildsr.training.objectives.terms import Teacher, Terms, image, move_losses, weighted


class PixelObjective:
    """A ``generator`` from ``lr`` to ``hr`` on the sum of named losses: RRDB-PSNR, BSRNet, Real-ESRNet, SRResDNet.

    Batches hold ``lr`` and ``hr``; the turn leaves the generated images in ``sr``.

    Raises:
        ValueError: when no term has a weight, and there is no teacher.
    """

    result = "generator"

    def __init__(self, generator: nn.Module, terms: Terms, teacher: Teacher | None = None) -> None:
        if teacher is None and not any(term.weight for term in terms.values()):
            raise ValueError("a network cannot be trained without a loss: no term has a weight")
        self.networks = {"generator": generator}
        self.terms = dict(terms)
        self.teacher = teacher

    def turns(self, step: int) -> Sequence[Turn]:
        """One turn, the same in every step."""
        del step
        return (Turn("generator", self._losses),)

    def to_device(self, device: str) -> None:
        """Move the feature networks of the losses."""
        move_losses((term.loss for term in self.terms.values()), device)
        if self.teacher is not None:
            self.teacher.to_device(device)

    def _losses(self, batch: Batch) -> Losses:
        lr, hr = image(batch, "lr"), image(batch, "hr")
        sr = self.networks["generator"](lr)
        batch["sr"] = sr.detach()
        losses = weighted(self.terms, sr, hr)
        if self.teacher is not None:
            losses |= self.teacher.losses(sr, lr, hr)
        return {"generator": losses}

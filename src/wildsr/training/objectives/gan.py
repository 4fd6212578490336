"""Generator and discriminator in turn: RealSR, ESRGAN, ESRGAN-FS, BSRGAN, Real-ESRGAN."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from wildsr.losses.adversarial import Adversary
from wildsr.losses.gradient_penalty import between, gradient_penalty
from wildsr.training.objective import Batch, Losses, Turn
from wildsr.training.objectives.terms import Terms, image, move_losses, weighted


@dataclass(frozen=True)
class Contest:
    """How generator and discriminator are set against each other.

    Attributes:
        adversary: what they make of scores.
        weight: of the adversarial loss among the generator's.
        seen: what the discriminator sees of images, such as the high frequencies alone
            (``LowPass(9).rest``: ESRGAN-FS, SRResCGAN); None for the images as they are.
        generator_every: the generator is updated in every so many-th step, the discriminator in all.
        generator_after: steps in the beginning in which only the discriminator is updated.
        penalty: weight of the gradient penalty at random points between real and generated images, 10 for WGAN-GP;
            0 for none. The points depend on ``seed`` and the step.
        seed: of the gradient penalty's points.
    """

    adversary: Adversary
    weight: float
    seen: Callable[[Tensor], Tensor] | None = None
    generator_every: int = 1
    generator_after: int = 0
    penalty: float = 0.0
    seed: int = 0


class GanObjective:
    """A ``generator`` from ``lr`` to ``hr`` and a ``discriminator`` of its images.

    A step updates the generator, then the discriminator on the same generated images. Where a batch holds
    ``hr_reference``, the discriminator takes that for real instead of ``hr`` (Real-ESRGAN sharpens ``hr``).
    The generated images, without gradients, are left in ``sr``.
    """

    result = "generator"
    by_products = ()

    def __init__(
        self, generator: nn.Module, discriminator: nn.Module, terms: Terms, contest: Contest
    ) -> None:
        self.networks = {"generator": generator, "discriminator": discriminator}
        self.terms = dict(terms)
        self.contest = contest

    def turns(self, step: int) -> Sequence[Turn]:
        """The generator's turn, where it has one in this step, then the discriminator's."""
        random = np.random.default_rng([self.contest.seed, step])
        turns = [Turn("discriminator", partial(self._discriminator_turn, random=random))]
        # The originals count their steps from one.
        number = step + 1
        if number > self.contest.generator_after and number % self.contest.generator_every == 0:
            turns.insert(0, Turn("generator", self._generator_turn))
        return turns

    def to_device(self, device: str) -> None:
        """Move the feature networks of the losses."""
        move_losses((term.loss for term in self.terms.values()), device)

    def generate(self, batch: Batch) -> Tensor:
        """What the generator makes of ``lr``."""
        sr: Tensor = self.networks["generator"](image(batch, "lr"))
        return sr

    def generator_losses(self, batch: Batch) -> dict[str, Tensor]:
        """The generator's weighted losses; leaves its images in ``sr``."""
        hr = image(batch, "hr")
        sr = self.generate(batch)
        batch["sr"] = sr.detach()
        return weighted(self.terms, sr, hr) | {"adversarial": self.adversarial(sr, batch)}

    def adversarial(self, fake: Tensor, batch: Batch) -> Tensor:
        """The generator's weighted adversarial loss for its images."""
        contest = self.contest
        if contest.adversary.relative_to is None:
            return contest.weight * contest.adversary.generator(self._scores(fake))
        # A pass in training moves the discriminator's statistics, hence the order matters: BSRGAN's code begins with
        # the real images, the others with the generated ones.
        if contest.adversary.relative_to == "batch":
            real, scores = self._scores_only(_real(batch)), self._scores(fake)
        else:
            scores, real = self._scores(fake), self._scores_only(_real(batch))
        return contest.weight * contest.adversary.generator(scores, real)

    def _generator_turn(self, batch: Batch) -> Losses:
        return {"generator": self.generator_losses(batch)}

    def _discriminator_turn(self, batch: Batch, random: np.random.Generator) -> Losses:
        if "sr" not in batch:
            with torch.no_grad():
                batch["sr"] = self.generate(batch)
        real, fake = _real(batch), batch["sr"]
        losses = self._judgements(real, fake)
        if self.contest.penalty:
            fraction = torch.from_numpy(random.random((len(real), 1, 1, 1))).to(real)
            at = between(real, fake, fraction)
            losses["penalty"] = self.contest.penalty * gradient_penalty(self._scores, at, per="image")
        return {"discriminator": losses}

    def _judgements(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        term = self.contest.adversary.term
        if self.contest.adversary.relative_to == "batch":
            # BSRGAN's code: each side moves only its own scores, and a first pass gives the others to compare with.
            others = self._scores_only(fake)
            scores = self._scores(real)
            first = term(scores, others, real=True)
            return {"real": first, "fake": term(self._scores(fake), scores.detach(), real=False)}
        scores, others = self._scores(real), self._scores(fake)
        return {"real": term(scores, others, real=True), "fake": term(others, scores, real=False)}

    def _scores(self, images: Tensor) -> Tensor:
        seen = images if self.contest.seen is None else self.contest.seen(images)
        scores: Tensor = self.networks["discriminator"](seen)
        return scores

    def _scores_only(self, images: Tensor) -> Tensor:
        with torch.no_grad():
            return self._scores(images)


def _real(batch: Batch) -> Tensor:
    return batch["hr_reference"] if "hr_reference" in batch else image(batch, "hr")

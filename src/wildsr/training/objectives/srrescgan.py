"""SRResCGAN's training: images in [0, 255], mixup, and a discriminator of high frequencies."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn

from wildsr.training.objective import Batch, Losses, Turn
from wildsr.training.objectives.gan import AdversarialLoss, GanObjective
from wildsr.training.objectives.terms import Terms, image

LEVELS = 255.0


@dataclass(frozen=True)
class Mixup:
    """Mixup: weighted sums of two samples (Zhang et al., 2018).

    With ``probability``, a batch is replaced by the weighted sum of itself and a shuffled copy of itself, the same for
    LR and HR; the weight is sampled from Beta(``alpha``, ``alpha``).
    """

    alpha: float = 1.2
    probability: float = 0.5


class SRResCGANObjective(GanObjective):
    """As :class:`wildsr.training.objectives.gan.GanObjective`, with everything in [0, 255].

    Batches are in [0, 1], as everywhere; networks and losses (including perceptual ones) get 255 times that, and so is
    ``sr``, which a step leaves in the batch. ``mixup`` depends on the seed of the adversarial loss and the step.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        terms: Terms,
        adversarial: AdversarialLoss,
        mixup: Mixup | None = None,
    ) -> None:
        super().__init__(generator, discriminator, terms, adversarial)
        self.mixup = mixup

    def turns(self, step: int) -> Sequence[Turn]:
        """The turns of a GAN, the first of which scales and mixes the batch."""
        first, *others = super().turns(step)
        random = np.random.default_rng([self.adversarial.seed, step, 1])  # not those of the gradient penalty

        def losses(batch: Batch) -> Losses:
            self._prepare(batch, random)
            return first.losses(batch)

        return [replace(first, losses=losses), *others]

    def _prepare(self, batch: Batch, random: np.random.Generator) -> None:
        roles = [role for role in ("lr", "hr", "hr_reference") if role in batch]
        count = len(image(batch, "lr"))
        for role in roles:
            batch[role] = batch[role] * LEVELS
        if self.mixup is None or random.random() >= self.mixup.probability:
            return
        share = random.beta(self.mixup.alpha, self.mixup.alpha)
        order = torch.from_numpy(random.permutation(count)).to(batch["lr"].device)
        for role in roles:
            batch[role] = share * batch[role] + (1 - share) * batch[role][order]

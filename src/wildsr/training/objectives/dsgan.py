"""DSGAN: a generator that gives clean LR images the look of a source domain (Fritsche et al., 2019, section 3)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from wildsr.losses.adversarial import Adversary, probability_judgement
from wildsr.losses.gradient_penalty import between, gradient_penalty
from wildsr.networks.dsgan import DSGANDiscriminator
from wildsr.training.objective import Batch, Losses, Turn
from wildsr.training.objectives.terms import Terms, image, move_losses, weighted

_WASSERSTEIN = Adversary("wgan")


class DSGANObjective:
    """``lr``, clean LR images, become like ``source``, images of the source domain that do not belong to them.

    A step updates the discriminator, then the generator. The original takes the generator's gradient through the
    updated discriminator, but with the activations from before (PyTorch up to 1.4 let that pass); so does ``through``
    "updated", at the cost of one more pass of the discriminator. "before" takes the gradient at the weights before the
    step.

    Args:
        generator: LR images to LR images.
        discriminator: when its scores are logits instead of probabilities, the GAN is a Wasserstein GAN.
        terms: losses of the generated images against ``lr``: colour and perceptual.
        texture: weight of the adversarial loss.
        relativistic: judge images relative to the mean of the other side in the batch.
        penalty: weight of the gradient penalty of a Wasserstein GAN, at one random point between the real and the
            generated batch, which depends on ``seed`` and the step.
        generator_every: the generator is updated in every so many-th step.
        discriminator_every: the discriminator likewise.
        through: see above.
        seed: of the gradient penalty.
    """

    result = "generator"
    by_products = ()

    def __init__(
        self,
        generator: nn.Module,
        discriminator: DSGANDiscriminator,
        terms: Terms,
        texture: float = 0.005,
        *,
        relativistic: bool = False,
        penalty: float = 10.0,
        generator_every: int = 1,
        discriminator_every: int = 1,
        through: Literal["updated", "before"] = "updated",
        seed: int = 0,
    ) -> None:
        self.networks = {"generator": generator, "discriminator": discriminator}
        self.discriminator = discriminator
        self.terms, self.texture = dict(terms), texture
        self.relativistic, self.penalty = relativistic, penalty
        self.generator_every, self.discriminator_every = generator_every, discriminator_every
        self.through, self.seed = through, seed

    def turns(self, step: int) -> Sequence[Turn]:
        """The discriminator's turn and the generator's, or one turn for both, as far as this step has them."""
        fraction = np.random.default_rng([self.seed, step]).random()
        generates = (step + 1) % self.generator_every == 0
        judges = (step + 1) % self.discriminator_every == 0
        if generates and judges and self.through == "before":
            return (Turn("both", partial(self._both, fraction=fraction)),)
        turns = []
        if judges:
            judge = partial(self._discriminator_turn, fraction=fraction, generates=generates)
            turns.append(Turn("discriminator", judge))
        if generates:
            turns.append(Turn("generator", self._generator_turn))
        return turns

    def to_device(self, device: str) -> None:
        """Move the feature networks of the losses."""
        move_losses((term.loss for term in self.terms.values()), device)

    def _both(self, batch: Batch, fraction: float) -> Losses:
        real, fake = image(batch, "source"), self._generate(batch)
        scores = self._scores(real, fake), self._scores(fake, real)
        return {
            "discriminator": self._judgements(scores, real, fake, fraction),
            "generator": self._generator_losses(batch, fake, scores[1]),
        }

    def _discriminator_turn(self, batch: Batch, fraction: float, generates: bool) -> Losses:
        real = image(batch, "source")
        with torch.set_grad_enabled(generates):
            fake = self._generate(batch)
        given = fake.detach()
        losses = self._judgements(
            (self._scores(real, given), self._scores(given, real)), real, given, fraction
        )
        if generates:
            with _batch_statistics_kept(self.discriminator), _weights_as_they_will_be(self.discriminator):
                batch["fake"], batch["judged"] = fake, self._scores(fake.to(real), real)
        return {"discriminator": losses}

    def _generator_turn(self, batch: Batch) -> Losses:
        if "judged" in batch:
            fake, scores = batch.pop("fake"), batch.pop("judged")
        else:
            fake = self._generate(batch)
            scores = self._scores(fake, image(batch, "source"))
        return {"generator": self._generator_losses(batch, fake, scores)}

    def _generate(self, batch: Batch) -> Tensor:
        fake: Tensor = self.networks["generator"](image(batch, "lr"))
        batch["sr"] = fake.detach()
        return fake

    def _scores(self, images: Tensor, others: Tensor) -> Tensor:
        scores: Tensor = self.discriminator(images, others if self.relativistic else None)
        return scores

    def _generator_losses(self, batch: Batch, fake: Tensor, scores: Tensor) -> dict[str, Tensor]:
        losses = weighted(self.terms, fake, image(batch, "lr"))
        return losses | {"texture": self.texture * self._judgement(scores, real=True)}

    def _judgements(
        self, scores: tuple[Tensor, Tensor], real: Tensor, fake: Tensor, fraction: float
    ) -> dict[str, Tensor]:
        losses = {"real": self._judgement(scores[0], True), "fake": self._judgement(scores[1], False)}
        if not self.discriminator.probabilities and self.penalty:
            at = between(real, fake, fraction)
            losses["penalty"] = self.penalty * gradient_penalty(self.discriminator, at, per="batch")
        return losses

    def _judgement(self, scores: Tensor, real: bool) -> Tensor:
        if self.discriminator.probabilities:
            return probability_judgement(scores, real)
        return _WASSERSTEIN.term(scores, None, real)


@contextmanager
def _batch_statistics_kept(network: nn.Module) -> Iterator[None]:
    """Let passes in training leave the running statistics alone."""
    norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    before = [norm.track_running_stats for norm in norms]
    try:
        for norm in norms:
            norm.track_running_stats = False
        yield
    finally:
        for norm, tracked in zip(norms, before, strict=True):
            norm.track_running_stats = tracked


@contextmanager
def _weights_as_they_will_be(network: nn.Module) -> Iterator[None]:
    """Let the backward pass of what is computed here use the weights that ``network`` has then, not those it has now.

    Without mixed precision, which would keep copies of the weights.
    """
    weights = {weight.data_ptr(): weight for weight in network.parameters()}

    def remember(saved: Tensor) -> Tensor | nn.Parameter:
        weight = weights.get(saved.data_ptr())
        return saved if weight is None or weight.shape != saved.shape else weight

    def recall(remembered: Tensor) -> Tensor:
        return remembered.detach()

    device = next(network.parameters()).device.type
    hooks = torch.autograd.graph.saved_tensors_hooks(remember, recall)
    with hooks, torch.autocast(device, enabled=False):
        yield

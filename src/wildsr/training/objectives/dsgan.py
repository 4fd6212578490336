"""DSGAN: a generator that gives clean LR images the look of a source domain (Fritsche et al., 2019, section 3)."""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from wildsr.losses.adversarial import GanLoss, probability_gan_loss
from wildsr.losses.penalties import between, gradient_penalty
from wildsr.networks.dsgan import DSGANDiscriminator
from wildsr.training.objective import Batch, Losses, Turn
from wildsr.training.objectives.terms import Terms, image, move_losses, weighted

_WASSERSTEIN = GanLoss("wgan")


class DSGANObjective:
    """Gives ``lr``, clean LR images, the look of ``source``, unrelated images of the source domain.

    A step updates the discriminator, then the generator. The original takes the generator's gradient through the
    updated discriminator, but with the activations from before the update (PyTorch up to 1.4 allowed that); so does
    ``through`` "updated", at the cost of one more pass of the discriminator. "before" takes the gradient at the weights
    before the step.

    Args:
        generator: LR images to LR images.
        discriminator: if its outputs are logits instead of probabilities, the GAN is a Wasserstein GAN.
        terms: losses of the generated images against ``lr``: colour and perceptual.
        texture: weight of the adversarial loss.
        relativistic: the discriminator compares images with the mean of the other kind in the batch.
        penalty: weight of the gradient penalty of a Wasserstein GAN, at one random point between the real and the
            generated batch, which depends on ``seed`` and the step.
        generator_every: the generator is updated in every n-th step.
        discriminator_every: the discriminator likewise.
        through: see above.
        seed: for the gradient penalty.
    """

    result = "generator"

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
        discriminates = (step + 1) % self.discriminator_every == 0
        if generates and discriminates and self.through == "before":
            return (Turn("both", partial(self._both, fraction=fraction)),)
        # Generated images with the outputs for them, from the discriminator's turn for the generator's: one entry for
        # each part of the batch, in the order in which both turns go through the parts.
        generated: deque[_Generated] = deque()
        turns = []
        if discriminates:
            handed_on = generated if generates else None
            turn = partial(self._discriminator_turn, fraction=fraction, handed_on=handed_on)
            turns.append(Turn("discriminator", turn))
        if generates:
            turns.append(Turn("generator", partial(self._generator_turn, generated=generated)))
        return turns

    def to_device(self, device: str) -> None:
        """Move the feature networks of the losses."""
        move_losses((term.loss for term in self.terms.values()), device)

    def _both(self, batch: Batch, fraction: float) -> Losses:
        real, fake = image(batch, "source"), self._generate(batch)
        outputs = self._outputs(real, fake), self._outputs(fake, real)
        return {
            "discriminator": self._discriminator_losses(outputs, real, fake, fraction),
            "generator": self._generator_losses(batch, _Generated(fake, outputs[1])),
        }

    def _discriminator_turn(
        self, batch: Batch, fraction: float, handed_on: "deque[_Generated] | None"
    ) -> Losses:
        real = image(batch, "source")
        with torch.set_grad_enabled(handed_on is not None):
            fake = self._generate(batch)
        detached = fake.detach()
        outputs = self._outputs(real, detached), self._outputs(detached, real)
        losses = self._discriminator_losses(outputs, real, detached, fraction)
        if handed_on is not None:
            with _batch_statistics_kept(self.discriminator), _weights_at_backward(self.discriminator):
                handed_on.append(_Generated(fake, self._outputs(fake.to(real), real)))
        return {"discriminator": losses}

    def _generator_turn(self, batch: Batch, generated: "deque[_Generated]") -> Losses:
        if generated:
            return {"generator": self._generator_losses(batch, generated.popleft())}
        fake = self._generate(batch)
        outputs = self._outputs(fake, image(batch, "source"))
        return {"generator": self._generator_losses(batch, _Generated(fake, outputs))}

    def _generate(self, batch: Batch) -> Tensor:
        fake: Tensor = self.networks["generator"](image(batch, "lr"))
        return fake

    def _outputs(self, images: Tensor, others: Tensor) -> Tensor:
        outputs: Tensor = self.discriminator(images, others if self.relativistic else None)
        return outputs

    def _generator_losses(self, batch: Batch, generated: "_Generated") -> dict[str, Tensor]:
        losses = weighted(self.terms, generated.images, image(batch, "lr"))
        return losses | {"texture": self.texture * self._gan_loss(generated.outputs, real=True)}

    def _discriminator_losses(
        self, outputs: tuple[Tensor, Tensor], real: Tensor, fake: Tensor, fraction: float
    ) -> dict[str, Tensor]:
        losses = {"real": self._gan_loss(outputs[0], True), "fake": self._gan_loss(outputs[1], False)}
        if not self.discriminator.probabilities and self.penalty:
            at = between(real, fake, fraction)
            losses["penalty"] = self.penalty * gradient_penalty(self.discriminator, at, per="batch")
        return losses

    def _gan_loss(self, outputs: Tensor, real: bool) -> Tensor:
        if self.discriminator.probabilities:
            return probability_gan_loss(outputs, real)
        return _WASSERSTEIN.term(outputs, None, real)


class _Generated(NamedTuple):
    """Generated images with gradients, and the discriminator's outputs for them."""

    images: Tensor
    outputs: Tensor


@contextmanager
def _batch_statistics_kept(network: nn.Module) -> Iterator[None]:
    """Passes in training mode do not update the running statistics of batch norm."""
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
def _weights_at_backward(network: nn.Module) -> Iterator[None]:
    """Backward passes of this block use the weights that ``network`` has when they run, not those of the forward pass.

    Without mixed precision, which would save copies of the weights.
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

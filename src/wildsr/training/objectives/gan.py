"""Generator and discriminator in turn: RealSR, ESRGAN, ESRGAN-FS, BSRGAN, Real-ESRGAN."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wildsr.losses.adversarial import GanLoss
from wildsr.losses.penalties import between, gradient_penalty
from wildsr.training.errors import TrainingError
from wildsr.training.objective import Batch, Losses, Turn
from wildsr.training.objectives.terms import Teacher, Terms, image, move_losses, weighted


@dataclass(frozen=True)
class AdversarialLoss:
    """Adversarial loss of a generator and its discriminator.

    Attributes:
        loss: computed on discriminator outputs.
        weight: of the adversarial loss in the generator's sum.
        view: applied to images before the discriminator sees them, such as a high-pass filter
            (``LowPass(9).rest``: ESRGAN-FS, SRResCGAN); None for the images as they are.
        generator_every: the generator is updated in every n-th step, the discriminator in all.
        generator_after: number of first steps in which only the discriminator is updated.
        penalty: weight of the gradient penalty at random points between real and generated images, 10 for WGAN-GP;
            0 for none. The points depend on ``seed`` and the step.
        seed: for the points of the gradient penalty.
        conditional: the discriminator also sees the LR images, enlarged, as further channels; see :meth:`seen`.
        jitter: number of rows and columns cropped from the discriminator's inputs; a random part of them, from
            PyTorch's default generator, is cropped at the top and left; see :meth:`seen`.
    """

    loss: GanLoss
    weight: float
    view: Callable[[Tensor], Tensor] | None = None
    generator_every: int = 1
    generator_after: int = 0
    penalty: float = 0.0
    seed: int = 0
    jitter: int = 0
    conditional: bool = False

    def seen(self, images: Tensor, lr: Tensor | None = None) -> Tensor:
        """Discriminator inputs for images (B, C, H, W), and the LR images (B, C, h, w) if it is conditional.

        With the LR image it can tell detail that contradicts the input from detail that is merely plausible; the view
        is not applied to that.

        The gradient through strided convolutions has a pattern of the period of their strides. A generator that ends in
        a pixel shuffle of the same period learns that pattern as a grid, unless it is shifted at random.
        """
        if self.jitter >= min(images.shape[-2:]):
            raise TrainingError(
                f"a jitter of {self.jitter} leaves nothing of patches of {tuple(images.shape[-2:])} pixels"
            )
        height, width = (side - self.jitter for side in images.shape[-2:])
        top, left = torch.randint(self.jitter + 1, (2,)).tolist() if self.jitter else (0, 0)
        part = (..., slice(top, top + height), slice(left, left + width))
        inputs = images[part] if self.view is None else self.view(images[part])
        if lr is None or not self.conditional:
            return inputs
        enlarged = F.interpolate(lr, images.shape[-2:], mode="bilinear", align_corners=False)
        return torch.cat([inputs, enlarged[part].to(inputs)], dim=1)


class GanObjective:
    """A ``generator`` from ``lr`` to ``hr``, and a ``discriminator`` of HR images.

    A step updates the generator, then the discriminator on the same generated images. If a batch holds
    ``hr_reference``, the discriminator is trained on that instead of ``hr`` (Real-ESRGAN sharpens ``hr``).
    The generated images, detached, are left in ``sr``.
    """

    result = "generator"

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        terms: Terms,
        adversarial: AdversarialLoss,
        teacher: Teacher | None = None,
    ) -> None:
        self.networks = {"generator": generator, "discriminator": discriminator}
        self.terms = dict(terms)
        self.adversarial = adversarial
        self.teacher = teacher

    def turns(self, step: int) -> Sequence[Turn]:
        """The generator's turn, if it has one in this step, then the discriminator's."""
        random = np.random.default_rng([self.adversarial.seed, step])
        turns = [Turn("discriminator", partial(self._discriminator_turn, random=random))]
        # The originals count their steps from one.
        number = step + 1
        if number > self.adversarial.generator_after and number % self.adversarial.generator_every == 0:
            turns.insert(0, Turn("generator", self._generator_turn))
        return turns

    def to_device(self, device: str) -> None:
        """Move the feature networks of the losses."""
        move_losses((term.loss for term in self.terms.values()), device)
        if self.teacher is not None:
            self.teacher.to_device(device)

    def generate(self, batch: Batch) -> Tensor:
        """The generator's output for ``lr``."""
        sr: Tensor = self.networks["generator"](image(batch, "lr"))
        return sr

    def generator_losses(self, batch: Batch) -> dict[str, Tensor]:
        """The generator's weighted losses; leaves its images in ``sr``."""
        hr = image(batch, "hr")
        sr = self.generate(batch)
        batch["sr"] = sr.detach()
        losses = weighted(self.terms, sr, hr)
        if self.teacher is not None:
            losses |= self.teacher.losses(sr, image(batch, "lr"), hr)
        return losses | {"adversarial": self.adversarial_loss(sr, batch)}

    def adversarial_loss(self, fake: Tensor, batch: Batch) -> Tensor:
        """The generator's weighted adversarial loss for its images."""
        loss, weight = self.adversarial.loss, self.adversarial.weight
        lr = image(batch, "lr")
        if loss.relative_to is None:
            return weight * loss.generator(self._outputs(fake, lr))
        # A pass in training mode updates the discriminator's batch statistics, so the order matters: BSRGAN's code
        # begins with the real images, the others with the generated ones.
        if loss.relative_to == "batch":
            real, outputs = self._outputs_only(_real(batch), lr), self._outputs(fake, lr)
        else:
            outputs, real = self._outputs(fake, lr), self._outputs_only(_real(batch), lr)
        return weight * loss.generator(outputs, real)

    def _generator_turn(self, batch: Batch) -> Losses:
        return {"generator": self.generator_losses(batch)}

    def _discriminator_turn(self, batch: Batch, random: np.random.Generator) -> Losses:
        if "sr" not in batch:
            with torch.no_grad():
                batch["sr"] = self.generate(batch)
        real, fake, lr = _real(batch), batch["sr"], image(batch, "lr")
        losses = self._discriminator_losses(real, fake, lr)
        if self.adversarial.penalty:
            fraction = torch.from_numpy(random.random((len(real), 1, 1, 1))).to(real)
            at = between(real, fake, fraction)
            penalty = gradient_penalty(partial(self._outputs, lr=lr), at, per="image")
            losses["penalty"] = self.adversarial.penalty * penalty
        return {"discriminator": losses}

    def _discriminator_losses(self, real: Tensor, fake: Tensor, lr: Tensor) -> dict[str, Tensor]:
        term = self.adversarial.loss.term
        if self.adversarial.loss.relative_to == "batch":
            # BSRGAN's code: each term has gradients through its own outputs only; an extra pass gives the others.
            others = self._outputs_only(fake, lr)
            outputs = self._outputs(real, lr)
            first = term(outputs, others, real=True)
            return {"real": first, "fake": term(self._outputs(fake, lr), outputs.detach(), real=False)}
        outputs, others = self._outputs(real, lr), self._outputs(fake, lr)
        return {"real": term(outputs, others, real=True), "fake": term(others, outputs, real=False)}

    def _outputs(self, images: Tensor, lr: Tensor) -> Tensor:
        outputs: Tensor = self.networks["discriminator"](self.adversarial.seen(images, lr))
        return outputs

    def _outputs_only(self, images: Tensor, lr: Tensor) -> Tensor:
        with torch.no_grad():
            return self._outputs(images, lr)


def _real(batch: Batch) -> Tensor:
    return batch["hr_reference"] if "hr_reference" in batch else image(batch, "hr")

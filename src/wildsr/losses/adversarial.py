"""Adversarial losses on the outputs of a discriminator."""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Kind = Literal["vanilla", "lsgan", "wgan"]
Group = Literal["all", "batch"]
_TINY = 1e-8


@dataclass(frozen=True)
class GanLoss:
    """Losses of generator and discriminator, from discriminator outputs (logits) of any shape.

    Attributes:
        kind: ``vanilla`` (binary cross-entropy, Goodfellow et al., 2014; the softplus form is the same), ``lsgan``
            (squared distance to 1 and 0, Mao et al., 2017) or ``wgan`` (the mean itself, Arjovsky et al., 2017).
        relative_to: for a relativistic average loss (Jolicoeur-Martineau, 2019, section 4): an output counts relative
            to the mean output for the other kind of images, over ``all`` its values (ESRGAN, RealSR, RWSR-EDL,
            SRResCGAN), or pixel by pixel over its ``batch`` (BSRGAN's code). None for a standard GAN.

    Raises:
        ValueError: for a relativistic loss of another kind than ``vanilla``.
    """

    kind: Kind = "vanilla"
    relative_to: Group | None = None

    def __post_init__(self) -> None:
        if self.relative_to is not None and self.kind != "vanilla":
            raise ValueError(f"a relativistic loss is of the kind vanilla, not {self.kind}")

    def term(self, outputs: Tensor, others: Tensor | None, real: bool) -> Tensor:
        """Loss that is low if ``outputs`` are those of real images, or, with ``real`` false, of generated ones.

        ``others`` are the outputs for the other kind of images, which only a relativistic loss needs; its terms are
        halved.

        Raises:
            ValueError: a relativistic loss got no ``others``.
        """
        outputs = _at_least_float32(outputs)
        if self.relative_to is None:
            return target_loss(outputs, real, self.kind)
        if others is None:
            raise ValueError("a relativistic loss needs the outputs for real and for generated images")
        mean = _mean(_at_least_float32(others), self.relative_to)
        return target_loss(outputs - mean, real, self.kind) / 2

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """The generator's loss: low if generated images look real, and, relativistically, real ones generated.

        ``fake`` and ``real`` are the discriminator's outputs.
        """
        if self.relative_to is None:
            return self.term(fake, None, real=True)
        if real is None:
            raise ValueError("the generator's relativistic loss needs the outputs for real images")
        return self.term(real, fake, real=False) + self.term(fake, real, real=True)

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """The discriminator's loss, the sum of its terms for real and for generated images."""
        return self.term(real, fake, real=True) + self.term(fake, real, real=False)


def probability_gan_loss(probabilities: Tensor, real: bool) -> Tensor:
    """Mean -log of the probabilities that images are real, or are not: DSGAN's form, after the sigmoid."""
    probabilities = _at_least_float32(probabilities)
    return -((probabilities if real else 1 - probabilities) + _TINY).log().mean()


def target_loss(outputs: Tensor, real: bool, kind: Kind) -> Tensor:
    """Mean distance of the outputs from those of real images, or of generated ones."""
    if kind == "vanilla":
        return F.binary_cross_entropy_with_logits(outputs, torch.full_like(outputs, float(real)))
    if kind == "lsgan":
        return (outputs - float(real)).square().mean()
    return -outputs.mean() if real else outputs.mean()


def _mean(outputs: Tensor, group: Group) -> Tensor:
    return outputs.mean() if group == "all" else outputs.mean(0, keepdim=True)


def _at_least_float32(outputs: Tensor) -> Tensor:
    # Half precision would lose the small differences that these losses consist of.
    return outputs.to(torch.promote_types(outputs.dtype, torch.float32))

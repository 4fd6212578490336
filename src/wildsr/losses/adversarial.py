"""Adversarial losses on the scores of a discriminator."""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Kind = Literal["vanilla", "lsgan", "wgan"]
Group = Literal["all", "batch"]
_TINY = 1e-8


@dataclass(frozen=True)
class Adversary:
    """What generator and discriminator make of scores (logits), of any shape.

    Attributes:
        kind: ``vanilla`` (binary cross-entropy, Goodfellow et al., 2014; the softplus form is the same), ``lsgan``
            (squared distance to 1 and 0, Mao et al., 2017) or ``wgan`` (the mean itself, Arjovsky et al., 2017).
        relative_to: for a relativistic average loss (Jolicoeur-Martineau, 2019, section 4): a score counts relative to
            the mean score of the other side, over ``all`` its values (ESRGAN, RealSR, RWSR-EDL, SRResCGAN), or place by
            place over its ``batch`` (BSRGAN's code). None for scores that stand for themselves.

    Raises:
        ValueError: for a relativistic loss of another kind than ``vanilla``.
    """

    kind: Kind = "vanilla"
    relative_to: Group | None = None

    def __post_init__(self) -> None:
        if self.relative_to is not None and self.kind != "vanilla":
            raise ValueError(f"a relativistic loss is of the kind vanilla, not {self.kind}")

    def term(self, scores: Tensor, others: Tensor | None, real: bool) -> Tensor:
        """How far ``scores`` are from those of real images, or of generated ones.

        ``others`` are the scores of the other side, which only a relativistic loss needs; each of its terms is halved.

        Raises:
            ValueError: when a relativistic loss gets no ``others``.
        """
        scores = _at_least_float32(scores)
        if self.relative_to is None:
            return judgement(scores, real, self.kind)
        if others is None:
            raise ValueError("a relativistic loss needs the scores of both sides")
        mean = _mean(_at_least_float32(others), self.relative_to)
        return judgement(scores - mean, real, self.kind) / 2

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        """The generator's loss: its images should look real, relativistically also the real ones generated."""
        if self.relative_to is None:
            return self.term(fake, None, real=True)
        if real is None:
            raise ValueError("the generator's relativistic loss needs the scores of real images")
        return self.term(real, fake, real=False) + self.term(fake, real, real=True)

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """The discriminator's loss, the sum of its terms for real and for generated images."""
        return self.term(real, fake, real=True) + self.term(fake, real, real=False)


def judgement(scores: Tensor, real: bool, kind: Kind) -> Tensor:
    """How far scores are from those of real images, or of generated ones; the mean over all of them."""
    if kind == "vanilla":
        return F.binary_cross_entropy_with_logits(scores, torch.full_like(scores, float(real)))
    if kind == "lsgan":
        return (scores - float(real)).square().mean()
    return -scores.mean() if real else scores.mean()


def probability_judgement(probabilities: Tensor, real: bool) -> Tensor:
    """Mean -log of the probabilities that images are real, or are not: DSGAN's form, after the sigmoid."""
    probabilities = _at_least_float32(probabilities)
    return -((probabilities if real else 1 - probabilities) + _TINY).log().mean()


def _mean(scores: Tensor, group: Group) -> Tensor:
    return scores.mean() if group == "all" else scores.mean(0, keepdim=True)


def _at_least_float32(scores: Tensor) -> Tensor:
    # Half precision would lose the small numbers that logarithms and differences of scores are made of.
    return scores.to(torch.promote_types(scores.dtype, torch.float32))

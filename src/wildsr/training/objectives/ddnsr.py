"""DDNSR: a degradation network and a reconstruction network that train each other on unpaired images."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wildsr.losses.adversarial import GanLoss
from wildsr.training.objective import Batch, Losses, Turn
from wildsr.training.objectives.terms import Term, Terms, image, move_losses, weighted

_DCGAN = GanLoss()
_RELATIVISTIC = GanLoss(relative_to="all")


class DDNSRObjective:
    """``down`` makes LR images of ``hr`` with the noise of ``lr_real``, and ``up`` reconstructs ``hr`` from them.

    All networks are updated at once, with the gradients at the weights before the step. ``hr`` and ``lr_real`` are
    unpaired. ``disc_down`` is the discriminator of LR images; ``disc_up``, if there is one, that of HR images (the
    original's up type ``esrgan``; without it, and with the squared difference as only term, ``psnr``).

    The discriminators are in evaluation mode even here, as in the original: their batch statistics never change.

    Args:
        up: reconstruction network, LR to HR.
        down: degradation network, of an HR image and a real LR image.
        disc_down: gives logits for LR images.
        content: loss of the degraded image against ``hr``, area-averaged to its size.
        cycle: loss of ``lr_real``, upscaled and degraded again, against itself.
        adversarial_down: weight of the adversarial loss of ``down``.
        terms: losses of the reconstructed image against ``hr``.
        disc_up: gives logits for HR images.
        adversarial_up: weight of the adversarial loss of ``up``.
    """

    result = "up"

    def __init__(
        self,
        up: nn.Module,
        down: nn.Module,
        disc_down: nn.Module,
        content: Term,
        cycle: Term,
        adversarial_down: float,
        terms: Terms,
        disc_up: nn.Module | None = None,
        adversarial_up: float = 0.0,
    ) -> None:
        # The order of the original's updates, on which its step numbers depend.
        self.networks = {"up": up, "down": down}
        if disc_up is not None:
            self.networks["disc_up"] = disc_up
        self.networks["disc_down"] = disc_down
        self.content, self.cycle, self.adversarial_down = content, cycle, adversarial_down
        self.terms, self.adversarial_up = dict(terms), adversarial_up

    def turns(self, step: int) -> Sequence[Turn]:
        """One turn, the same in every step."""
        del step
        return (Turn("all", self._losses),)

    def to_device(self, device: str) -> None:
        """Move the feature networks of the losses."""
        move_losses((term.loss for term in (self.content, self.cycle, *self.terms.values())), device)

    def _losses(self, batch: Batch) -> Losses:
        hr, lr = image(batch, "hr"), image(batch, "lr_real")
        up, down = self.networks["up"], self.networks["down"]
        lr_fake = down(hr, lr)
        # No gradients flow from one network to the other.
        hr_fake = up(lr_fake.detach())
        with torch.no_grad():
            hr_other = up(lr)
        lr_cycled = down(hr_other, lr)
        batch["sr"] = hr_fake.detach()

        losses: Losses = {"up": weighted(self.terms, hr_fake, hr), "down": {}}
        if "disc_up" in self.networks:
            outputs = self._outputs("disc_up", hr, hr_fake)
            # The original adds the two terms where others average them: twice the usual loss.
            losses["up"]["adversarial"] = (
                self.adversarial_up * 2 * _RELATIVISTIC.generator(*reversed(outputs))
            )
            losses["disc_up"] = {"adversarial": 2 * _RELATIVISTIC.discriminator(*outputs)}
        small = F.avg_pool2d(hr, hr.shape[-1] // lr.shape[-1])
        outputs = self._outputs("disc_down", lr, lr_fake)
        losses["down"] = {
            "content": self.content.weight * self.content.loss(lr_fake, small),
            "adversarial": self.adversarial_down * _DCGAN.generator(outputs[1]),
            "cycle": self.cycle.weight * self.cycle.loss(lr_cycled, lr),
        }
        losses["disc_down"] = {"adversarial": _DCGAN.discriminator(*outputs)}
        return losses

    def _outputs(self, name: str, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        network = self.networks[name].eval()
        return network(real), network(fake)

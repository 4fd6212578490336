"""RWSR-EDL's exclusionary training: each branch of the network has losses of its own."""

from torch import Tensor, nn

from wildsr.networks.edl import EDLNet
from wildsr.training.objective import Batch
from wildsr.training.objectives.gan import AdversarialLoss, GanObjective
from wildsr.training.objectives.terms import Terms, image, move_losses, weighted


class ExclusionaryObjective(GanObjective):
    """A GAN whose ``generator`` is an EDLNet, with separate losses for its branches.

    ``pixel_terms`` are losses of the branch ``out2``, the adversarial loss is that of the branch ``out1``, and
    ``terms`` are losses of their sum ``out``, on which the discriminator is trained too.
    """

    def __init__(
        self,
        generator: EDLNet,
        discriminator: nn.Module,
        pixel_terms: Terms,
        terms: Terms,
        adversarial: AdversarialLoss,
    ) -> None:
        super().__init__(generator, discriminator, terms, adversarial)
        self.branching = generator
        self.pixel_terms = dict(pixel_terms)

    def to_device(self, device: str) -> None:
        """Move the feature networks of the losses."""
        super().to_device(device)
        move_losses((term.loss for term in self.pixel_terms.values()), device)

    def generator_losses(self, batch: Batch) -> dict[str, Tensor]:
        """The losses of the branches and of their sum."""
        hr = image(batch, "hr")
        branches = self.branching.branches(image(batch, "lr"))
        batch["sr"] = branches.out.detach()
        return {
            **weighted(self.pixel_terms, branches.out2, hr),
            **weighted(self.terms, branches.out, hr),
            "adversarial": self.adversarial_loss(branches.out1, batch),
        }

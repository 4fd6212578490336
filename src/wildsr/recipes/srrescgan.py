"""SRResCGAN (Muhammad Umer et al., 2020).

Numbers: the defaults of the authors' training_codes/main_sr_color.py. Pairs come from ``wildsr prepare``: HR pictures,
and LR pictures that DSGAN made of them.
"""

from wildsr.recipes.data import Paired
from wildsr.recipes.networks import SRResCGANPart, VGG128Part
from wildsr.recipes.objectives import SRResCGANObjective
from wildsr.recipes.recipe import Recipe, Train
from wildsr.recipes.schedules import Milestones, Optimizer

_ADAM = Optimizer(
    rate=1e-4, betas=(0.9, 0.999), schedule=Milestones(at=(5_000, 10_000, 20_000, 30_000), ahead=1)
)

SRRESCGAN = Recipe(
    name="srrescgan",
    about=(
        "SRResCGAN on pairs that DSGAN made; main_sr_color.py. The authors start from a pre-trained network, their "
        "SRResDNet/G_perceptual.pth: --init generator=FILE."
    ),
    seed=123,
    networks={"generator": SRResCGANPart(), "discriminator": VGG128Part()},
    # L1 10, VGG19 conv5_4 1, TV 1, relativistic 1, mixup with alpha 1.2 in half of the steps
    objective=SRResCGANObjective(),
    optimizers={"generator": _ADAM, "discriminator": _ADAM},
    data=Paired(lr_patch=32),
    train=Train(steps=51_000, batch_size=16),
)

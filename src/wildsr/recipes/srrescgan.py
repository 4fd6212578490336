"""SRResCGAN (Muhammad Umer et al., 2020).

Numbers: the defaults of the authors' training_codes/main_sr_color.py. Pairs come from ``wildsr prepare``: HR images,
and LR images that DSGAN made of them.

The network corrects what bilinear upsampling gives by no more than exp(alpha) noise levels of it, of which an upsampled
image has next to none. New networks begin at alpha = log 2, as the original's do, and about 9 is needed; with these
rates Adam moves it by 1.3 at most. So this fine-tunes a network, as the authors do, and would teach a new one nothing.
"""

from wildsr.recipes.parts.data import Paired
from wildsr.recipes.parts.networks import SRResCGANPart, VGG128Part
from wildsr.recipes.parts.objectives import L1, TV, Contest, Features, Mixup, SRResCGANObjective
from wildsr.recipes.parts.recipe import Recipe, Train
from wildsr.recipes.parts.schedules import Milestones, Optimizer

_ADAM = Optimizer(
    rate=1e-4, betas=(0.9, 0.999), schedule=Milestones(at=(5_000, 10_000, 20_000, 30_000), ahead=1)
)

SRRESCGAN = Recipe(
    name="srrescgan",
    about=(
        "SRResCGAN on pairs that DSGAN made, from the authors' SRResDNet; main_sr_color.py. To begin anew, set the "
        "generator's start to null and its alpha to 9."
    ),
    seed=123,
    networks={"generator": SRResCGANPart(start="srresdnet-x4"), "discriminator": VGG128Part()},
    objective=SRResCGANObjective(
        terms={"pixel": L1(weight=10.0), "features": Features(layers={"conv5_4": 1.0}), "tv": TV()},
        contest=Contest(relative_to="all", weight=1.0, high_pass=9),
        mixup=Mixup(probability=0.5, alpha=1.2),
    ),
    optimizers={"generator": _ADAM, "discriminator": _ADAM},
    data=Paired(lr_patch=32),
    train=Train(steps=51_000, batch_size=16),
)

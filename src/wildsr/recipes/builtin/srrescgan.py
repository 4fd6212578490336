"""SRResCGAN (Muhammad Umer et al., 2020).

Numbers: the defaults of the authors' training_codes/main_sr_color.py. Pairs come from ``wildsr prepare``: HR images,
and LR images that DSGAN made of them.

The network corrects what bilinear upsampling gives by no more than exp(alpha) noise levels of it, of which an upsampled
image has next to none. New networks begin at alpha = log 2, as the original's do, and about 9 is needed; with these
rates Adam moves it by 1.3 at most. So this fine-tunes a network, as the authors do, and would teach a new one nothing.
"""

from wildsr.recipes.config import (
    AdversarialConfig,
    FeaturesConfig,
    L1Config,
    MilestonesConfig,
    MixupConfig,
    OptimizerConfig,
    PairedDataConfig,
    Recipe,
    SRResCGANConfig,
    SRResCGANObjectiveConfig,
    TrainSettings,
    TVConfig,
    VGG128Config,
)

_ADAM = OptimizerConfig(
    rate=1e-4, betas=(0.9, 0.999), schedule=MilestonesConfig(at=(5_000, 10_000, 20_000, 30_000), ahead=1)
)

SRRESCGAN = Recipe(
    name="srrescgan",
    about=(
        "SRResCGAN on pairs that DSGAN made, from the authors' SRResDNet; main_sr_color.py. To begin anew, set the "
        "generator's start to null and its alpha to 9."
    ),
    seed=123,
    networks={"generator": SRResCGANConfig(start="srresdnet-x4"), "discriminator": VGG128Config()},
    objective=SRResCGANObjectiveConfig(
        terms={
            "pixel": L1Config(weight=10.0),
            "features": FeaturesConfig(layers={"conv5_4": 1.0}),
            "tv": TVConfig(),
        },
        adversarial=AdversarialConfig(relative_to="all", weight=1.0, high_pass=9),
        mixup=MixupConfig(probability=0.5, alpha=1.2),
    ),
    optimizers={"generator": _ADAM, "discriminator": _ADAM},
    data=PairedDataConfig(lr_patch=32),
    train=TrainSettings(steps=51_000, batch_size=16),
)

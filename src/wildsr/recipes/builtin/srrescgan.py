"""SRResCGAN (Muhammad Umer et al., 2020).

Numbers: the defaults of the authors' training_codes/main_sr_color.py. Pairs come from ``wildsr prepare``: HR images,
and LR images that DSGAN made of them.

The network changes the bilinearly upsampled image by at most exp(alpha) of its noise levels, and an upsampled image has
hardly any noise. The initial alpha is log 2, as in the original, but about 9 is needed, and with these rates Adam moves
it by 1.3 at most. So this recipe fine-tunes a network, as the authors do; from random weights it would learn nothing.
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
    ValidationConfig,
    VGG128Config,
)

_ADAM = OptimizerConfig(
    rate=1e-4, betas=(0.9, 0.999), schedule=MilestonesConfig(at=(5_000, 10_000, 20_000, 30_000), ahead=1)
)

SRRESCGAN = Recipe(
    name="srrescgan",
    about=(
        "SRResCGAN on pairs that DSGAN made, from the authors' SRResDNet; main_sr_color.py. To train from scratch, set "
        "the generator's start to null and its alpha to 9."
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
    # The original keeps the best model by PSNR and the best by LPIPS.
    validation=ValidationConfig(best_by=("psnr", "lpips")),
)

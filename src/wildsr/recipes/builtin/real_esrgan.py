"""Real-ESRGAN (Wang et al., 2021).

Numbers: the authors' options/train_realesrgan_x4plus.yml; 12 samples on each of 4 GPUs are a batch of 48.
"""

from wildsr.recipes.config import (
    AdversarialConfig,
    DegradedDataConfig,
    FeaturesConfig,
    GanObjectiveConfig,
    L1Config,
    MilestonesConfig,
    OptimizerConfig,
    PresetConfig,
    Recipe,
    RRDBNetConfig,
    TrainSettings,
    UNetConfig,
)

_ADAM = OptimizerConfig(rate=1e-4, betas=(0.9, 0.99), schedule=MilestonesConfig(at=(400_000,)))

REAL_ESRGAN = Recipe(
    name="real-esrgan",
    about="Real-ESRGAN x4plus: second-order degradation, sharpened targets; train_realesrgan_x4plus.yml.",
    networks={"generator": RRDBNetConfig(start="realesrnet-x4plus"), "discriminator": UNetConfig()},
    objective=GanObjectiveConfig(
        terms={
            "pixel": L1Config(),
            "features": FeaturesConfig(
                layers={"conv1_2": 0.1, "conv2_2": 0.1, "conv3_4": 1.0, "conv4_4": 1.0, "conv5_4": 1.0}
            ),
        },
        adversarial=AdversarialConfig(weight=0.1),
    ),
    optimizers={"generator": _ADAM, "discriminator": _ADAM},
    # The dataset crops 400 pixels, of which gt_size 256 are kept after the degradation; use_hflip without use_rot;
    # l1_gt_usm and percep_gt_usm, but not gan_gt_usm.
    data=DegradedDataConfig(
        degradation=PresetConfig(name="real-esrgan"),
        hr_patch=400,
        lr_patch=64,
        augment="mirror",
        sharpen=True,
    ),
    train=TrainSettings(steps=400_000, batch_size=48, ema=0.999),
)

"""DSGAN (Fritsche et al., 2019): learns to make clean LR images look like those of a source domain.

Numbers: the defaults of the authors' dsgan/train.py. They count epochs: 300, and the rate falls in the last 150. DF2K
has 3,450 images, 216 batches of 16, so that is 64,800 steps here; with another number of images set train.steps and
optimizers.*.schedule likewise, or leave them.
"""

from wildsr.recipes.config import (
    ColourConfig,
    DSGANConfig,
    DSGANDiscriminatorConfig,
    DSGANObjectiveConfig,
    LinearConfig,
    LpipsConfig,
    OptimizerConfig,
    PresetConfig,
    Recipe,
    TrainSettings,
    UnpairedDataConfig,
    ValidationConfig,
)

_EPOCH = 216
_STEPS = 300 * _EPOCH
_ADAM = OptimizerConfig(
    rate=2e-4, betas=(0.5, 0.999), schedule=LinearConfig(begin=150 * _EPOCH, end=_STEPS, every=_EPOCH)
)

DSGAN = Recipe(
    name="dsgan",
    about="DSGAN: makes bicubic LR images look like the images in --data (train.py of real-world-sr).",
    networks={"generator": DSGANConfig(), "discriminator": DSGANDiscriminatorConfig()},
    objective=DSGANObjectiveConfig(
        terms={"colour": ColourConfig(kernel=5), "perceptual": LpipsConfig(weight=0.01, backbone="alex")},
        texture=0.005,
    ),
    optimizers={"generator": _ADAM, "discriminator": _ADAM},
    # Crops of 512, shrunk by MATLAB's bicubic; the discriminator sees crops of 128 of the same, unshrunk. Neither
    # flips nor rotations, which are options there.
    data=UnpairedDataConfig(
        same=True, degradation=PresetConfig(name="bicubic"), hr_patch=512, source_patch=128, augment="none"
    ),
    train=TrainSettings(steps=_STEPS, batch_size=16),
    # It upscales nothing that could be compared.
    validation=ValidationConfig(best_by=()),
)

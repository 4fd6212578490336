"""DSGAN (Fritsche et al., 2019): gives clean LR images the look of a source domain.

Numbers: the defaults of the authors' dsgan/train.py. They count epochs: 300, with a falling rate in the
last 150. DF2K has 3,450 images, 216 batches of 16, which makes 64,800 steps; for another number of images, train.steps
and optimizers.*.schedule can be set accordingly.
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
    # Crops of 512, downscaled by MATLAB's bicubic and not rounded to 8 bits; the discriminator sees crops of 128 of the
    # same images at full size. Flips and rotations are options there, off by default.
    data=UnpairedDataConfig(
        same=True,
        degradation=PresetConfig(name="bicubic", options={"values": "clamped"}),
        hr_patch=512,
        source_patch=128,
        augment="none",
    ),
    train=TrainSettings(steps=_STEPS, batch_size=16),
    # The network does not upscale, so there is nothing to validate.
    validation=ValidationConfig(best_by=()),
)

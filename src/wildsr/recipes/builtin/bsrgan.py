"""BSRNet and BSRGAN (Zhang et al., 2021): one network for many kinds of degradation.

Numbers: KAIR's options/train_bsrgan_x4_psnr.json and train_bsrgan_x4_gan.json. Where these and the paper differ, the
code is followed: batches of 4 (the paper has 48), a GAN weight of 1 (the paper 0.1). The public code lacks the
camera noise of the paper's degradation; ``--set data.degradation.name=bsrgan-camera`` has it.
"""

from typing import Literal

from wildsr.recipes.config import (
    AdversarialConfig,
    DegradedDataConfig,
    FeaturesConfig,
    GanObjectiveConfig,
    L1Config,
    MilestonesConfig,
    OptimizerConfig,
    PixelObjectiveConfig,
    PresetConfig,
    Recipe,
    RRDBNetConfig,
    TrainSettings,
    UNetConfig,
)

# H_size 320, lq_patchsize 72; at x2 the same LR patch in the same HR patch
_DATA = DegradedDataConfig(degradation=PresetConfig(name="bsrgan"), hr_patch=320, lr_patch=72)
# F_feature_layer 2, 7, 16, 25, 34
_LAYERS = {"conv1_2": 0.1, "conv2_2": 0.1, "conv3_4": 1.0, "conv4_4": 1.0, "conv5_4": 1.0}

BSRNET_X4 = Recipe(
    name="bsrnet-x4",
    about="BSRNet: an RRDBNet on BSRGAN's degradation and L1; BSRGAN starts from it. KAIR's train_bsrgan_x4_psnr.json.",
    networks={"generator": RRDBNetConfig(orthogonal=0.2)},
    objective=PixelObjectiveConfig(terms={"pixel": L1Config()}),
    optimizers={
        "generator": OptimizerConfig(
            rate=1e-4,
            schedule=MilestonesConfig(at=(200_000, 400_000, 600_000, 800_000, 1_000_000, 2_000_000), ahead=1),
        ),
    },
    data=_DATA,
    # The options name no end; the paper trains BSRNet for a million steps (section 5.1).
    train=TrainSettings(steps=1_000_000, batch_size=4, ema=0.999),
)


def _bsrgan(
    name: str, scale: Literal[2, 4], start: str | None, about: str, data: DegradedDataConfig = _DATA
) -> Recipe:
    # KAIR continues the step count of the model it starts from: BSRNet's 400 k steps count towards the milestones.
    counted = 400_000 if start else 0
    milestones = MilestonesConfig(at=(800_000 - counted, 1_600_000 - counted), ahead=1)
    adam = OptimizerConfig(rate=5e-5, schedule=milestones)
    return Recipe(
        name=name,
        about=about,
        scale=scale,
        networks={
            "generator": RRDBNetConfig(start=start, orthogonal=None if start else 0.2),
            "discriminator": UNetConfig(orthogonal=0.2),
        },
        objective=GanObjectiveConfig(
            terms={"pixel": L1Config(), "features": FeaturesConfig(layers=_LAYERS)},
            adversarial=AdversarialConfig(loss="lsgan", weight=1.0),
        ),
        optimizers={"generator": adam, "discriminator": adam},
        data=data,
        # The options state no end either; the paper trains BSRGAN for 400 k steps.
        train=TrainSettings(steps=800_000, batch_size=4, ema=0.999),
    )


BSRGAN_X4 = _bsrgan(
    "bsrgan-x4",
    4,
    "bsrnet-x4",
    "BSRGAN: continues from BSRNet with a perceptual and an adversarial loss; KAIR train_bsrgan_x4_gan.json.",
)
BSRGAN_PLUS_X4 = _bsrgan(
    "bsrgan-plus-x4",
    4,
    "bsrnet-x4",
    "BSRGAN on its extended degradation: KAIR's train_bsrgan_x4_gan.json with degradation_type bsrgan_plus.",
    _DATA.model_copy(update={"degradation": PresetConfig(name="bsrgan-plus", options={"shuffle_prob": 0.1})}),
)
BSRGAN_X2 = _bsrgan(
    "bsrgan-x2",
    2,
    None,
    "BSRGAN for x2, with the numbers of x4. There is no published x2 BSRNet: train one first, or start from scratch.",
)

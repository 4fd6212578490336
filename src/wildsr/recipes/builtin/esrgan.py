"""RRDB-PSNR, the starting point of GAN training, on bicubic LR images.

Numbers: KAIR, options/train_rrdb_psnr.json (patches of 96, 16 a batch, rates), and ESRGAN (Wang et al., 2018, section
4.1: L1, halved every 200 k steps, one million steps). KAIR's file has ReLUs where ESRGAN, KAIR's own rrdbnet and all
networks that start from this one have LeakyReLUs, as here; `wildsr recipe import` of that file keeps the ReLUs.
"""

from wildsr.recipes.config import (
    DegradedDataConfig,
    L1Config,
    MilestonesConfig,
    OptimizerConfig,
    PixelObjectiveConfig,
    PresetConfig,
    Recipe,
    RRDBNetConfig,
    TrainSettings,
)

RRDB_PSNR = Recipe(
    name="rrdb-psnr",
    about="RRDBNet for bicubic LR images, the start of GAN training (ESRGAN, section 4.1; KAIR train_rrdb_psnr.json).",
    networks={"generator": RRDBNetConfig(orthogonal=0.2)},
    objective=PixelObjectiveConfig(terms={"pixel": L1Config()}),
    optimizers={
        "generator": OptimizerConfig(
            rate=1e-4, schedule=MilestonesConfig(at=(200_000, 400_000, 600_000, 800_000, 1_000_000), ahead=1)
        ),
    },
    # KAIR downscales the whole image, rounds nothing, and crops then.
    data=DegradedDataConfig(
        degradation=PresetConfig(name="bicubic", options={"values": "exact"}),
        hr_patch=96,
        lr_patch=24,
        context=16,
    ),
    train=TrainSettings(steps=1_000_000, batch_size=16),
)

"""wildsr-photo-x4: continues from realesr-general-x4v3, with its halo-free output as the target.

This is the first run of docs/models/training-log.md that counts (run 3), as it was made on a CPU; the log has the
changes with which the others went on from it.
"""

from wildsr.recipes.config import (
    CompactConfig,
    CosineConfig,
    DegradedDataConfig,
    FlatConfig,
    GridConfig,
    L1Config,
    OptimizerConfig,
    PixelObjectiveConfig,
    PresetConfig,
    Recipe,
    TeacherConfig,
    TrainSettings,
    TVConfig,
)

WILDSR_PHOTO_X4 = Recipe(
    name="wildsr-photo-x4",
    about="Continues from realesr-general-x4v3, with its own output without halos as the target: steeper edges, less "
    "noise in flat areas, the colours of the photo. Needs that model.",
    seed=3,
    networks={"generator": CompactConfig(features=64, convs=32, start="realesr-general-x4v3")},
    objective=PixelObjectiveConfig(
        terms={"flat": FlatConfig(weight=4)},
        teacher=TeacherConfig(
            model="realesr-general-x4v3",
            terms={
                "pixel": L1Config(),
                "differences": TVConfig(weight=0.5),
                "grid": GridConfig(period=4, weight=4000),
            },
        ),
    ),
    # Its weights bear no higher rate in batches of 4: at 1e-4 the loss grew.
    optimizers={
        "generator": OptimizerConfig(
            kind="adam", rate=2e-5, betas=(0.9, 0.999), schedule=CosineConfig(warmup=50, final=0.1)
        )
    },
    data=DegradedDataConfig(
        degradation=PresetConfig(
            name="wild",
            options={
                "bsrgan": 0.2,
                "bsrgan_plus": 0.12,
                "real_esrgan": 0.16,
                "light": 0.2,
                "compressed": 0.22,
                "clean": 0.1,
            },
        ),
        hr_patch=224,
        lr_patch=48,
        weighing="area",
        rendered=0.08,
    ),
    train=TrainSettings(
        steps=500, batch_size=4, precision="fp32", ema=0.99, ema_warmup=True, channels_last=True
    ),
    licence="BSD-3-Clause",
)

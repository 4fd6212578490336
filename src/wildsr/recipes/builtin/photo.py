"""wildsr-photo-x4: continues from realesr-general-x4v3, first with its halo-free output as the target, then as a GAN.

Its siblings continue from existing models: the faithful one for PSNR, the fast one with wildsr-photo-x4 as its teacher.

They were made on a CPU, in several runs of a few hundred steps; docs/models/training-log.md has them all. The recipe
wildsr-photo-x4 is what the later runs suggest, and not what made the embedded model: the log says how they differ.
"""

from wildsr.recipes.config import (
    AdversarialConfig,
    CompactConfig,
    CosineConfig,
    DegradedDataConfig,
    DotsConfig,
    FlatConfig,
    GanObjectiveConfig,
    GridConfig,
    L1Config,
    LpipsConfig,
    OptimizerConfig,
    PatchGANConfig,
    PhasesConfig,
    PixelObjectiveConfig,
    PresetConfig,
    PSNRConfig,
    Recipe,
    ResUNetConfig,
    SerrationConfig,
    SpecksConfig,
    TeacherConfig,
    TrainSettings,
    TVConfig,
)

WILDSR_PHOTO_START_X4 = Recipe(
    name="wildsr-photo-start-x4",
    about="First stage of wildsr-photo-x4: trains realesr-general-x4v3 on its own output without halos, for steeper "
    "edges, less noise in flat areas and the colours of the photo. Needs that model.",
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
    # Higher rates fail with batches of 4: at 1e-4 the loss grew.
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

_DATA = WILDSR_PHOTO_START_X4.data.model_copy(
    update={
        "degradation": PresetConfig(
            name="wild",
            options={
                "bsrgan": 0.22,
                "bsrgan_plus": 0.12,
                "real_esrgan": 0.14,
                "light": 0.22,
                "compressed": 0.18,
                "clean": 0.12,
            },
        )
    }
)
_TRAIN = WILDSR_PHOTO_START_X4.train

_STRONGEST = PresetConfig(
    name="wild",
    options={
        "bsrgan": 0.36,
        "bsrgan_plus": 0.16,
        "real_esrgan": 0.12,
        "light": 0.14,
        "compressed": 0.12,
        "clean": 0.1,
    },
)

WILDSR_PHOTO_X4 = Recipe(
    name="wildsr-photo-x4",
    about="Second stage of wildsr-photo-x4: continues as a GAN, for texture, with losses against grids, dots, serrated "
    "lines and noise in flat areas. Needs realesr-general-x4v3 and the weights of LPIPS.",
    seed=10,
    networks={
        "generator": CompactConfig(features=64, convs=32, start="wildsr-photo-x4"),
        "discriminator": PatchGANConfig(features=32, variant="kair", spectral=True, inputs=6),
    },
    objective=GanObjectiveConfig(
        terms={
            "pixel": L1Config(),
            "flat": FlatConfig(weight=12, level=2.5),
            "squeeze": LpipsConfig(backbone="squeeze", weight=0.1, jitter=3, crop=128),
            "grid": GridConfig(period=4, weight=10_000, level=6),
            "specks": SpecksConfig(weight=300),
            "dots": DotsConfig(weight=45),
            "serration": SerrationConfig(weight=100),
            "phases": PhasesConfig(weight=0.8),
        },
        # Only the first of the GAN runs had a new discriminator, and these first steps without the generator.
        adversarial=AdversarialConfig(weight=0.06, generator_after=120, jitter=64, conditional=True),
        teacher=TeacherConfig(
            model="realesr-general-x4v3",
            sigma=6,
            reach=5,
            terms={"pixel": L1Config(weight=0.3), "differences": TVConfig(weight=0.25)},
        ),
    ),
    optimizers={
        "generator": OptimizerConfig(
            kind="adam", rate=2.5e-5, betas=(0.9, 0.999), schedule=CosineConfig(warmup=15, final=0.15)
        ),
        "discriminator": OptimizerConfig(kind="adam", rate=1e-4, betas=(0.9, 0.999)),
    },
    data=_DATA.model_copy(update={"degradation": _STRONGEST, "defocused": 0.2}),
    train=_TRAIN.model_copy(update={"steps": 400, "batch_size": 8}),
    licence="BSD-3-Clause",
)

_STRONGER = PresetConfig(
    name="wild",
    options={
        "bsrgan": 0.3,
        "bsrgan_plus": 0.16,
        "real_esrgan": 0.12,
        "light": 0.14,
        "compressed": 0.16,
        "clean": 0.12,
    },
)

WILDSR_PHOTO_FAITHFUL_X4 = Recipe(
    name="wildsr-photo-faithful-x4",
    about="Faithful sibling of wildsr-photo-x4: the same network, trained for PSNR, so it invents no detail. Needs "
    "only photos.",
    seed=13,
    networks={"generator": CompactConfig(features=64, convs=32, start="wildsr-photo-x4")},
    objective=PixelObjectiveConfig(
        terms={
            "psnr": PSNRConfig(),
            "grid": GridConfig(period=4, weight=60_000, level=6),
            "phases": PhasesConfig(weight=0.5),
        }
    ),
    optimizers={
        "generator": OptimizerConfig(
            kind="adam", rate=4e-5, betas=(0.9, 0.999), schedule=CosineConfig(warmup=30, final=0.1)
        )
    },
    data=_DATA.model_copy(update={"degradation": _STRONGER}),
    train=_TRAIN.model_copy(update={"steps": 340}),
    licence="BSD-3-Clause",
)

WILDSR_PHOTO_FAST_X4 = Recipe(
    name="wildsr-photo-fast-x4",
    about="Fast sibling of wildsr-photo-x4: the network of wildsr-compact-x4, with wildsr-photo-x4 as its teacher. "
    "Needs the weights of LPIPS.",
    seed=33,
    networks={"generator": ResUNetConfig(start="wildsr-compact-x4")},
    objective=PixelObjectiveConfig(
        terms={
            "pixel": L1Config(weight=0.1),
            "flat": FlatConfig(weight=10, level=2.5),
            "grid": GridConfig(period=4, weight=3_000, level=6),
            "blocks": GridConfig(weight=1_500, level=6),
            "specks": SpecksConfig(weight=200),
            "phases": PhasesConfig(weight=0.1),
        },
        teacher=TeacherConfig(
            model="wildsr-photo-x4",
            sigma=6,
            reach=5,
            crisp=1.2,
            terms={
                "pixel": L1Config(weight=1.5),
                "differences": TVConfig(weight=1.5),
                "squeeze": LpipsConfig(backbone="squeeze", weight=0.05, crop=128),
            },
        ),
    ),
    optimizers={
        "generator": OptimizerConfig(
            kind="muon", rate=4e-4, betas=(0.9, 0.99), schedule=CosineConfig(warmup=20, final=0.05)
        )
    },
    data=_DATA,
    train=_TRAIN.model_copy(update={"steps": 6500, "batch_size": 8, "ema": 0.998}),
    licence="Apache-2.0",
)

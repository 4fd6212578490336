"""wildsr's own models: a small network for ordinary CPUs and any photo.

The numbers are our own; docs/models/ says which model was trained with which.
"""

from wildsr.recipes.config import (
    CosineConfig,
    DegradedDataConfig,
    GridConfig,
    LpipsConfig,
    OptimizerConfig,
    PairedDataConfig,
    PixelObjectiveConfig,
    PresetConfig,
    PSNRConfig,
    Recipe,
    ResUNetConfig,
    TrainSettings,
)

_MIXTURE = PresetConfig(
    name="wild",
    options={
        "bsrgan": 0.4,
        "bsrgan_plus": 0.24,
        "real_esrgan": 0.08,
        "light": 0.06,
        "compressed": 0.14,
        "clean": 0.08,
    },
)


def _muon(rate: float) -> OptimizerConfig:
    return OptimizerConfig(kind="muon", rate=rate, betas=(0.9, 0.99), schedule=CosineConfig(warmup=100))


WILDSR_FAITHFUL_X4 = Recipe(
    name="wildsr-faithful-x4",
    about="A small network for photos with all kinds of degradation, trained for PSNR: it adds no invented detail. "
    "Needs nothing but photos.",
    networks={"generator": ResUNetConfig()},
    objective=PixelObjectiveConfig(terms={"psnr": PSNRConfig()}),
    optimizers={"generator": _muon(1e-3)},
    data=DegradedDataConfig(degradation=_MIXTURE, hr_patch=288, lr_patch=64, weighing="area", rendered=0.08),
    train=TrainSettings(steps=18_000, batch_size=8, precision="bf16", ema=0.999, ema_warmup=True),
    licence="Apache-2.0",
)

WILDSR_COMPACT_X4 = WILDSR_FAITHFUL_X4.model_copy(
    update={
        "name": "wildsr-compact-x4",
        "about": "The fast model: continues from wildsr-faithful-x4, for PSNR and perceptual quality. Needs the "
        "weights of LPIPS.",
        "networks": {"generator": ResUNetConfig(start="wildsr-faithful-x4")},
        "objective": PixelObjectiveConfig(
            terms={
                "psnr": PSNRConfig(weight=3),
                "alex": LpipsConfig(weight=0.6, backbone="alex", jitter=3),
                "squeeze": LpipsConfig(weight=0.6, backbone="squeeze", jitter=3),
                "grid": GridConfig(weight=3000),
            }
        ),
        "optimizers": {"generator": _muon(7e-4)},
        "train": WILDSR_FAITHFUL_X4.train.model_copy(update={"steps": 4_300}),
    }
)

WILDSR_CAMERA_X4 = WILDSR_FAITHFUL_X4.model_copy(
    update={
        "name": "wildsr-camera-x4",
        "about": "Continues from wildsr-faithful-x4 on pairs from one camera, made by 'wildsr prepare' and 'wildsr "
        "estimate noise': RealSR's data for our network. Needs nothing else.",
        "networks": {"generator": ResUNetConfig(start="wildsr-faithful-x4")},
        "optimizers": {"generator": _muon(3e-4)},
        "data": PairedDataConfig(lr_patch=48, inject_noise=True, weighing="area"),
        "train": WILDSR_FAITHFUL_X4.train.model_copy(update={"steps": 5_000}),
    }
)

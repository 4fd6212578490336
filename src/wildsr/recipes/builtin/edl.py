"""RWSR-EDL (exclusionary dual learning), for the data of two challenges.

Numbers: the authors' options/df2k/train_ntire.yml and train_aim.yml. No code reads the cr_weight of the first.
"""

from wildsr.recipes.config import (
    AdversarialConfig,
    EDLNetConfig,
    ExclusionaryObjectiveConfig,
    FeaturesConfig,
    L1Config,
    MilestonesConfig,
    OptimizerConfig,
    PairedDataConfig,
    PatchGANConfig,
    Recipe,
    TrainSettings,
)


def _edl(
    name: str,
    about: str,
    steps: int,
    at: tuple[int, ...],
    pixel: float,
    adversarial: float,
    start: str | None,
) -> Recipe:
    adam = OptimizerConfig(rate=1e-4, betas=(0.9, 0.999), schedule=MilestonesConfig(at=at, ahead=1))
    return Recipe(
        name=name,
        about=about,
        seed=10,
        # strict_load is false: the branches start from random weights.
        networks={
            "generator": EDLNetConfig(start=start, start_whole=False),
            "discriminator": PatchGANConfig(),
        },
        objective=ExclusionaryObjectiveConfig(
            pixel_terms={"pixel": L1Config(weight=pixel)},
            terms={"features": FeaturesConfig(layers={"conv5_4": 1.0})},
            adversarial=AdversarialConfig(relative_to="all", weight=adversarial),
        ),
        optimizers={"generator": adam, "discriminator": adam},
        data=PairedDataConfig(lr_patch=32, inject_noise=True),
        train=TrainSettings(steps=steps, batch_size=16),
    )


EDL_NTIRE = _edl(
    "edl-ntire",
    "RWSR-EDL for NTIRE 2020, Track 1: bicubic LR with noise of the source images; train_ntire.yml.",
    150_000,
    (10_000, 30_000, 50_000, 80_000, 120_000),
    0.01,
    0.005,
    "rrdb-psnr-x4",
)
EDL_AIM = _edl(
    "edl-aim",
    "RWSR-EDL for AIM 2019: bicubic LR with noise of the source images; train_aim.yml, which starts from scratch.",
    350_000,
    (35_000, 80_000, 100_000, 150_000),
    0.1,
    0.001,
    None,
)

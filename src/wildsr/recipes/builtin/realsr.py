"""RealSR (Ji et al., 2020), winner of NTIRE 2020's challenge on real-world super-resolution, both tracks.

Numbers: the authors' options/df2k/train_bicubic_noise.yml and options/dped/train_kernel_noise.yml; the paper's section
4. The data are prepared first (``wildsr prepare``): HR from the source images, LR by bicubic or estimated kernels, and
a noise pool.
"""

from wildsr.recipes.config import (
    AdversarialConfig,
    FeaturesConfig,
    GanObjectiveConfig,
    L1Config,
    MilestonesConfig,
    NetworkConfig,
    OptimizerConfig,
    PairedDataConfig,
    PatchGANConfig,
    Recipe,
    RRDBNetConfig,
    TrainSettings,
    VGG128Config,
)

_ADAM = OptimizerConfig(
    rate=1e-4, betas=(0.9, 0.999), schedule=MilestonesConfig(at=(5_000, 10_000, 20_000, 30_000), ahead=1)
)


def _realsr(name: str, about: str, discriminator: NetworkConfig) -> Recipe:
    return Recipe(
        name=name,
        about=about,
        seed=10,
        networks={"generator": RRDBNetConfig(start="rrdb-psnr-x4"), "discriminator": discriminator},
        objective=GanObjectiveConfig(
            terms={"pixel": L1Config(weight=0.01), "features": FeaturesConfig(layers={"conv5_4": 1.0})},
            adversarial=AdversarialConfig(relative_to="all", weight=0.005),
        ),
        optimizers={"generator": _ADAM, "discriminator": _ADAM},
        # GT_size 128, use_flip, use_rot, aug: noise
        data=PairedDataConfig(lr_patch=32, inject_noise=True),
        # niter is 60001, and the loop ends only when the number of the step exceeds it.
        train=TrainSettings(steps=60_001, batch_size=16),
    )


REALSR_DF2K = _realsr(
    "realsr-df2k",
    "RealSR for processing noise (NTIRE 2020, Track 1): bicubic LR with noise of the source; train_bicubic_noise.yml.",
    VGG128Config(),
)
REALSR_DPED = _realsr(
    "realsr-dped",
    "RealSR for a smartphone (NTIRE 2020, Track 2): LR by estimated kernels, with its noise; train_kernel_noise.yml.",
    PatchGANConfig(),
)

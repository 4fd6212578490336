"""RealSR (Ji et al., 2020), winner of NTIRE 2020's challenge on real-world super-resolution, both tracks.

Numbers: the authors' options/df2k/train_bicubic_noise.yml and options/dped/train_kernel_noise.yml; the paper's section
4. Data is prepared first (``wildsr prepare``): HR from the source images, LR by bicubic or by estimated kernels, and
a pool of noise.
"""

from wildsr.recipes.parts.data import Paired
from wildsr.recipes.parts.networks import Network, PatchGANPart, RRDBNetPart, VGG128Part
from wildsr.recipes.parts.objectives import L1, Contest, Features, GANObjective
from wildsr.recipes.parts.recipe import Recipe, Train
from wildsr.recipes.parts.schedules import Milestones, Optimizer

_ADAM = Optimizer(
    rate=1e-4, betas=(0.9, 0.999), schedule=Milestones(at=(5_000, 10_000, 20_000, 30_000), ahead=1)
)


def _realsr(name: str, about: str, discriminator: Network) -> Recipe:
    return Recipe(
        name=name,
        about=about,
        seed=10,
        networks={"generator": RRDBNetPart(start="rrdb-psnr-x4"), "discriminator": discriminator},
        objective=GANObjective(
            terms={"pixel": L1(weight=0.01), "features": Features(layers={"conv5_4": 1.0})},
            contest=Contest(relative_to="all", weight=0.005),
        ),
        optimizers={"generator": _ADAM, "discriminator": _ADAM},
        # GT_size 128, use_flip, use_rot, aug: noise
        data=Paired(lr_patch=32, inject_noise=True),
        # niter is 60001 and the last step only saves
        train=Train(steps=60_000, batch_size=16),
    )


REALSR_DF2K = _realsr(
    "realsr-df2k",
    "RealSR for processing noise (NTIRE 2020, Track 1): bicubic LR, the source's noise; train_bicubic_noise.yml.",
    VGG128Part(),
)
REALSR_DPED = _realsr(
    "realsr-dped",
    "RealSR for a smartphone (NTIRE 2020, Track 2): LR by estimated kernels, its noise; train_kernel_noise.yml.",
    PatchGANPart(),
)

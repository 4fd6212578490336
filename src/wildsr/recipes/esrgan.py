"""RRDB-PSNR: the network that GAN training starts from, on bicubic LR images.

Numbers: KAIR, options/train_rrdb_psnr.json (patches of 96, 16 a batch, rates), and ESRGAN (Wang et al., 2018, section
4.1: L1, halved every 200 k steps, one million steps).
"""

from wildsr.recipes.parts.data import Degraded, Preset
from wildsr.recipes.parts.networks import RRDBNetPart
from wildsr.recipes.parts.objectives import L1, PixelObjective
from wildsr.recipes.parts.recipe import Recipe, Train
from wildsr.recipes.parts.schedules import Milestones, Optimizer

RRDB_PSNR = Recipe(
    name="rrdb-psnr",
    about="An RRDBNet for bicubic LR images, from which GANs start (ESRGAN, section 4.1; KAIR train_rrdb_psnr.json).",
    networks={"generator": RRDBNetPart(orthogonal=0.2)},
    objective=PixelObjective(terms={"pixel": L1()}),
    optimizers={
        "generator": Optimizer(
            rate=1e-4, schedule=Milestones(at=(200_000, 400_000, 600_000, 800_000, 1_000_000), ahead=1)
        ),
    },
    data=Degraded(degradation=Preset(name="bicubic"), hr_patch=96, lr_patch=24),
    train=Train(steps=1_000_000, batch_size=16),
)

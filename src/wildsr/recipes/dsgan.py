"""DSGAN (Fritsche et al., 2019): learns to make clean LR images look like those of a source domain.

Numbers: the defaults of the authors' dsgan/train.py. They count epochs: 300, and the rate falls in the last 150. DF2K
has 3,450 images, 216 batches of 16, so that is 64,800 steps here; with another number of images set train.steps and
optimizers.*.schedule likewise, or leave them.
"""

from wildsr.recipes.parts.data import Preset, Unpaired
from wildsr.recipes.parts.networks import DSGANDiscriminatorPart, DSGANPart
from wildsr.recipes.parts.objectives import Colour, DSGANObjective, Lpips
from wildsr.recipes.parts.recipe import Recipe, Train, Validation
from wildsr.recipes.parts.schedules import Linear, Optimizer

_EPOCH = 216
_STEPS = 300 * _EPOCH
_ADAM = Optimizer(
    rate=2e-4, betas=(0.5, 0.999), schedule=Linear(begin=150 * _EPOCH, end=_STEPS, every=_EPOCH)
)

DSGAN = Recipe(
    name="dsgan",
    about="DSGAN: makes bicubic LR images look like the images in --data (train.py of real-world-sr).",
    networks={"generator": DSGANPart(), "discriminator": DSGANDiscriminatorPart()},
    objective=DSGANObjective(
        terms={"colour": Colour(kernel=5), "perceptual": Lpips(weight=0.01, backbone="alex")}, texture=0.005
    ),
    optimizers={"generator": _ADAM, "discriminator": _ADAM},
    # Crops of 512, shrunk by MATLAB's bicubic; the discriminator sees crops of 128 of the same, unshrunk. Neither
    # flips nor rotations, which are options there.
    data=Unpaired(
        same=True, degradation=Preset(name="bicubic"), hr_patch=512, source_patch=128, augment="none"
    ),
    train=Train(steps=_STEPS, batch_size=16),
    # It upscales nothing that could be compared.
    validation=Validation(best_by=None),
)

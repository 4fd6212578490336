"""Our default: a compact network that ordinary CPUs run, for any photograph.

Every number is ours; docs/models/ says which model was made with which.
"""

from wildsr.recipes.data import Degraded, Preset
from wildsr.recipes.networks import CompactPart
from wildsr.recipes.objectives import Charbonnier, PixelObjective
from wildsr.recipes.recipe import Recipe, Train
from wildsr.recipes.schedules import Cosine, Optimizer

WILDSR_COMPACT_X4 = Recipe(
    name="wildsr-compact-x4",
    about="Our default: a compact network for photographs with every kind of damage.",
    networks={"generator": CompactPart(features=64, convs=16)},
    objective=PixelObjective(terms={"pixel": Charbonnier()}),
    optimizers={
        "generator": Optimizer(rate=6e-4, betas=(0.9, 0.99), schedule=Cosine(final=0.01, warmup=100))
    },
    data=Degraded(degradation=Preset(name="wild"), hr_patch=256, lr_patch=48, weighing="area"),
    train=Train(steps=20_000, batch_size=16, precision="bf16", ema=0.999, ema_warmup=True),
    licence="Apache-2.0",
)

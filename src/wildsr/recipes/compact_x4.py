"""The embedded default: SRVGGNetCompact x4 on photographs with a small wild degradation, L1.

The network is Real-ESRGAN's compact one (64 features, 16 hidden convolutions); the schedule is sized for two CPU
cores and an hour or two. Every number below is ours: no paper states this run.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Generator, Tensor

from wildsr.data.photographs import draw_patches, read_photographs
from wildsr.degradations.simple import SimpleDegradation
from wildsr.losses.pixel import l1
from wildsr.networks.compact import SRVGGNetCompact
from wildsr.training.simple_loop import OnStep, Schedule, fit


@dataclass(frozen=True)
class CompactX4:
    """The run, stated in full."""

    features: int = 64
    convs: int = 16
    scale: int = 4
    batch: int = 16
    lr_patch: int = 48
    schedule: Schedule = field(default_factory=lambda: Schedule(steps=6500, learning_rate=6e-4))


def train(recipe: CompactX4, photographs: Path, folder: Path, on_step: OnStep | None = None) -> Path:
    """Train on the photographs in one folder and return the checkpoint written into another.

    The checkpoint holds the averaged weights as float16 and says in its header how it was made.
    """
    hr_patch = recipe.lr_patch * recipe.scale
    pictures = read_photographs(photographs, smallest=hr_patch)
    degradation = SimpleDegradation(recipe.scale)

    def batch(rng: Generator) -> tuple[Tensor, Tensor]:
        hr = draw_patches(pictures, recipe.batch, hr_patch, rng)
        return degradation.apply(hr, [degradation.sample(rng) for _ in range(recipe.batch)]), hr

    torch.manual_seed(
        recipe.schedule.seed
    )  # the first weights; everything later draws from the loop's generator
    network = SRVGGNetCompact(recipe.features, recipe.convs, recipe.scale)
    average = fit(network, batch, lambda sr, hr: {"l1": l1(sr, hr)}, recipe.schedule, folder, on_step)
    checkpoint = folder / "wildsr-compact-x4.safetensors"
    save_file(
        {name: tensor.half().contiguous() for name, tensor in average.state_dict().items()},
        checkpoint,
        metadata={
            "architecture": "SRVGGNetCompact",
            "scale": str(recipe.scale),
            "licence": "Apache-2.0",
            "recipe": repr(recipe),
        },
    )
    return checkpoint


def with_steps(recipe: CompactX4, steps: int) -> CompactX4:
    """The same run over another number of steps."""
    return replace(recipe, schedule=replace(recipe.schedule, steps=steps))

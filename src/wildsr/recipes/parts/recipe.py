"""A recipe: everything that states a training run, as one strict value. Imports no torch."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from wildsr.recipes.parts.data import Data
from wildsr.recipes.parts.networks import Network
from wildsr.recipes.parts.objectives import Objective
from wildsr.recipes.parts.schedules import Optimizer
from wildsr.recipes.parts.strict import Part

Count = Annotated[int, Field(ge=1)]


class Train(Part):
    """How long, how much at once, how exactly."""

    steps: Count
    batch_size: Count
    """Samples in a step, of all processes together."""
    precision: Literal["bf16", "fp16", "fp32"] = "fp32"
    accumulate: Count = 1
    """Parts in which each process computes its batch, to save memory."""
    clip: float | None = Field(default=None, gt=0)
    """Largest norm of one network's gradients."""
    ema: float = Field(default=0.0, ge=0, lt=1)
    """Decay of the averaged weights, which become the model; 0 for the weights as they are."""
    ema_warmup: bool = False
    """Average over fewer steps in the beginning."""
    channels_last: bool = True
    fresh_optimizers_at: tuple[int, ...] = ()
    """Steps before which the optimizers forget what they have gathered (DDNSR)."""


class Files(Part):
    """What is written how often; changes nothing about the model."""

    log_every: Count = 100
    save_every: Count = 1000
    """Steps between states, from which a stopped run goes on."""
    keep: Count = 3
    """How many of the last states stay."""
    tensorboard: bool = True


class Validation(Part):
    """What the network is judged on while it trains."""

    folder: Path | None = None
    """Sharp images, which are degraded with fixed seeds, or the folders LR and HR; given by ``--val``. Null: none."""
    every: Count = 1000
    """Steps between validations."""
    images: Count = 10
    """How many at most, the first by name."""
    patch: int | None = Field(default=256, ge=64)
    """HR pixels on a side of what is cut from the middle of each; null for whole images."""
    lpips: bool = True
    """Compute LPIPS where its weights are found."""
    best_by: Literal["psnr", "ssim", "lpips"] | None = "psnr"
    """Which metric decides about the model that is also kept as ``NAME-best``."""


class Recipe(Part):
    """Everything that states a training run."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    """Also the name of the model file."""
    about: str = ""
    """What it is for, and where its numbers come from."""
    scale: Literal[1, 2, 3, 4, 8] = 4
    seed: Annotated[int, Field(ge=0)] = 0
    networks: dict[str, Network]
    """By their names in the objective."""
    objective: Objective
    optimizers: dict[str, Optimizer]
    """One for each network that is trained."""
    data: Data
    train: Train
    validation: Validation = Validation()
    files: Files = Files()
    licence: str = "unknown"
    """Of the model, written into its file."""

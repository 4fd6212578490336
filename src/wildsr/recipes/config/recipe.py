"""A recipe: one value that completely describes a training run. Imports no torch."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from wildsr.recipes.config.data import Data
from wildsr.recipes.config.networks import Network
from wildsr.recipes.config.node import Node, replaced
from wildsr.recipes.config.objectives import AnyObjective
from wildsr.recipes.config.optimizers import OptimizerConfig
from wildsr.training.settings import FileSettings, TrainSettings, ValidationSettings, one_or_several

Metric = Literal["psnr", "ssim", "lpips"]


class ValidationConfig(ValidationSettings):
    """Validation during training."""

    folder: Path | None = None
    """Sharp images, which are degraded with fixed seeds, or a folder with LR and HR; given by ``--val``. null for no
    validation."""
    images: Annotated[int, Field(ge=1)] = 10
    """Largest number of images, taken in the order of their names."""
    patch: int | None = Field(default=256, ge=64)
    """Side in HR pixels of the crop from the centre of each image; null for whole images."""
    lpips: bool = True
    """Compute LPIPS if its weights are found."""
    best_by: Annotated[tuple[Metric, ...], BeforeValidator(one_or_several)] = ("psnr",)
    """Metric by which the best model is chosen and kept as ``NAME-best``. With several, such as [psnr, lpips], each
    best model is kept as ``NAME-best-METRIC``; with none, no best model is kept."""


class Recipe(Node):
    """Everything that determines a training run."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    """Name of the recipe, and of the model file."""
    about: str = ""
    """Purpose of the recipe, and the source of its numbers."""
    scale: Literal[1, 2, 3, 4, 8] = 4
    """Upscaling factor."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Random seed."""
    networks: dict[str, Network]
    """Networks by the names that the objective gives them."""
    objective: AnyObjective
    """Training objective: which networks are trained, on which losses."""
    optimizers: dict[str, OptimizerConfig]
    """One optimizer for each network, by the same names."""
    data: Data
    """Training images."""
    train: TrainSettings
    """Length, batch size, precision."""
    validation: ValidationConfig = ValidationConfig()
    """Validation during training."""
    files: FileSettings = FileSettings()
    """Output files, and how often they are written."""
    licence: str = "unknown"
    """Licence of the model, written into its file."""

    def replaced(self, values: Mapping[str, Any]) -> "Recipe":
        """A copy with other values, given as Python objects by dotted place.

        ``recipe.replaced({"train.steps": 1000, "networks.generator": MyNetworkConfig()})``. None as the value of an
        entry of ``networks``, ``optimizers`` or losses removes the entry.

        Raises:
            RecipeError: an unknown key, or a value that does not suit.
        """
        return replaced(self, values)

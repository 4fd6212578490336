"""Settings of a training run, and the types of its arguments. Imports no torch.

The settings are pydantic models, so that a recipe holds them as they are.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

if TYPE_CHECKING:
    from torch import Tensor, nn

    from wildsr.training.objective import Batch

STRICT = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
"""Configuration of all settings: immutable, unknown keys are errors, docstrings become descriptions."""

Count = Annotated[int, Field(ge=1)]
Precision = Literal["bf16", "fp16", "fp32"]

Batches = Callable[[int], Iterator["Batch"]]
"""The batches from step n on, without end, one per step. Batch n is the same in every run.

With several processes, process r of w yields part r of w equal parts of the batch.
"""

Rate = Callable[[int], float]
"""Learning rate of a step, counted from zero; see :mod:`wildsr.training.schedules`."""


@dataclass(frozen=True)
class Validation:
    """Result of a validation.

    Attributes:
        metrics: values by name.
        images: samples (3, H, W) in [0, 1], by name.
        lower_is_better: names of the metrics whose best value is the lowest.
    """

    metrics: Mapping[str, float]
    images: "Mapping[str, Tensor]" = field(default_factory=dict)
    lower_is_better: frozenset[str] = frozenset()


Validate = Callable[["nn.Module"], Validation]
"""Validates the result network, which is in evaluation mode, on the training device, without gradients."""


def one_or_several(value: Any) -> Any:
    """The value as a tuple: of one text, of several, or empty for None."""
    return () if value is None else (value,) if isinstance(value, str) else tuple(value)


class TrainSettings(BaseModel):
    """Number of steps, batch size, numerical precision."""

    model_config = STRICT

    steps: Count
    """Training steps in total."""
    batch_size: Count
    """Samples per step, over all processes together."""
    precision: Precision = "fp32"
    """Precision in which the networks compute; losses and weights are float32 always."""
    accumulate: Count = 1
    """Number of parts in which each process computes its batch, one after the other, to save memory."""
    clip: float | None = Field(default=None, gt=0)
    """Largest norm of the gradients of one network; null for no clipping."""
    ema: float = Field(default=0.0, ge=0, lt=1)
    """Decay of the exponential moving average of the weights, which becomes the model; 0 for no averaging."""
    ema_warmup: bool = False
    """Average over fewer steps at the beginning, so that the initial weights lose their influence quickly."""
    channels_last: bool = True
    """Memory order of images and weights; faster for convolutions in half precision."""
    fresh_optimizers_at: tuple[int, ...] = ()
    """Steps before which the state of the optimizers is reset (phases of DDNSR)."""


class FileSettings(BaseModel):
    """Output files, and how often they are written. No influence on the model."""

    model_config = STRICT

    log_every: Count = 100
    """Steps between lines of the log."""
    save_every: Count = 1000
    """Steps between checkpoints, from which a stopped run resumes."""
    keep: Count = 3
    """Number of checkpoints to keep."""
    tensorboard: bool = True
    """Write curves and images for TensorBoard."""


class ValidationSettings(BaseModel):
    """When to validate, and which models to keep."""

    model_config = STRICT

    every: Count = 1000
    """Steps between validations; there is one after the last step in any case."""
    best_by: Annotated[tuple[str, ...], BeforeValidator(one_or_several)] = ()
    """Metrics whose best model is kept."""


@dataclass(frozen=True)
class RunSettings:
    """All settings of a run, apart from its networks and losses.

    Attributes:
        train, files, validation: as in a recipe.
        seed: for PyTorch's default generators, which every step seeds anew.
        attempts: how often in a row the run returns to its last checkpoint after a loss that is not finite.
    """

    train: TrainSettings
    files: FileSettings = field(default_factory=FileSettings)
    validation: ValidationSettings = field(default_factory=ValidationSettings)
    seed: int = 0
    attempts: int = 3


def _unchanged(identity: Mapping[str, str]) -> Mapping[str, str]:
    return identity


@dataclass(frozen=True)
class Run:
    """Output folder, name and identity of a run.

    Attributes:
        folder: gets ``state/``, ``NAME.safetensors``, ``recipe.yaml``, ``log.jsonl``, ``tensorboard/``, ``samples/``.
        name: of the model file.
        recipe: the complete recipe as text, written beside the model.
        identity: values on which a checkpoint must agree to be resumed, flat ("networks.g.blocks": "23"). Leave out
            what may change between two parts of a run: its length, folders of data, workers, devices.
        header: metadata of the model file beyond its architecture: ``licence``, ``source`` and the like.
        current: rewrites the identity in a checkpoint of an older version, whose keys had other names.
    """

    folder: Path
    name: str
    recipe: str
    identity: Mapping[str, str]
    header: Mapping[str, str] = field(default_factory=dict)
    current: Callable[[Mapping[str, str]], Mapping[str, str]] = _unchanged

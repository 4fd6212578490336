"""What a run is told: how long, how exactly, how often, and where its files go."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from torch import Tensor, nn

from wildsr.training.objective import Batch

Precision = Literal["bf16", "fp16", "fp32"]

Batches = Callable[[int], Iterator[Batch]]
"""The batches from step n on, without an end, one per step. Batch n is always the same, whoever asks.

With several processes, process r of w yields part r of w equal parts of the batch.
"""

Rate = Callable[[int], float]
"""The learning rate of a step, counted from zero; see :mod:`wildsr.training.schedules`."""


@dataclass(frozen=True)
class Validation:
    """What a validation found: values by metric, and images (3, H, W) in [0, 1] worth looking at, by name."""

    metrics: Mapping[str, float]
    images: Mapping[str, Tensor] = field(default_factory=dict)


Validate = Callable[[nn.Module], Validation]
"""Judges the network that the run is for, which is in evaluation mode, on the training device, without gradients."""


@dataclass(frozen=True)
class Plan:
    """How a run proceeds, apart from what it trains.

    Attributes:
        steps: training steps in all.
        seed: of what an objective draws from PyTorch's default generators, which every step seeds anew.
        accumulate: parts in which a process computes its batch.
        clip: largest norm of one network's gradients; None for no clipping.
        ema: decay of the averaged weights (float32) that validation and the model file get; 0 for no averaging.
        ema_warmup: average over fewer steps in the beginning, so that the first weights are soon forgotten.
        channels_last: memory order of networks and images; faster for convolutions in half precision.
        fresh_optimizers_at: steps before which the optimizers forget what they have gathered (DDNSR's phases).
        log_every: steps between lines of the log.
        validate_every: steps between validations; 0 for none but the last, which takes place if there is one at all.
        save_every: steps between states, from which an interrupted run goes on.
        keep: how many of the last states are kept.
        best_by: metric of the validation that decides which model is also kept as ``NAME-best.safetensors``.
        higher_is_better: whether that metric grows with quality.
        attempts: how often in a row the run goes back to its last state after a loss that is not finite.
        tensorboard: write curves and images for TensorBoard.
    """

    steps: int
    seed: int = 0
    accumulate: int = 1
    clip: float | None = None
    ema: float = 0.0
    ema_warmup: bool = False
    channels_last: bool = True
    fresh_optimizers_at: tuple[int, ...] = ()
    log_every: int = 100
    validate_every: int = 0
    save_every: int = 1000
    keep: int = 3
    best_by: str | None = None
    higher_is_better: bool = True
    attempts: int = 3
    tensorboard: bool = True

    def __post_init__(self) -> None:
        for name in ("steps", "accumulate", "log_every", "save_every", "keep"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if not 0 <= self.ema < 1:
            raise ValueError(f"ema must be at least 0 and below 1, not {self.ema}")
        if self.clip is not None and self.clip <= 0:
            raise ValueError(f"clip must be above 0, not {self.clip}")


@dataclass(frozen=True)
class Run:
    """Where a run lives and what it is.

    Attributes:
        folder: gets ``state/``, ``NAME.safetensors``, ``recipe.yaml``, ``log.jsonl``, ``tensorboard/``, ``samples/``.
        name: of the model file; by-products of the objective are ``NAME-NETWORK.safetensors``.
        recipe: the resolved recipe as text, written beside every model.
        identity: what a state must agree on to be resumed, flat ("networks.g.blocks": "23"); leave out what may change
            between two halves of a run: its length, folders of data, workers, devices.
        header: what the model file says of itself beyond its architecture: ``licence``, ``source`` and the like.
    """

    folder: Path
    name: str
    recipe: str
    identity: Mapping[str, str]
    header: Mapping[str, str] = field(default_factory=dict)

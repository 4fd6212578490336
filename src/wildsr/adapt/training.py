"""Fine-tuning within a given time: the recipe, its pace, and a schedule by the clock."""

import math
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from wildsr.adapt.errors import AdaptError
from wildsr.data.loader import Batches
from wildsr.networks.lpips import Backbone
from wildsr.recipes.config.data import DegradedDataConfig
from wildsr.recipes.config.degradations import DegradationConfig
from wildsr.recipes.config.losses import (
    DotsConfig,
    FlatConfig,
    GridConfig,
    LossConfig,
    LpipsConfig,
    PhasesConfig,
    PSNRConfig,
    SerrationConfig,
    SpecksConfig,
    TVConfig,
)
from wildsr.recipes.config.networks import NetworkConfig
from wildsr.recipes.config.objectives import PixelObjectiveConfig
from wildsr.recipes.config.optimizers import OptimizerConfig
from wildsr.recipes.config.recipe import Recipe, ValidationConfig
from wildsr.recipes.run import Built
from wildsr.storage.devices import pick_device
from wildsr.training.events import OnEvent
from wildsr.training.objective import Batch
from wildsr.training.processes import Accelerator, Hardware, start
from wildsr.training.settings import Batches as TrainingBatches
from wildsr.training.settings import FileSettings, Precision, Rate, TrainSettings
from wildsr.training.step import training_step
from wildsr.training.threads import threads_for
from wildsr.zoo.catalogue import find
from wildsr.zoo.features.files import MissingWeights
from wildsr.zoo.features.lpips import lpips_files
from wildsr.zoo.load import load
from wildsr.zoo.model import Contract

NAME = "adapted"
"""Name of the recipe, and of the model file in the folder of the run."""
LR_PATCH, _MARGIN = 32, 16
"""Side of an LR patch, and HR pixels by which the patch that is degraded is larger than the one that is kept."""
_SCALE = 4
HR_PATCH = _SCALE * LR_PATCH + _MARGIN
"""Least side of an HR image."""
_BATCH = 4
_RATES = {"SRVGGNetCompact": ("adam", 4e-5), "ResUNet": ("muon", 3e-4), "RRDBNet": ("lora", 1e-4)}
"""Optimizer and rate with which a finished network of each architecture can go on; for others a careful Adam."""
_CAREFUL = ("adam", 2e-5)
_SLOW = {"RRDBNet": 1}
"""Batch size of networks that need much memory and time for each pixel."""
_CRISP, _CRISP_IF_BLURRED, _CRISP_BLURS = 2.0, 0.7, (0.5, 1.3)
"""Weights with which the edges of the target are made steeper, for sharp and for blurred photos, and the blurs in
pixels at which they hold, with a line between: training for PSNR and LPIPS softens the edges of a perceptual model,
unless it has to learn to remove blur."""
_ALEX, _SQUEEZE = 0.4, 0.5
"""Weights of LPIPS with two networks beside one of 3 for PSNR. AlexNet's alone gave mottled skin and a grid."""
_DEFOCUSED = 0.08
"""Share of patches out of focus. HR images made of whole photos have hardly any smooth areas, and a model that is
trained on them alone draws dots into noise."""
_FINAL = 0.03
"""Share of the rate that is left at the end."""
_WARM_UP = 20
_PROBE_STEPS = 2
_SAVE_SECONDS = 30.0
_PREVIEWS, _PREVIEW_SECONDS = 8, 20.0
"""Largest number of samples during the training, and least time between them."""


@dataclass(frozen=True)
class Pace:
    """Measured seconds per training step."""

    seconds: float


class _TimeIsUp(Exception):
    """The time for training has passed."""


def adaptable(name: str) -> Contract:
    """The contract of a model from which training can start.

    Raises:
        AdaptError: its network cannot be trained here.
        ModelError: it cannot be loaded.
    """
    contract = load(name).contract
    if contract.value_range != 1 or not contract.sizes:
        raise AdaptError(
            f"the model '{contract.name}' ({contract.architecture}) cannot be adapted; choose one that works in [0, 1] "
            "and whose architecture wildsr can train, such as wildsr-photo-x4 or an RRDBNet of BSRGAN or Real-ESRGAN"
        )
    if contract.scale != 4:
        raise AdaptError(
            f"the model '{contract.name}' upscales x{contract.scale}; only x4 models can be adapted"
        )
    return contract


def adaptation_recipe(
    start: str,
    contract: Contract,
    images: Path,
    degradation: DegradationConfig,
    *,
    blur: float,
    faithful: bool,
    full: bool,
    seed: int,
    features: Path | None,
) -> Recipe:
    """The recipe of an adaptation; its number of steps follows from the pace.

    ``blur`` is the standard deviation of that of the photos, in pixels. An RRDBNet gets low-rank changes of its
    weights, or with ``full`` any changes; other networks always get those.

    Raises:
        RecipeError: the architecture cannot be trained.
    """
    sizes = {key: value for key, value in contract.sizes.items() if key != "scale"}
    path = find(start)[1]
    kind, rate = _RATES.get(contract.architecture, _CAREFUL)
    if full and kind == "lora":
        kind, rate = _CAREFUL
    batch = _SLOW.get(contract.architecture, _BATCH)
    network: Any = {"architecture": contract.architecture, **sizes, "start": str(path)}
    generator: dict[str, NetworkConfig] = {"generator": network}
    return Recipe(
        name=NAME,
        about="Fine-tuning for the photos of one camera, made by `wildsr adapt`.",
        seed=seed,
        networks=generator,
        objective=PixelObjectiveConfig(terms=_terms(faithful, contract.architecture, features)),
        optimizers={
            "generator": OptimizerConfig.model_validate({"kind": kind, "rate": rate, "betas": (0.9, 0.99)})
        },
        data=DegradedDataConfig(
            folder=images,
            degradation=degradation,
            hr_patch=HR_PATCH,
            lr_patch=LR_PATCH,
            weighing="area",
            rendered=0.08,
            defocused=_DEFOCUSED,
            crisp=0 if faithful else _crisp(blur),
            workers=0 if not torch.cuda.is_available() else None,
        ),
        train=TrainSettings(steps=1, batch_size=batch, precision="fp32", ema=0.98, ema_warmup=True),
        validation=ValidationConfig(best_by=(), lpips=False, images=3, patch=256),
        files=FileSettings(log_every=5, save_every=50, keep=2, tensorboard=False),
        licence=contract.licence,
    )


def _crisp(blur: float) -> float:
    """The weight of steeper edges for photos with a blur of ``blur`` pixels."""
    return float(np.interp(blur, _CRISP_BLURS, (_CRISP, _CRISP_IF_BLURRED)))


def _terms(faithful: bool, architecture: str, features: Path | None) -> dict[str, LossConfig]:
    """PSNR alone for the faithful style; else also LPIPS, or gradients where its weights are missing."""
    if faithful:
        return {"psnr": PSNRConfig()}
    terms: dict[str, LossConfig] = {"psnr": PSNRConfig(weight=3)}
    if not _found("alex", features):
        return terms | {"differences": TVConfig(weight=4)}
    terms["alex"] = LpipsConfig(weight=_ALEX, backbone="alex", jitter=3)
    if _found("squeeze", features):
        terms["squeeze"] = LpipsConfig(weight=_SQUEEZE, backbone="squeeze", jitter=3)
    if architecture == "ResUNet":
        terms["grid"] = GridConfig(weight=3000)
    elif architecture == "SRVGGNetCompact":
        # LPIPS alone brings back the dots, the grid and the noise in flat areas that these networks were
        # trained not to have.
        terms |= {
            "flat": FlatConfig(weight=30, level=2.5),
            "specks": SpecksConfig(weight=1000),
            "dots": DotsConfig(weight=600, level=8),
            "grid": GridConfig(period=4, weight=50_000, level=6),
            "phases": PhasesConfig(weight=5),
            "serration": SerrationConfig(weight=1500),
        }
    return terms


def _found(backbone: Backbone, features: Path | None) -> bool:
    try:
        lpips_files(backbone, features)
    except MissingWeights:
        return False
    return True


def measure_pace(built: Built, device: str) -> Pace:
    """Seconds per step, measured on a copy of the network; the run itself is not changed."""
    objective = deepcopy(built.objective)
    place = pick_device(device)
    for network in objective.networks.values():
        network.to(place)
    objective.to_device(str(place))
    optimizers = {
        name: built.recipe.optimizers[name].build(network.parameters())
        for name, network in objective.networks.items()
    }
    batches = Batches(built.data.dataset, built.recipe.train.batch_size)(0)
    seconds = []
    with threads_for(place.type):
        for step in range(_PROBE_STEPS):
            began = time.perf_counter()
            batch = {role: tensor.to(place) for role, tensor in next(batches).items()}
            losses = training_step(objective, step, batch, optimizers)
            _ = [float(value) for value in losses.values()]  # waits for the device
            seconds.append(time.perf_counter() - began)
    return Pace(max(1e-4, min(seconds)))


class Schedule:
    """Shares of the highest learning rate in a run that ends by the clock, or after ``steps``: half a cosine, after a
    short warm-up."""

    def __init__(self, seconds: float, trained: float, steps: int | None = None) -> None:
        self._seconds, self._steps = max(seconds, 1e-9), steps
        self._before, self._began = trained, time.monotonic()

    @property
    def trained(self) -> float:
        """Seconds of training so far, over all parts of the run."""
        return self._before + time.monotonic() - self._began

    @property
    def left(self) -> float:
        """Seconds left for training; infinite if the number of steps decides."""
        return math.inf if self._steps is not None else max(0.0, self._seconds - self.trained)

    def share(self, step: int) -> float:
        """The share of the learning rate in a step that begins now."""
        done = min(1.0, self.trained / self._seconds if self._steps is None else step / self._steps)
        cosine = _FINAL + (1 - _FINAL) * (1 + math.cos(math.pi * done)) / 2
        return cosine * min(1.0, (step + 1) / _WARM_UP)


def train_by_clock(
    built: Built,
    folder: Path,
    pace: Pace,
    seconds: float,
    trained: float,
    device: str,
    *,
    steps: int | None = None,
    on_event: OnEvent | None = None,
    on_problem: Callable[[str], None] | None = None,
    on_time: Callable[[float], None] | None = None,
) -> Path:
    """Train for ``seconds`` in all, of which ``trained`` have passed in earlier parts, and return the model file.

    Args:
        built: the run.
        folder: of its files; a run that is there is continued.
        pace: of a step.
        seconds: of training.
        trained: seconds of earlier parts of the run.
        device: to train on.
        steps: train for this many steps, however long they take; None: the time decides.
        on_event: progress.
        on_problem: called for each image that turns out to be unreadable.
        on_time: called with the seconds of training so far, from time to time and at the end.

    Raises:
        Interrupted, TrainingError: as :func:`wildsr.training.loop.fit`.
    """
    # A machine that becomes faster must not run out of steps: the clock ends the run.
    most = max(1, round(2 * seconds / pace.seconds)) if steps is None else steps
    expected = seconds / pace.seconds if steps is None else steps
    per_save = max(1, round(_SAVE_SECONDS / pace.seconds))
    recipe = built.recipe.replaced(
        {
            "train.steps": most,
            "files.save_every": per_save,
            "files.log_every": max(1, round(expected / 60)),
            "validation.every": max(1, round(max(expected / _PREVIEWS, _PREVIEW_SECONDS / pace.seconds))),
        }
    )
    clock = Schedule(seconds, trained, steps)
    rates: dict[str, Rate] = {
        name: partial(_rate, clock, recipe.optimizers[name].rate) for name in built.objective.networks
    }
    run = replace(built, recipe=recipe, rates=rates)
    model = folder / f"{recipe.name}.safetensors"
    try:
        return run.train(
            start(hardware_of(device, recipe.train.precision)),
            folder,
            on_event,
            on_problem,
            lambda batches: _until(batches, clock, on_time),
        )
    except _TimeIsUp:
        if not model.is_file():
            raise AdaptError(
                "the time ran out before the first training step; allow more with --minutes, then repeat the command"
            ) from None
        return model
    finally:
        if on_time is not None:
            on_time(clock.trained)


def _rate(clock: Schedule, highest: float, step: int) -> float:
    return highest * clock.share(step)


def _until(
    batches: TrainingBatches, clock: Schedule, on_time: Callable[[float], None] | None
) -> TrainingBatches:
    """The batches until the time is over."""

    def limited(first_step: int) -> Iterator[Batch]:
        told = time.monotonic()
        for batch in batches(first_step):
            if clock.left <= 0:
                raise _TimeIsUp
            if on_time is not None and time.monotonic() - told > _SAVE_SECONDS / 3:
                told = time.monotonic()
                on_time(clock.trained)
            yield batch

    return limited


def hardware_of(device: str, precision: Precision) -> Hardware:
    """The device, as Fabric names it."""
    place = pick_device(device)
    accelerators: dict[str, Accelerator] = {"cpu": "cpu", "cuda": "gpu", "mps": "mps"}
    index = place.index if place.type == "cuda" else None
    return Hardware(accelerators[place.type], 1 if index is None else (index,), precision=precision)


def with_validation(recipe: Recipe, folder: Path) -> Recipe:
    """The recipe with the pairs of ``folder`` (LR, HR) as samples to look at."""
    return recipe.replaced({"validation.folder": folder})

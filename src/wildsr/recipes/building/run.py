"""From a recipe to everything that the training loop wants."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from lightning.fabric import Fabric
from torch import nn
from torch.optim import Optimizer

from wildsr.data.loader import Batches, OnProblem
from wildsr.recipes.building.data import Found, build_data, notes_on, workers_of
from wildsr.recipes.building.networks import build_network
from wildsr.recipes.building.objectives import build_objective, check_roles
from wildsr.recipes.building.validation import build_validation, note_on
from wildsr.recipes.parts import schedules as parts
from wildsr.recipes.parts.files import dump_recipe, flat
from wildsr.recipes.parts.objectives import trained_metrics
from wildsr.recipes.parts.recipe import Recipe
from wildsr.recipes.parts.strict import RecipeError
from wildsr.training import schedules
from wildsr.training.events import OnEvent
from wildsr.training.loop import fit
from wildsr.training.objective import Objective
from wildsr.training.optimizers import KerasAdam, Muon
from wildsr.training.plan import Plan, Rate, Run, Validate

_FREE = (
    "about",
    "train.steps",
    "train.accumulate",
    "data.folder",
    "data.hr",
    "data.lr",
    "data.source",
    "data.noise",
    "data.workers",
    "data.memory",
    "validation",
    "files",
    "licence",
)
"""What may change between two halves of one run."""


@dataclass(frozen=True)
class Built:
    """A run that can begin."""

    recipe: Recipe
    objective: Objective
    optimizers: dict[str, Optimizer]
    rates: dict[str, Rate]
    data: Found
    validate: Validate | None
    notes: tuple[str, ...]
    """What a person should know before it begins."""


def build(recipe: Recipe, features: Path | None = None) -> Built:
    """Build the networks, losses, optimizers and data of a recipe.

    ``features`` is a folder with the files of feature networks, instead of the usual ones.

    Raises:
        RecipeError: when parts of the recipe do not suit each other, or files that it needs are missing.
        DataError: when the images cannot be used.
    """
    check_roles(recipe.objective.kind, recipe.networks, "networks")
    check_roles(recipe.objective.kind, recipe.optimizers, "optimizers")
    # The cheap failures come first: reading images may take minutes.
    networks = {
        name: build_network(part, recipe.scale, name, recipe.seed) for name, part in recipe.networks.items()
    }
    objective = build_objective(recipe.objective, networks, features, recipe.seed)
    optimizers = _optimizers(recipe, objective.networks)
    rates = {name: rate_of(recipe.optimizers[name], recipe.train.steps) for name in objective.networks}
    validate = build_validation(recipe, features)
    data = build_data(recipe.data, recipe.scale, recipe.seed)
    judging = note_on(recipe, features)
    notes = (*notes_on(data), *((judging,) if judging else ()))
    return Built(recipe, objective, optimizers, rates, data, validate, notes)


def train(
    built: Built,
    fabric: Fabric,
    folder: Path,
    on_event: OnEvent | None = None,
    on_problem: OnProblem | None = None,
) -> Path:
    """Train in ``folder``, or go on where the run there stopped, and return the model file.

    Raises:
        Interrupted, TrainingError: as :func:`wildsr.training.loop.fit`.
        DataError: when too many images turn out to be unreadable, or a worker process died.
    """
    recipe = built.recipe
    batches = Batches(
        built.data.dataset,
        recipe.train.batch_size,
        workers_of(recipe.data),
        fabric.global_rank,
        fabric.world_size,
        on_problem,
        pinned=fabric.device.type == "cuda",
    )
    return fit(
        fabric,
        built.objective,
        built.optimizers,
        built.rates,
        batches,
        plan_of(recipe),
        run_of(recipe, folder),
        validate=built.validate,
        on_event=on_event,
    )


def plan_of(recipe: Recipe) -> Plan:
    """How the run of a recipe proceeds."""
    train, files, validation = recipe.train, recipe.files, recipe.validation
    judged = validation.folder is not None
    return Plan(
        steps=train.steps,
        seed=recipe.seed,
        accumulate=train.accumulate,
        clip=train.clip,
        ema=train.ema,
        ema_warmup=train.ema_warmup,
        channels_last=train.channels_last,
        fresh_optimizers_at=train.fresh_optimizers_at,
        log_every=files.log_every,
        validate_every=validation.every if judged else 0,
        save_every=files.save_every,
        keep=files.keep,
        best_by=validation.best_by if judged else None,
        higher_is_better=validation.best_by != "lpips",
        tensorboard=files.tensorboard,
    )


def run_of(recipe: Recipe, folder: Path) -> Run:
    """Where the run of a recipe lives, and what it is."""
    identity = {
        place: str(value)
        for place, value in flat(recipe).items()
        if not any(place == free or place.startswith(f"{free}.") for free in _FREE)
    }
    header = {"licence": recipe.licence, "source": f"trained with wildsr's recipe {recipe.name}"}
    if metrics := trained_metrics(recipe.objective):
        header["trained_on"] = ", ".join(metrics)
    return Run(folder, recipe.name, dump_recipe(recipe), identity, header)


def rate_of(optimizer: parts.Optimizer, steps: int) -> Rate:
    """The learning rate of every step."""
    base = optimizer.rate
    plan = optimizer.schedule
    match plan:
        case parts.Constant():
            rate: Rate = partial(_constant, base)
        case parts.Milestones():
            rate = partial(_milestones, base, plan)
        case parts.Linear():
            rate = partial(_linear, base, plan)
        case parts.Cosine():
            rate = partial(_cosine, base, plan, steps)
    return partial(_warmed_up, rate, plan.warmup) if plan.warmup else rate


def _constant(base: float, _step: int) -> float:
    return base


def _milestones(base: float, plan: parts.Milestones, step: int) -> float:
    return schedules.multi_step(step + plan.ahead, base, plan.at, plan.factor)


def _linear(base: float, plan: parts.Linear, step: int) -> float:
    return schedules.linear(step // plan.every * plan.every, base, plan.begin, plan.end)


def _cosine(base: float, plan: parts.Cosine, steps: int, step: int) -> float:
    return schedules.cosine(min(step, steps), base, (steps,), plan.final * base)


def _warmed_up(rate: Rate, warmup: int, step: int) -> float:
    return rate(step) * schedules.warm_up(step, warmup)


def _optimizers(recipe: Recipe, networks: Mapping[str, nn.Module]) -> dict[str, Optimizer]:
    made: dict[str, Optimizer] = {}
    for place, (name, network) in enumerate(networks.items()):
        part = recipe.optimizers[name]
        weights = network.parameters()
        if part.weight_decay and part.kind in ("keras-adam", "muon"):
            raise RecipeError(f"optimizers.{name}.weight_decay: {part.kind} has none")
        match part.kind:
            case "keras-adam":
                made[name] = KerasAdam(weights, part.rate, part.betas, part.epsilon, len(networks), place)
            case "muon":
                made[name] = Muon(weights, part.rate, betas=part.betas, epsilon=part.epsilon)
            case "adam" | "adamw":
                kind = torch.optim.Adam if part.kind == "adam" else torch.optim.AdamW
                made[name] = kind(
                    weights, lr=part.rate, betas=part.betas, eps=part.epsilon, weight_decay=part.weight_decay
                )
    return made

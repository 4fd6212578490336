"""Builds everything that a recipe describes, and trains it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lightning.fabric import Fabric
from torch import nn
from torch.optim import Optimizer

from wildsr.data.loader import Batches, OnProblem
from wildsr.data.memory import image_budget
from wildsr.recipes.config.data import TrainingData
from wildsr.recipes.config.recipe import Recipe
from wildsr.recipes.initial_weights import new_network
from wildsr.recipes.renamed import current_identity
from wildsr.recipes.validation import build_validation, note_on
from wildsr.recipes.yaml import dump_recipe, flat
from wildsr.training.events import OnEvent
from wildsr.training.loop import fit
from wildsr.training.objective import Objective
from wildsr.training.processes import Hardware, start
from wildsr.training.settings import Batches as TrainingBatches
from wildsr.training.settings import Rate, Run, RunSettings, Validate
from wildsr.training.threads import threads_for
from wildsr.zoo.catalogue import find
from wildsr.zoo.errors import ModelError
from wildsr.zoo.header import Header, read_metadata

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
"""Places that may change between two parts of one run."""


@dataclass(frozen=True)
class Built:
    """A run that is ready to start."""

    recipe: Recipe
    objective: Objective
    optimizers: dict[str, Optimizer]
    rates: dict[str, Rate]
    data: TrainingData
    validate: Validate | None
    notes: tuple[str, ...]
    """Facts for the user, to be shown before the run starts."""

    def train(
        self,
        fabric: Fabric,
        folder: Path,
        on_event: OnEvent | None = None,
        on_problem: OnProblem | None = None,
        through: Callable[[TrainingBatches], TrainingBatches] | None = None,
    ) -> Path:
        """Train in ``folder``, or resume the run there, and return the model file.

        ``through`` gets the batches and returns those to train on; an exception that these raise ends the run.

        Raises:
            Interrupted, TrainingError: as :func:`wildsr.training.loop.fit`.
            DataError: too many images turn out to be unreadable, or a worker process died.
        """
        batches = Batches(
            self.data.dataset,
            self.recipe.train.batch_size,
            self.recipe.data.worker_count(),
            fabric.global_rank,
            fabric.world_size,
            on_problem,
            pinned=fabric.device.type == "cuda",
        )
        with threads_for(fabric.device.type, on_event):
            return fit(
                fabric,
                self.objective,
                self.optimizers,
                self.rates,
                batches if through is None else through(batches),
                RunSettings(self.recipe.train, self.recipe.files, self.recipe.validation, self.recipe.seed),
                run_of(self.recipe, folder),
                validate=self.validate,
                on_event=on_event,
            )


def build(recipe: Recipe, features: Path | None = None) -> Built:
    """Build the networks, losses, optimizers and data of a recipe.

    ``features`` is a folder with the files of feature networks; None for the usual one.

    Raises:
        RecipeError: nodes of the recipe do not suit each other, or files that it needs are missing.
        DataError: the images cannot be used.
    """
    recipe.objective.check_names(recipe.networks, "networks")
    recipe.objective.check_names(recipe.optimizers, "optimizers")
    # Whatever fails quickly comes first: reading images may take minutes.
    networks = {
        name: new_network(config, name, recipe.scale, recipe.seed) for name, config in recipe.networks.items()
    }
    objective = recipe.objective.build(networks, features, recipe.seed)
    optimizers = _optimizers(recipe, objective.networks)
    rates = {name: recipe.optimizers[name].build_rate(recipe.train.steps) for name in objective.networks}
    validate = build_validation(recipe, features)
    data = recipe.data.build(recipe.scale, recipe.seed)
    if recipe.data.memory:
        data.keep_what_fits(image_budget())
    missing = note_on(recipe, features)
    notes = (*data.notes(), *((missing,) if missing else ()))
    return Built(recipe, objective, optimizers, rates, data, validate, notes)


def train(
    recipe: Recipe,
    folder: Path,
    *,
    features: Path | None = None,
    hardware: Hardware | None = None,
    on_event: OnEvent | None = None,
) -> Path:
    """Train a recipe in ``folder``, or resume the run there, and return the model file.

    ``features`` is a folder with the files of feature networks; None for the usual one. By default one device is used,
    a GPU if there is one, in the precision of the recipe.

    Raises:
        RecipeError, DataError: as :func:`build`.
        Interrupted, TrainingError: as :func:`wildsr.training.loop.fit`.
    """
    built = build(recipe, features)
    return built.train(start(hardware or Hardware(precision=recipe.train.precision)), folder, on_event)


def run_of(recipe: Recipe, folder: Path) -> Run:
    """The identity of a recipe's run, and where it writes."""
    identity = {
        place: str(value)
        for place, value in flat(recipe).items()
        if not any(place == free or place.startswith(f"{free}.") for free in _FREE)
    }
    header = {"licence": recipe.licence, "source": f"trained with wildsr's recipe {recipe.name}"}
    if metrics := {*recipe.objective.trained_metrics(), *_start_trained_on(recipe)}:
        header["trained_on"] = ", ".join(sorted(metrics))
    return Run(folder, recipe.name, dump_recipe(recipe), identity, header, current_identity)


def _start_trained_on(recipe: Recipe) -> list[str]:
    """The metrics on which the models were trained whose weights the networks start from."""
    found: list[str] = []
    for config in recipe.networks.values():
        if config.start is None:
            continue
        try:
            _, path, entry = find(config.start)
        except ModelError:
            continue  # loading the weights reports it
        found += (entry or Header.parse(read_metadata(path))).trained_on
    return found


def _optimizers(recipe: Recipe, networks: Mapping[str, nn.Module]) -> dict[str, Optimizer]:
    return {
        name: recipe.optimizers[name].build(network.parameters(), index, len(networks))
        for index, (name, network) in enumerate(networks.items())
    }

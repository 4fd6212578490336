"""The one training loop, for every method."""

from collections.abc import Mapping
from pathlib import Path

from lightning.fabric import Fabric
from torch.optim import Optimizer

from wildsr.training.events import OnEvent
from wildsr.training.objective import Objective
from wildsr.training.plan import Batches, Plan, Rate, Run, Validate


def fit(
    fabric: Fabric,
    objective: Objective,
    optimizers: Mapping[str, Optimizer],
    rates: Mapping[str, Rate],
    batches: Batches,
    plan: Plan,
    run: Run,
    *,
    validate: Validate | None = None,
    on_event: OnEvent | None = None,
) -> Path:
    """Train, or go on where the run in ``run.folder`` stopped, and return the model file.

    ``fabric`` comes from :func:`wildsr.training.processes.start`, and says which devices, how many processes and which
    precision; ``optimizers`` and ``rates`` have one entry for each of ``objective.networks``.

    Raises:
        Interrupted: after SIGTERM or SIGINT, once the state is saved. A second signal ends the process at once.
        TrainingError: when losses stay not finite, data workers die, files cannot be written, or the state in the
            folder belongs to another recipe.
    """
    raise NotImplementedError

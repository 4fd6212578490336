"""Upscales images on a Ray cluster: the driver's side."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from wildsr.cluster.engine import ROUNDS, Resources, connected, rows_of_round
from wildsr.cluster.errors import ClusterError, RoundLost
from wildsr.cluster.task import Task, everywhere
from wildsr.inference.entries import Entry


@dataclass
class Summary:
    """Outcome: the number of images that were done in this run, and the failures as (name, reason)."""

    done: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)


OnEntry = Callable[[Entry], None]


def upscale(
    task: Task,
    resources: Resources | None = None,
    *,
    address: str = "auto",
    on_entry: OnEntry | None = None,
) -> Summary:
    """Upscale images on a Ray cluster, continuing an earlier run of the same task.

    An image that fails is a row with its reason, and does not stop the others. Lost actors and nodes are replaced, and
    their images processed again. After the driver was lost, the same call continues the run. Finished images are
    recorded in Parquet files in the folder ``.wildsr-status`` of the output.

    Args:
        task: what to do.
        resources: what actors get.
        address: of the cluster; ``auto``: the one that this machine belongs to, or else a new one on this machine;
            ``local``: a new one.
        on_entry: called with the outcome of each image.

    Raises:
        ClusterError: Ray is not installed or not reachable, nodes differ from this machine, or the work does not end.
        UsageError: the output belongs to other settings, or holds other images.
    """
    from wildsr.cluster import status
    from wildsr.cluster.workers import NAMES, UpscaleActor, name_blocks

    resources = resources or Resources()
    task = settled(task)
    status.begin(task)
    arguments = (task, secrets.token_hex(4), resources.threads)
    outcome = Summary()
    failed: dict[str, str] = {}
    done: set[int] = set()  # of names, a million of which are too many to keep

    def take(entry: Entry) -> None:
        if entry.status == "done" and hash(entry.output) not in done:
            done.add(hash(entry.output))
            failed.pop(entry.input, None)  # in an earlier round
            outcome.done += 1
        elif entry.status == "failed":
            failed[entry.input] = entry.error or ""
        if on_entry is not None:
            on_entry(entry)

    lost = ""
    with connected(address) as ray:
        for _ in range(ROUNDS):
            blocks = partial(name_blocks, task, resources.batch)
            try:
                for row in rows_of_round(ray, blocks, NAMES, UpscaleActor, arguments, resources):
                    take(Entry(**row))
                if not _left(task, done, failed):
                    break
            except RoundLost as error:
                lost = f" ({error})"
        else:
            raise ClusterError(
                f"the cluster did not finish {task.output}; check its nodes, then run the command again{lost}"
            )
    outcome.failures = sorted(failed.items())
    return outcome


def settled(task: Task) -> Task:
    """The task with names that mean the same on every node, and the digest of its model. Raises ``ModelError``."""
    from wildsr.zoo.load import load

    toward = task.options.get("toward")
    return replace(
        task,
        model=_absolute(task.model),
        options={**task.options, **({"toward": _absolute(toward)} if toward else {})},
        inputs=tuple(map(everywhere, task.inputs)),
        output=everywhere(task.output),
        model_sha256=load(task.model).contract.sha256,
    )


def _absolute(model: str) -> str:
    """A model's file by a name that nodes find as well; other names as they are."""
    return everywhere(model) if Path(model).suffix and Path(model).expanduser().is_file() else model


def _left(task: Task, done: set[int], failed: dict[str, str]) -> bool:
    """Whether there is an image that neither was done nor failed."""
    from wildsr.cluster.workers import pending_rows

    if task.existing == "skip":
        return False
    return any(hash(row["target"]) not in done and row["source"] not in failed for row in pending_rows(task))

"""Upscales images on a Ray cluster: the driver's side."""

import math
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from wildsr.cluster.errors import ClusterError
from wildsr.cluster.task import Task
from wildsr.inference.entries import Entry

_ROUNDS = 5
"""How often the names are listed again for images that got lost with a node."""
_BLOCK_BYTES = 1024


@dataclass(frozen=True)
class Resources:
    """Resources of the actors.

    Attributes:
        cpus: CPUs per actor, which computes with as many threads.
        gpus: GPUs per actor.
        actors: how many; None: as many as fit into the cluster.
        batch: images that an actor takes at a time; their states are recorded together.
    """

    cpus: float = 1
    gpus: float = 0
    actors: int | None = None
    batch: int = 16


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
    their images done again; when the driver is lost, the same call does the rest. What was done is recorded in Parquet
    files in the folder ``.wildsr-status`` of the output.

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
    from wildsr.zoo.load import load

    resources = resources or Resources()
    task = replace(task, model_sha256=load(task.model).contract.sha256)
    status.begin(task)
    run = secrets.token_hex(4)
    outcome = Summary()
    failed: dict[str, str] = {}
    done: set[int] = set()  # of names, a million of which are too many to keep

    def take(entry: Entry) -> None:
        if entry.status == "done" and hash(entry.output) not in done:
            done.add(hash(entry.output))
            outcome.done += 1
        elif entry.status == "failed":
            failed[entry.input] = entry.error or ""
        if on_entry is not None:
            on_entry(entry)

    with _connected(address) as ray:
        for _ in range(_ROUNDS):
            error = _round(ray, task, resources, run, take)
            if error is None and not _left(task, done, failed):
                break
        else:
            raise ClusterError(
                f"the cluster did not finish {task.output}; check its nodes, then run the command again"
                + (f" ({error})" if error else "")
            )
    outcome.failures = sorted(failed.items())
    return outcome


def _left(task: Task, done: set[int], failed: dict[str, str]) -> bool:
    """Whether there is an image that neither was done nor failed."""
    from wildsr.cluster.workers import pending_rows

    if task.existing == "skip":
        return False
    return any(hash(row["target"]) not in done and row["source"] not in failed for row in pending_rows(task))


def _round(ray: Any, task: Task, resources: Resources, run: str, take: OnEntry) -> str | None:
    """Run all images that are left through the actors; returns why it ended early, or None."""
    from wildsr.cluster.workers import UpscaleActor

    actors = resources.actors or _fitting(ray, resources)
    data = ray.data
    context = data.DataContext.get_current()
    before = (context.target_max_block_size, context.target_min_block_size)
    # Blocks of names are tiny: at the usual size, actors would wait until the whole listing is one block.
    context.target_max_block_size, context.target_min_block_size = _BLOCK_BYTES, 1
    context.enable_progress_bars = False
    try:
        names = data.read_datasource(_names_source(task, resources.batch), override_num_blocks=1, num_cpus=0)
        states = names.map_batches(
            UpscaleActor,
            fn_constructor_args=(task, run, max(1, math.floor(resources.cpus))),
            batch_size=None,
            batch_format="pyarrow",
            compute=data.ActorPoolStrategy(min_size=1, max_size=actors, initial_size=actors),
            num_cpus=resources.cpus,
            num_gpus=resources.gpus,
        )
        for batch in states.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
            for row in batch.to_pylist():
                take(Entry(**row))
    except ray.exceptions.RayError as error:
        reason = _cause(error)
        if isinstance(reason, (ClusterError, OSError, ValueError)):
            raise ClusterError(str(reason)) from error
        return str(error).strip().splitlines()[-1]
    finally:
        context.target_max_block_size, context.target_min_block_size = before
    return None


def _names_source(task: Task, size: int) -> Any:
    from ray.data import Datasource
    from ray.data.block import BlockMetadata
    from ray.data.datasource import ReadTask

    from wildsr.cluster.workers import NAMES, name_blocks

    class Names(Datasource):  # type: ignore[misc]
        """Lists the images in one task, block by block."""

        def get_read_tasks(self, *_: Any, **__: Any) -> list[Any]:
            metadata = BlockMetadata(num_rows=None, size_bytes=None, input_files=None, exec_stats=None)
            return [ReadTask(lambda: name_blocks(task, size), metadata, schema=NAMES)]

        def estimate_inmemory_data_size(self) -> None:
            return None

    return Names()


def _fitting(ray: Any, resources: Resources) -> int:
    """How many actors fit into the nodes."""
    count = 0
    for node in ray.nodes():
        if node["Alive"]:
            here = node["Resources"]
            fits = [here.get("CPU", 0) // resources.cpus] if resources.cpus else []
            fits += [here.get("GPU", 0) // resources.gpus] if resources.gpus else []
            count += int(min(fits, default=1))
    if not count:
        raise ClusterError(
            "no node of the cluster has the CPUs and GPUs that an actor asks for; ask for fewer"
        )
    return count


def _cause(error: BaseException | None) -> BaseException | None:
    while error is not None:
        inner = getattr(error, "cause", None) or error.__cause__
        if isinstance(error, ClusterError) or inner is None or inner is error:
            return error
        error = inner
    return None


@contextmanager
def _connected(address: str) -> Iterator[Any]:
    """Ray, connected; a connection that was there before stays."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise ClusterError("for clusters, run: pip install 'wildsr[ray]'") from error
    if ray.is_initialized():
        yield ray
        return
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    try:
        if address == "auto":
            try:
                ray.init(address="auto", **options)
            except ConnectionError:
                ray.init(address="local", include_dashboard=False, **options)
        else:
            local = {"include_dashboard": False} if address == "local" else {}
            ray.init(address=address, **local, **options)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ClusterError(f"the Ray cluster at {address} cannot be reached: {error}") from error
    try:
        yield ray
    finally:
        ray.shutdown()

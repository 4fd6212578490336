"""Passes rows of names through actors on a Ray cluster, by Ray Data. The actors decide what is done with them."""

import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from wildsr.cluster.errors import ClusterError, RoundLost

ROUNDS = 5
"""Number of rounds over the rows; later rounds repeat those that were lost with a node."""
_BLOCK_BYTES = 1024

Blocks = Callable[[], Iterator[pa.Table]]


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

    @property
    def threads(self) -> int:
        """Threads that an actor computes with."""
        return max(1, math.floor(self.cpus))


def rows_of_round(
    ray: Any, blocks: Blocks, schema: pa.Schema, actor: type, arguments: tuple[Any, ...], resources: Resources
) -> Iterator[dict[str, Any]]:
    """The rows that actors make of the rows of ``blocks``, which one task yields on a node, in order of completion.

    Args:
        ray: the module, connected.
        blocks: called on a node; yields tables of ``schema``, one for each call of an actor.
        schema: of the blocks.
        actor: a class whose instances turn a table into another one.
        arguments: of its constructor.
        resources: of the actors.

    Raises:
        RoundLost: it ended early; nothing is wrong with the rows that were not done.
        ClusterError: an actor or the listing says that it cannot go on.
    """
    actors = resources.actors or _fitting(ray, resources)
    data = ray.data
    context = data.DataContext.get_current()
    before = (context.target_max_block_size, context.target_min_block_size)
    # Blocks of names are tiny: at the usual size, actors would wait until the whole listing is one block.
    context.target_max_block_size, context.target_min_block_size = _BLOCK_BYTES, 1
    context.enable_progress_bars = False
    try:
        names = data.read_datasource(_source(blocks, schema), override_num_blocks=1, num_cpus=0)
        states = names.map_batches(
            actor,
            fn_constructor_args=arguments,
            batch_size=None,
            batch_format="pyarrow",
            compute=data.ActorPoolStrategy(min_size=1, max_size=actors, initial_size=actors),
            num_cpus=resources.cpus,
            num_gpus=resources.gpus,
        )
        for batch in states.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
            yield from batch.to_pylist()
    except ray.exceptions.RayError as error:
        reason = _cause(error)
        if isinstance(reason, (ClusterError, OSError, ValueError)):
            raise ClusterError(str(reason)) from error
        raise RoundLost(str(error).strip().splitlines()[-1]) from error
    finally:
        context.target_max_block_size, context.target_min_block_size = before


def _source(blocks: Blocks, schema: pa.Schema) -> Any:
    from ray.data import Datasource
    from ray.data.block import BlockMetadata
    from ray.data.datasource import ReadTask

    class Names(Datasource):  # type: ignore[misc]
        """Yields the blocks in one task."""

        def get_read_tasks(self, *_: Any, **__: Any) -> list[Any]:
            metadata = BlockMetadata(num_rows=None, size_bytes=None, input_files=None, exec_stats=None)
            return [ReadTask(blocks, metadata, schema=schema)]

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
def connected(address: str) -> Iterator[Any]:
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

"""Makes training pairs on a Ray cluster: ``wildsr prepare --ray``."""

import io
import os
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import torch

from wildsr import __version__
from wildsr.cluster.engine import ROUNDS, Resources, connected, rows_of_round
from wildsr.cluster.errors import ClusterError, RoundLost
from wildsr.cluster.task import STATUS, everywhere
from wildsr.cluster.workers import check_version
from wildsr.data.errors import DataError
from wildsr.data.learned import SEPARATOR, split_name
from wildsr.data.manifest import MANIFEST, Manifest, PreparedImage, entry_of, line_of
from wildsr.data.pair_folders import Item, Outcome, Prepared, prepared, settings_of
from wildsr.data.pair_maker import Preparation, TooSmall
from wildsr.data.prepare_folders import prepare_folders
from wildsr.storage.atomic import write_bytes
from wildsr.storage.threads import map_ahead
from wildsr.storage.walk import files_below

ITEMS = pa.schema([(name, pa.string()) for name in ("path", "name", "role", "output", "inner")])
STATES = pa.schema(
    [
        *((name, pa.string()) for name in ("input", "output", "status", "error")),
        ("seconds", pa.float64()),
        ("entry", pa.string()),  # the line in the manifest
    ]
)


@dataclass(frozen=True)
class PairTask:
    """Images to make pairs of, as every node receives it.

    Attributes:
        folder: absolute, mounted on every node.
        how: how pairs are made.
        settings: those of the manifest, with the digests of pools; every node must find the same pools.
        version: of wildsr; every node must have the same.
    """

    folder: str
    how: Preparation
    settings: dict[str, Any]
    version: str = __version__


def prepare(
    sources: Sequence[Path],
    targets: Sequence[Path],
    output: Path,
    how: Preparation,
    resources: Resources | None = None,
    *,
    address: str = "auto",
    stores: bool = False,
    on_image: Callable[[int, int], None] | None = None,
) -> Prepared:
    """Make training pairs on a Ray cluster, continuing an earlier run on a cluster or without one.

    Folders must be mounted on every node under the same absolute names. Pairs and manifest are those of
    ``wildsr prepare``. Actors also record what was done in Parquet files in the folder ``.wildsr-status`` of the
    output, so that a run can continue after its driver was lost. Each computes with one thread, as the worker processes
    of ``wildsr prepare`` do.

    Args:
        sources, targets, output, how, stores, on_image: as for ``wildsr.data.prepare_folders.prepare_folders``.
        resources: what actors get.
        address: of the cluster, as for :func:`wildsr.cluster.upscale`.

    Raises:
        ClusterError: Ray is not installed or not reachable, nodes differ from this machine, or the work does not end.
        DataError, EstimationError, UsageError: as ``prepare_folders``.
    """
    output = Path(everywhere(str(output)))
    through = partial(_on_cluster, resources or Resources(), address)
    if (output / STATUS).is_dir():
        _recover(output, how)
    return prepare_folders(
        _everywhere(sources),
        _everywhere(targets),
        output,
        how,
        stores=stores,
        on_image=on_image,
        through=through,
    )


def _absolute(how: Preparation) -> Preparation:
    """With names of files that nodes find as well."""
    preset = how.preset
    if preset is not None:
        model, rest = split_name(preset)
        if Path(model).expanduser().is_file():
            model = everywhere(model)
        if rest and Path(rest).expanduser().is_dir():
            rest = everywhere(rest)
        preset = f"{model}{SEPARATOR}{rest}" if rest else model
    kernels, noise = (pool and _everywhere([pool])[0] for pool in (how.kernels, how.noise))
    return replace(how, preset=preset, kernels=kernels, noise=noise)


def _everywhere(paths: Sequence[Path]) -> list[Path]:
    return [Path(everywhere(str(path))) for path in paths]


def _recover(output: Path, how: Preparation) -> None:
    """Add to the manifest what actors have recorded and a lost driver has not."""
    manifest = Manifest(output / MANIFEST, settings_of(how))
    for row in _recorded(output / STATUS):
        entry = entry_of(row["entry"]) if row["status"] == "done" else None
        if entry is not None and entry.source not in manifest.entries:
            manifest.add(entry)


def _recorded(folder: Path) -> Iterator[dict[str, Any]]:
    for file, content in map_ahead(Path.read_bytes, files_below(folder, {".parquet"})):
        try:
            rows = pq.read_table(io.BytesIO(content), schema=STATES).to_pylist()
        except pa.ArrowInvalid as error:
            raise ClusterError(
                f"{file} is not a status file of wildsr; delete it, then run the command again"
            ) from error
        yield from rows


def _on_cluster(
    resources: Resources, address: str, items: Sequence[Item], folder: Path, how: Preparation
) -> Iterator[tuple[Item, Outcome]]:
    """Yield each image and its outcome, in order of completion."""
    if not items:
        return
    how = _absolute(how)
    task = PairTask(str(folder), how, settings_of(how))
    left = {item.name: item for item in items}
    lost = ""
    with connected(address) as ray:
        for _ in range(ROUNDS):
            rows = [{**asdict(item), "path": str(item.path)} for item in left.values()]
            table = ray.put(pa.Table.from_pylist(rows, schema=ITEMS))
            blocks = partial(item_blocks, task, table, resources.batch)
            arguments = (task, secrets.token_hex(4))
            try:
                for row in rows_of_round(ray, blocks, ITEMS, PairActor, arguments, resources):
                    item = left.pop(row["input"], None)
                    if item is not None:
                        yield item, _outcome(row)
            except RoundLost as error:
                lost = f" ({error})"
            if not left:
                return
    raise ClusterError(
        f"the cluster did not finish {folder}; check its nodes, then run the command again{lost}"
    )


def _outcome(row: dict[str, Any]) -> Outcome:
    if row["status"] == "done":
        entry = entry_of(row["entry"])
        assert entry is not None, "an actor's own line"
        return entry
    return TooSmall(row["error"]) if row["status"] == "small" else DataError(row["error"])


def item_blocks(task: PairTask, table: Any, size: int) -> Iterator[pa.Table]:
    """The images, ``size`` at a time; ``table`` refers to all of them."""
    import ray

    check_version(task.version)
    found: pa.Table = ray.get(table)
    for start in range(0, len(found), size):
        # A copy: a slice would carry the whole table along.
        yield pa.Table.from_pylist(found.slice(start, size).to_pylist(), schema=ITEMS)


class PairActor:
    """Makes the pairs of a batch of images by the steps of ``wildsr prepare``, and records the outcomes."""

    def __init__(self, task: PairTask, run_id: str) -> None:
        check_version(task.version)
        torch.set_num_threads(1)
        self._task, self._run = task, run_id
        if settings_of(task.how) != task.settings:
            raise ClusterError(
                f"the node {os.uname().nodename} has other pools of kernels or noise; copy the same ones everywhere"
            )

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Returns a row of :data:`STATES` for every row of :data:`ITEMS`."""
        rows = []
        for row in batch.to_pylist():
            item = Item(**{**row, "path": Path(row["path"])})
            began = time.monotonic()
            made = prepared(item, Path(self._task.folder), self._task.how)
            state = {"input": item.name, "output": item.output, "seconds": round(time.monotonic() - began, 3)}
            if isinstance(made, PreparedImage):
                state |= {"status": "done", "entry": line_of(made)}
            else:
                state |= {"status": "small" if isinstance(made, TooSmall) else "failed", "error": str(made)}
            rows.append(state)
        table = pa.Table.from_pylist(rows, schema=STATES)
        sink = io.BytesIO()
        pq.write_table(table, sink)
        status = Path(self._task.folder) / STATUS
        status.mkdir(exist_ok=True)
        write_bytes(status / f"{self._run}-{secrets.token_hex(8)}.parquet", sink.getvalue())
        return table

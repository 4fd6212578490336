"""``wildsr upscale --ray`` and ``wildsr prepare --ray``: the same work on a Ray cluster."""

from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wildsr.cli.console import libraries_on_stderr
from wildsr.cli.report import BatchReport
from wildsr.storage.locations import locate

if TYPE_CHECKING:
    from wildsr.data.pair_folders import Prepared
    from wildsr.inference.entries import Entry


def run_on_ray(
    task: tuple[Any, ...],
    address: str,
    resources: tuple[float, float],
    report: BatchReport,
    manifest: Path | None,
) -> None:
    """Upscale on a cluster.

    Args:
        task: the arguments of :class:`wildsr.cluster.Task`.
        address: of the cluster.
        resources: CPUs and GPUs per actor.
        report: receives the outcome of each image.
        manifest: where the manifest of all images is written at the end, if anywhere.
    """
    from wildsr.cluster.errors import ClusterError

    try:
        from wildsr.cluster import Resources, Task, upscale
        from wildsr.cluster.run import settled
        from wildsr.cluster.status import latest
    except ImportError as error:
        raise ClusterError("for clusters, run: pip install 'wildsr[ray]'") from error
    from wildsr.inference.run_manifest import write_manifest

    work = settled(Task(*task))
    told: set[int] = set()

    def tell(entry: "Entry") -> None:
        name = hash((entry.status, entry.output or entry.input))
        if name not in told:
            told.add(name)
            if entry.status == "failed":
                report.fail(locate(entry.input), entry.error or "")
            else:
                report.wrote(locate(entry.input), locate(entry.output), entry.seconds or 0.0)

    with report.working(None, work.model, f"Ray {address}", tiles=False), libraries_on_stderr() as results:

        def on_entry(entry: "Entry") -> None:
            with redirect_stdout(results):
                tell(entry)

        done = upscale(work, Resources(*resources), address=address, on_entry=on_entry)
    # Without images that failed in a round that was lost, and succeeded in the next one.
    report.failures = [(locate(name), reason) for name, reason in done.failures]
    if manifest is not None:
        write_manifest(manifest, work.head, latest(work))


def prepare_on_ray(
    task: tuple[Any, ...], address: str, stores: bool, on_image: Callable[[int, int], None]
) -> "Prepared":
    """Make training pairs on a cluster; ``task``: the first arguments of :func:`wildsr.cluster.prepare`."""
    from wildsr.cluster.errors import ClusterError

    try:
        from wildsr.cluster import prepare
    except ImportError as error:
        raise ClusterError("for clusters, run: pip install 'wildsr[ray]'") from error
    return prepare(*task, address=address, stores=stores, on_image=on_image)

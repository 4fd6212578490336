"""From folders of photos to training pairs, as folders or as stores: what ``wildsr prepare`` does."""

from collections.abc import Callable, Sequence
from pathlib import Path

from wildsr.data.errors import DataError
from wildsr.data.manifest import MANIFEST, names_of
from wildsr.data.pair_folders import Prepared, Through, items_of, prepare
from wildsr.data.pair_maker import Preparation, degradation_of
from wildsr.data.store import contents, require_lmdb, write_store
from wildsr.degradations.pools import PoolError
from wildsr.errors import UsageError
from wildsr.estimation.sources import Source, find_sources
from wildsr.storage.cores import usable_cores
from wildsr.storage.seeds import in_shard


def prepare_folders(
    sources: Sequence[Path],
    targets: Sequence[Path],
    output: Path,
    how: Preparation,
    *,
    stores: bool = False,
    workers: int | None = None,
    on_image: Callable[[int, int], None] | None = None,
    shard: tuple[int, int] | None = None,
    through: Through | None = None,
) -> Prepared:
    """Write the pairs of all images in some folders, continuing an earlier run.

    Args:
        sources: folders of images of the source domain.
        targets: folders of sharp images, used as HR without change.
        output: the folder for ``HR``, ``LR`` and the manifest; it may lie within the others.
        how: how pairs are made.
        stores: also write ``HR.lmdb`` and ``LR.lmdb``.
        workers: processes; None: one for each core.
        on_image: called with (images done, images in all).
        through: does the images elsewhere than in processes of this machine.
        shard: (3, 100): only the third of a hundred parts of the images, recorded in ``manifest.3-of-100.jsonl``.

    Raises:
        UsageError: stores were asked for with a shard, there is no folder of images, or a preset or a pool cannot be
            used.
        EstimationError: a folder does not exist or holds no image.
        DataError: other settings than an earlier run, or stores cannot be written.
    """
    if not sources and not targets:
        raise UsageError("give a folder of images, or --target with one of sharp images")
    if stores and shard is not None:
        raise UsageError(
            "merge the manifests of all shards first, then prepare again without --shard for lmdb"
        )
    if stores:
        require_lmdb()
    try:
        degradation_of(how)
    except (DataError, PoolError) as error:
        raise UsageError(str(error)) from error
    items = items_of(*(_found(places, output) if places else [] for places in (sources, targets)))
    name = MANIFEST
    if shard is not None:
        items = [item for item in items if in_shard(item.output, *shard)]
        name = f"manifest.{shard[0]}-of-{shard[1]}.jsonl"
    done = 0

    def tell() -> None:
        nonlocal done
        done += 1
        if on_image is not None:
            on_image(done, len(items))

    result = prepare(
        items,
        output,
        how,
        workers=workers or usable_cores(),
        on_image=tell,
        manifest_name=name,
        through=through,
    )
    if stores and result.pairs:
        write_stores(output, renew=result.done > 0)
    return result


def write_stores(folder: Path, renew: bool) -> None:
    """Write the prepared pairs as ``HR.lmdb`` and ``LR.lmdb``; existing ones only with ``renew``.

    Raises:
        DataError: a package is missing, or a store cannot be written.
    """
    for kind in ("HR", "LR"):
        path = folder / f"{kind}.lmdb"
        if renew or not path.is_file():
            write_store(path, contents(folder / kind, names_of(folder)))


def _found(places: Sequence[Path], output: Path) -> list[Source]:
    """The images of some folders, without what an earlier run wrote to an output within them."""
    home = output.resolve()
    same = home in {place.resolve() for place in places}
    ours = {home / "HR", home / "LR"} if same else {home}
    return [one for one in find_sources(places) if ours.isdisjoint(one.path.resolve().parents)]

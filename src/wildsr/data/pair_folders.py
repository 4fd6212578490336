"""Pairs of HR and LR images for training, made once from folders of images, as ``wildsr prepare`` does."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

from torch import Tensor

from wildsr.data.errors import DataError
from wildsr.data.manifest import MANIFEST, Manifest, Output, PreparedImage
from wildsr.data.pair_maker import Preparation, Role, TooSmall, degradation_of, make_pair, sub_images
from wildsr.degradations.degradation import DegradationError
from wildsr.degradations.pools import load_kernel_pool, load_noise_pool
from wildsr.estimation.sources import Source
from wildsr.image import ImageError, read_levels, write_rgb
from wildsr.storage.digest import sha256_of
from wildsr.storage.paths import join_untrusted
from wildsr.storage.workers import worker_pool


@dataclass(frozen=True)
class Item:
    """An image to prepare.

    Attributes:
        path: of the file.
        name: in the manifest and in messages.
        role: its domain.
        output: name of its outputs, without suffix.
        inner: path within its folder, which together with the seed decides what is sampled.
    """

    path: Path
    name: str
    role: Role
    output: str
    inner: str


@dataclass
class Prepared:
    """Outcome of a preparation: numbers, and lists of (name, reason)."""

    done: int = 0
    kept: int = 0
    pairs: int = 0
    small: list[tuple[str, str]] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)
    left_over: list[str] = field(default_factory=list)


def prepare(
    items: Sequence[Item],
    folder: Path,
    how: Preparation,
    *,
    workers: int = 1,
    on_image: Callable[[], None] | None = None,
    manifest_name: str = MANIFEST,
    through: "Through | None" = None,
) -> Prepared:
    """Write ``<folder>/HR`` and ``<folder>/LR`` with a manifest, continuing an earlier run.

    An image is done if the manifest lists it, its file has not changed, and its outputs have the digests in the
    manifest. The result does not depend on the number of workers. ``through`` does the images elsewhere than in
    processes of this machine.

    Raises:
        DataError: other settings than in the earlier run, unusable pools, or a killed worker process.
    """
    degradation_of(how)  # reports errors in pools or preset before any work
    folder.mkdir(parents=True, exist_ok=True)
    manifest = Manifest(folder / manifest_name, settings_of(how))
    result = Prepared()
    todo = []
    for item in items:
        entry = manifest.entries.get(item.name)
        if entry is not None and is_done(item, entry, folder):
            result.kept += 1
            if on_image is not None:
                on_image()
        else:
            todo.append(item)
    made_of = through(todo, folder, how) if through is not None else _all(todo, folder, how, workers)
    for item, made in made_of:
        if isinstance(made, PreparedImage):
            manifest.add(made)
            result.done += 1
        elif isinstance(made, TooSmall):
            result.small.append((item.name, str(made)))
        else:
            result.failures.append((item.name, str(made)))
        if on_image is not None:
            on_image()
    order = [item.name for item in items]
    manifest.finish(order)
    result.pairs = sum(len(entry.outputs) for entry in manifest.entries.values())
    result.left_over = sorted(set(manifest.entries) - set(order))
    for found in (result.small, result.failures):
        found.sort()
    return result


def items_of(sources: Sequence[Source], targets: Sequence[Source]) -> list[Item]:
    """Images of both domains, with output names that are unique even on case-insensitive systems.

    If both domains are given, names begin with the name of the domain. Of images that differ only by their suffix, it
    becomes part of the name; a number is appended to what is still equal.
    """
    both = bool(sources) and bool(targets)
    roles: tuple[tuple[Role, Sequence[Source]], ...] = (("source", sources), ("target", targets))
    named = [
        (source.path, f"{role}/{source.name}" if both else source.name, role, source.inner)
        for role, found in roles
        for source in found
    ]
    stems = [PurePosixPath(name).with_suffix("").as_posix() for _, name, *_ in named]
    keys = [stem.casefold() for stem in stems]
    often = Counter(keys)
    items, used = [], set()
    for (path, name, role, inner), stem, key in zip(named, stems, keys, strict=True):
        output = stem if often[key] == 1 else f"{stem}_{PurePosixPath(name).suffix[1:]}"
        free, number = output, 2
        while free.casefold() in used:
            free, number = f"{output}-{number}", number + 1
        used.add(free.casefold())
        items.append(Item(path, name, role, free, inner))
    return items


def is_done(item: Item, entry: PreparedImage, folder: Path) -> bool:
    """Whether the source is unchanged, and the outputs exist and are undamaged."""
    try:
        status = item.path.stat()
        same = status.st_size == entry.bytes and (
            status.st_mtime_ns == entry.mtime_ns or sha256_of(item.path) == entry.sha256
        )
        return same and all(
            sha256_of(join_untrusted(folder / "HR", output.name)) == output.hr_sha256
            and sha256_of(join_untrusted(folder / "LR", output.name)) == output.lr_sha256
            for output in entry.outputs
        )
    except (OSError, ValueError):  # ValueError: a name of an edited manifest that leads out of the folder
        return False


Outcome = PreparedImage | TooSmall | Exception
Through = Callable[[Sequence[Item], Path, Preparation], Iterator[tuple[Item, Outcome]]]
"""Yields each image and its outcome, in order of completion."""


def _all(
    items: Sequence[Item], folder: Path, how: Preparation, workers: int
) -> Iterator[tuple[Item, Outcome]]:
    """Yield each image and its outcome, in order of completion."""
    if workers == 1:
        for item in items:
            yield item, prepared(item, folder, how)
        return
    with worker_pool(workers) as pool:
        waiting: dict[Future[Outcome], Item] = {}
        remaining = iter(items)
        try:
            while True:
                # Few ahead, so that an interruption takes effect soon.
                for item in islice(remaining, 2 * workers - len(waiting)):
                    waiting[pool.submit(prepared, item, folder, how)] = item
                if not waiting:
                    return
                for ready in wait(waiting, return_when=FIRST_COMPLETED).done:
                    yield waiting.pop(ready), ready.result()
        except BrokenProcessPool as error:
            raise DataError(
                "a worker process was killed, most likely because memory ran out; use fewer --workers, and "
                "repeat the command to continue"
            ) from error
        finally:
            for future in waiting:
                future.cancel()


def prepared(item: Item, folder: Path, how: Preparation) -> Outcome:
    """Make and write the pairs of one image; errors are returned."""
    try:
        levels = read_levels(item.path)[0]
        status = item.path.stat()
        hr, lr, parameters = make_pair(levels, item.role, how, item.inner)
        size = (hr.shape[-2], hr.shape[-1])
        outputs = []
        if how.patch is None:
            outputs.append(_written(folder, f"{item.output}.png", hr, lr))
        else:
            for top, left in sub_images(size, how.patch, how.stride or how.patch):
                name = f"{item.output}_{top:05d}_{left:05d}.png"
                pair = (
                    _cut(hr, top, left, how.patch),
                    _cut(lr, *(x // how.scale for x in (top, left, how.patch))),
                )
                outputs.append(_written(folder, name, *pair))
    except (ImageError, TooSmall, OSError, DegradationError) as error:
        return error
    return PreparedImage(
        item.name,
        item.role,
        status.st_size,
        status.st_mtime_ns,
        sha256_of(item.path),
        (size[1], size[0]),
        parameters,
        tuple(outputs),
    )


def _cut(image: Tensor, top: int, left: int, side: int) -> Tensor:
    return image[:, top : top + side, left : left + side]


def _written(folder: Path, name: str, hr: Tensor, lr: Tensor) -> Output:
    digests = []
    for kind, image in (("HR", hr), ("LR", lr)):
        path = folder / kind / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_rgb(path, image.float() / 255)
        digests.append(sha256_of(path))
    return Output(name, *digests)


def settings_of(how: Preparation) -> dict[str, Any]:
    """The settings as JSON values, with pools replaced by their digests."""
    settings = asdict(how)
    settings["kernels"] = load_kernel_pool(how.kernels).digest if how.kernels else None
    settings["noise"] = load_noise_pool(how.noise).digest if how.noise else None
    return settings

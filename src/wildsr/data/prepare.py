"""Pairs of HR and LR pictures for training, made once from folders of pictures: what ``wildsr prepare`` does."""

import hashlib
import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field
from functools import cache
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from wildsr.data.errors import DataError
from wildsr.data.manifest import MANIFEST, Entry, Manifest, Output
from wildsr.degradations.degradation import Degradation, DegradationError, Parameters
from wildsr.degradations.pools import load_kernel_pool, load_noise_pool
from wildsr.degradations.presets import preset
from wildsr.degradations.realsr import RealSr
from wildsr.estimation.cleanup import clean_up, clean_up_ddnsr
from wildsr.estimation.sources import Source
from wildsr.image import Canvas, PictureError, Traits, quantize, read_levels, write
from wildsr.ops.blur_downscale import crop_to_multiple

Role = Literal["source", "target"]
CleanUp = Literal["realsr", "ddnsr", "none"]


@dataclass(frozen=True)
class Preparation:
    """How pairs are made; pools and presets are not both used.

    Attributes:
        scale: HR pixels for each LR pixel, along a side.
        clean_up: how a picture of the source domain becomes an HR picture; one of the target domain is one.
        preset: name of a degradation, or None: RealSR's, which is bicubic without pools.
        kernels, noise: files of pools for RealSR's degradation.
        patch: side in HR pixels of sub-images that pairs are cut into; None: whole pictures.
        stride: HR pixels from one sub-image to the next; the last ones end at the border and overlap more.
        least: HR pictures with a shorter side are left out.
        seed: of all that is drawn. What is drawn for a picture depends on this and its name alone.
    """

    scale: int = 4
    clean_up: CleanUp = "realsr"
    preset: str | None = None
    kernels: Path | None = None
    noise: Path | None = None
    patch: int | None = None
    stride: int | None = None
    least: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        if self.preset is not None and (self.kernels or self.noise):
            raise DataError("a preset and pools cannot be combined; give one or the other")
        for name, value in (("patch", self.patch), ("stride", self.stride)):
            if value is not None and (value < self.scale or value % self.scale):
                raise DataError(f"the {name} is a multiple of the scale, {self.scale}, not {value}")
        if self.stride is not None and self.patch is None:
            raise DataError("a stride needs a patch: it is the way from one sub-image to the next")


@dataclass(frozen=True)
class Item:
    """A picture to prepare: where it is, its domain, and the name of its outputs, without ending."""

    path: Path
    name: str
    role: Role
    output: str


class TooSmall(Exception):
    """A picture gives no pair because of its size; the message tells it."""


@dataclass
class Prepared:
    """What became of the pictures: numbers, and lists of (name, reason)."""

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
    on_picture: Callable[[], None] | None = None,
) -> Prepared:
    """Write ``<folder>/HR`` and ``<folder>/LR`` with a manifest, going on where an earlier run stopped.

    A picture is done when the manifest says so, its file has not changed, and its outputs have the digests of the
    manifest. The result does not depend on the number of workers.

    Raises:
        DataError: other settings than an earlier run, unfit pools, or a worker that was ended from outside.
    """
    degradation_of(how)  # what is wrong with pools or preset shows here, before any work
    folder.mkdir(parents=True, exist_ok=True)
    manifest = Manifest(folder / MANIFEST, _settings(how))
    result = Prepared()
    todo = []
    for item in items:
        entry = manifest.entries.get(item.name)
        if entry is not None and is_done(item, entry, folder):
            result.kept += 1
            if on_picture is not None:
                on_picture()
        else:
            todo.append(item)
    for item, made in _all(todo, folder, how, workers):
        if isinstance(made, Entry):
            manifest.add(made)
            result.done += 1
        elif isinstance(made, TooSmall):
            result.small.append((item.name, str(made)))
        else:
            result.failures.append((item.name, str(made)))
        if on_picture is not None:
            on_picture()
    order = [item.name for item in items]
    manifest.finish(order)
    result.pairs = sum(len(entry.outputs) for entry in manifest.entries.values())
    result.left_over = sorted(set(manifest.entries) - set(order))
    for found in (result.small, result.failures):
        found.sort()
    return result


def items_of(sources: Sequence[Source], targets: Sequence[Source]) -> list[Item]:
    """Pictures of both domains, with names of outputs that differ even where capitals do not count.

    Where both domains are given, names begin with the domain's. Pictures that differ by their ending alone keep it
    within the name; what is still alike gets a number.
    """
    both = bool(sources) and bool(targets)
    roles: tuple[tuple[Role, Sequence[Source]], ...] = (("source", sources), ("target", targets))
    named = [
        (source.path, f"{role}/{source.name}" if both else source.name, role)
        for role, found in roles
        for source in found
    ]
    stems = [PurePosixPath(name).with_suffix("").as_posix() for _, name, _ in named]
    often = [stem.casefold() for stem in stems]
    items, used = [], set()
    for (path, name, role), stem, key in zip(named, stems, often, strict=True):
        output = stem if often.count(key) == 1 else f"{stem}_{PurePosixPath(name).suffix[1:]}"
        free, number = output, 2
        while free.casefold() in used:
            free, number = f"{output}-{number}", number + 1
        used.add(free.casefold())
        items.append(Item(path, name, role, free))
    return items


@cache
def degradation_of(how: Preparation) -> Degradation:
    """The degradation that makes LR pictures; pools are read once in a process.

    Raises:
        DataError: the preset or a pool does not fit.
        PoolError: a pool cannot be read.
    """
    try:
        if how.preset is not None:
            return preset(how.preset, how.scale)
        kernels = load_kernel_pool(how.kernels) if how.kernels else None
        return RealSr(how.scale, load_noise_pool(how.noise) if how.noise else None, kernels)
    except DegradationError as error:
        raise DataError(str(error)) from error


def make_pair(levels: Tensor, role: Role, how: Preparation, name: str) -> tuple[Tensor, Tensor, Parameters]:
    """HR and LR picture, uint8 (3, h, w) both, of ``levels`` (3, H, W) uint8, and what was drawn for them.

    HR pictures are cropped to a multiple of the scale, at the bottom and right. Those that are cleaned up are cut to
    whole levels, not rounded, and bicubic LR pictures are made of them as they were before, both as RealSR does.

    Raises:
        TooSmall: the HR picture has a side below ``how.least``.
    """
    exact = levels.float().div(255).unsqueeze(0)
    if role == "source" and how.clean_up == "realsr":
        exact = clean_up(exact, how.scale)
    elif role == "source" and how.clean_up == "ddnsr":
        exact = clean_up_ddnsr(exact).clamp(0, 1)
    exact = crop_to_multiple(exact, how.scale)
    height, width = exact.shape[-2:]
    least = max(how.least, how.patch or how.scale)
    if min(height, width) < least:
        raise TooSmall(f"as an HR picture it has {width}x{height} pixels, at least {least} are asked for")
    # What is a whole level but for rounding must not fall to the one below.
    hr = (exact * 255 + 1e-4).floor().to(torch.uint8)
    degradation = degradation_of(how)
    parameters = degradation.sample(_rng(how.seed, name), (height, width))
    bicubic = how.preset is None and how.kernels is None
    lr = degradation.apply(exact if bicubic else hr.float() / 255, [parameters])
    return hr[0], quantize(lr[0]), parameters


def sub_images(size: tuple[int, int], patch: int, stride: int) -> Iterator[tuple[int, int]]:
    """Top and left of the sub-images that cover ``size`` (height, width)."""
    rows, columns = (sorted({*range(0, side - patch, stride), side - patch}) for side in size)
    return ((top, left) for top in rows for left in columns)


def is_done(item: Item, entry: Entry, folder: Path) -> bool:
    """Whether the source is as it was, and the outputs are there and undamaged."""
    try:
        status = item.path.stat()
        same = status.st_size == entry.bytes and (
            status.st_mtime_ns == entry.mtime_ns or _sha256(item.path) == entry.sha256
        )
        return same and all(
            _sha256(folder / "HR" / output.name) == output.hr_sha256
            and _sha256(folder / "LR" / output.name) == output.lr_sha256
            for output in entry.outputs
        )
    except OSError:
        return False


Made = Entry | TooSmall | Exception


def _all(items: Sequence[Item], folder: Path, how: Preparation, workers: int) -> Iterator[tuple[Item, Made]]:
    """Each picture and what came of it, in the order in which they are ready."""
    if workers == 1:
        for item in items:
            yield item, _prepared(item, folder, how)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_start_worker) as pool:
        waiting: dict[Future[Made], Item] = {}
        remaining = iter(items)
        try:
            while True:
                # Few ahead, so that an interruption is obeyed soon.
                for item in islice(remaining, 2 * workers - len(waiting)):
                    waiting[pool.submit(_prepared, item, folder, how)] = item
                if not waiting:
                    return
                for ready in wait(waiting, return_when=FIRST_COMPLETED).done:
                    yield waiting.pop(ready), ready.result()
        except BrokenProcessPool as error:
            raise DataError(
                "a worker process was ended from outside, most likely because memory is full; use fewer --workers, and "
                "the same command goes on"
            ) from error
        finally:
            for future in waiting:
                future.cancel()


def _start_worker() -> None:
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that started this one obeys, and ends it


def _prepared(item: Item, folder: Path, how: Preparation) -> Made:
    """Make and write the pairs of one picture; what goes wrong with it is returned."""
    try:
        levels = read_levels(item.path)[0]
        status = item.path.stat()
        hr, lr, parameters = make_pair(levels, item.role, how, item.name)
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
    except (PictureError, TooSmall, OSError, DegradationError) as error:
        return error
    return Entry(
        item.name,
        item.role,
        status.st_size,
        status.st_mtime_ns,
        _sha256(item.path),
        (size[1], size[0]),
        parameters,
        tuple(outputs),
    )


def _cut(picture: Tensor, top: int, left: int, side: int) -> Tensor:
    return picture[:, top : top + side, left : left + side]


def _written(folder: Path, name: str, hr: Tensor, lr: Tensor) -> Output:
    digests = []
    for kind, picture in (("HR", hr), ("LR", lr)):
        path = folder / kind / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with Canvas(picture.shape[-2], picture.shape[-1], Traits()) as canvas:
            canvas.paste(0, 0, picture.float() / 255)
            write(path, canvas)
        digests.append(_sha256(path))
    return Output(name, *digests)


def _rng(seed: int, name: str) -> np.random.Generator:
    """For a picture by its name, so that other pictures, more or fewer, change nothing."""
    words = np.frombuffer(hashlib.sha256(name.encode()).digest()[:16], np.uint32)
    return np.random.default_rng([seed, *words.tolist()])


def _settings(how: Preparation) -> dict[str, Any]:
    """As JSON has them, with pools by their digests."""
    settings = asdict(how)
    settings["kernels"] = load_kernel_pool(how.kernels).digest if how.kernels else None
    settings["noise"] = load_noise_pool(how.noise).digest if how.noise else None
    return settings


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()

"""Degrading files: one from file to file, or many across processes. What comes out depends on neither."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from wildsr.degradations.degradation import Degradation, DegradationError, Sample
from wildsr.degradations.presets import preset as find_preset
from wildsr.image import ImageError, LoadedImage, Size, Traits, read, write_rgb
from wildsr.image.formats import output_format
from wildsr.storage.seeds import generator
from wildsr.storage.workers import worker_pool


@dataclass(frozen=True)
class Order:
    """An image to degrade. ``name`` decides, with the seed, what is drawn for it; ``sample``: to be done again."""

    name: str
    source: Path
    target: Path
    sample: Sample | None = None


@dataclass(frozen=True)
class Manner:
    """How images are degraded and saved; ``format`` None: by the suffix, ``quality`` None: the format's default.

    ``find`` makes the degradation of ``preset`` and ``scale``, in every worker process: a function of a module.
    """

    preset: str
    scale: int
    seed: int
    format: str | None = None
    quality: int | None = None
    find: Callable[[str, int], Degradation] = find_preset


@dataclass(frozen=True)
class Degraded:
    """What was done to an image, the size (width, height) it now has, and what a person should know."""

    sample: Sample
    size: Size
    notes: tuple[str, ...]
    seconds: float


def draw(degradation: Degradation, rng: np.random.Generator, hr: Tensor, name: str) -> Sample:
    """Draw what will happen to (1, 3, H, W).

    Raises:
        DegradationError: nothing would be left of it.
    """
    height, width = hr.shape[-2:]
    if min(height, width) < degradation.scale:
        raise DegradationError(
            f"{name or 'the image'} has {width}x{height} pixels; a degradation by {degradation.scale} needs "
            f"{degradation.scale} on each side"
        )
    return Sample(name, (height, width), degradation.sample(rng, (height, width)))


def again(degradation: Degradation, sample: Sample, hr: Tensor) -> Tensor:
    """Do what ``sample`` says to (1, 3, H, W), giving (1, 3, H // scale, W // scale).

    Raises:
        DegradationError: the image has another size than that for which it was drawn.
    """
    height, width = hr.shape[-2:]
    if (height, width) != sample.size:
        raise DegradationError(
            f"{sample.image or 'the image'} has {width}x{height} pixels, but its parameters were drawn for "
            f"{sample.size[1]}x{sample.size[0]}"
        )
    return degradation.apply(hr, [sample.parameters])


def degrade_file(order: Order, manner: Manner) -> Degraded:
    """Degrade one file; the result appears only when it is complete.

    Raises:
        ImageError: it cannot be read, or the result not written.
        DegradationError: its parameters are not right, or it is too small.
    """
    began = time.monotonic()
    degradation = manner.find(manner.preset, manner.scale)
    output_format(order.target, manner.format)
    image = read(order.source)
    hr = image.rgb.clamp(0, 1)
    sample = order.sample or draw(degradation, generator(manner.seed, order.name), hr, order.name)
    lr = again(degradation, sample, hr)
    traits, notes = traits_of(image, lr)
    save(order.target, lr, traits, manner)
    size = Size(lr.shape[-1], lr.shape[-2])
    return Degraded(sample, size, (*image.traits.notes, *notes), round(time.monotonic() - began, 3))


def save(path: Path, image: Tensor, traits: Traits, manner: Manner) -> None:
    """Write (1, 3, H, W), making the folder of ``path`` if need be.

    Raises:
        ImageError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImageError(f"Cannot write {path}: its folder cannot be made ({error.strerror}).") from error
    write_rgb(path, image, traits, format=manner.format, quality=manner.quality)


def traits_of(image: LoadedImage, lr: Tensor, lower: bool = True) -> tuple[Traits, tuple[str, ...]]:
    """How to save what became of ``image``, and what a person should know of it.

    It is in colour, without transparency and metadata. A profile stays where the samples are still the file's; 16
    bits and floats stay, unless, with ``lower``, the degradation has left levels of 8 bits anyway, as most do.
    """
    source = image.traits
    notes = []
    if image.alpha is not None:
        notes.append("its transparency was left out")
    depth = source.depth
    levels = lr * 255
    if lower and depth != "uint8" and bool(((levels - levels.round()).abs() < 1e-3).all()):
        depth = "uint8"
        notes.append("written with 8 bits: its degradation leaves no more")
    profile = None if source.convert or source.grey else source.profile
    return Traits(depth=depth, profile=profile), tuple(notes)


OnDone = Callable[[int, Order, "Degraded | Exception"], None]


def degrade_files(orders: Sequence[Order], manner: Manner, on_done: OnDone, workers: int = 1) -> None:
    """Degrade many files, one thread to each of ``workers`` processes.

    ``on_done`` is told what came of each, with its place among the orders, in their order. An interruption waits for
    the images that are under way, tells of them, and is passed on.

    Raises:
        DegradationError: a process was ended from outside.
    """
    if workers > 1:
        _across_processes(orders, manner, on_done, workers)
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in a process, so that not a bit depends on the number of workers
    try:
        for index, order in enumerate(orders):
            on_done(index, order, _attempt(order, manner))
    finally:
        torch.set_num_threads(threads)


def _across_processes(orders: Sequence[Order], manner: Manner, on_done: OnDone, workers: int) -> None:
    futures: list[Future[Degraded | Exception]] = []
    told = 0
    try:
        with worker_pool(workers) as pool:
            futures += [pool.submit(_attempt, order, manner) for order in orders]
            for order, future in zip(orders, futures, strict=True):
                outcome = future.result()
                told += 1
                on_done(told - 1, order, outcome)
    except BrokenProcessPool as error:
        raise DegradationError(
            "a worker was ended from outside, perhaps for want of memory; use fewer --workers"
        ) from error
    except BaseException:
        # By now everything that had been begun is done, and the rest cancelled.
        for index, future in enumerate(futures[told:], start=told):
            if not future.cancelled() and future.exception() is None:
                on_done(index, orders[index], future.result())
        raise


def _attempt(order: Order, manner: Manner) -> Degraded | Exception:
    try:
        return degrade_file(order, manner)
    except Exception as error:
        known = isinstance(error, (ImageError, OSError, ValueError, MemoryError))
        return error if known else RuntimeError(repr(error))  # not everything comes out of a process whole

"""Degrades files, one or many, in worker processes. Results do not depend on the number of files or processes."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from wildsr.degradations.degradation import Degradation, DegradationError, Sample
from wildsr.degradations.presets import preset as find_preset
from wildsr.image import ImageError, LoadedImage, Size, Traits, read, write_rgb
from wildsr.image.formats import output_format
from wildsr.image.writer import make_folder_of
from wildsr.storage.locations import Location
from wildsr.storage.seeds import generator
from wildsr.storage.workers import worker_pool


@dataclass(frozen=True)
class DegradeJob:
    """An image to degrade. With the seed, ``name`` determines its parameters; a ``sample`` is applied instead."""

    name: str
    source: Location
    target: Location
    sample: Sample | None = None


@dataclass(frozen=True)
class DegradeSettings:
    """How images are degraded and saved. ``format`` None: by suffix; ``quality`` None: default of the format.

    ``find`` creates the degradation from ``preset`` and ``scale`` in every worker process; it must be a module-level
    function.
    """

    preset: str
    scale: int
    seed: int
    format: str | None = None
    quality: int | None = None
    find: Callable[[str, int], Degradation] = find_preset


@dataclass(frozen=True)
class Degraded:
    """The sampled parameters of an image, the size (width, height) of the result, notes for the user, and the time."""

    sample: Sample
    size: Size
    notes: tuple[str, ...]
    seconds: float


def sample_parameters(degradation: Degradation, rng: np.random.Generator, hr: Tensor, name: str) -> Sample:
    """Sample the parameters for an image (1, 3, H, W).

    Raises:
        DegradationError: the image is smaller than the scale.
    """
    height, width = hr.shape[-2:]
    if min(height, width) < degradation.scale:
        raise DegradationError(
            f"{name or 'the image'} has {width}x{height} pixels; a degradation by {degradation.scale} needs "
            f"{degradation.scale} on each side"
        )
    return Sample(name, (height, width), degradation.sample(rng, (height, width)))


def apply_sample(degradation: Degradation, sample: Sample, hr: Tensor) -> Tensor:
    """Apply ``sample`` to (1, 3, H, W), giving (1, 3, H // scale, W // scale).

    Raises:
        DegradationError: the image has another size than the one it was sampled for.
    """
    height, width = hr.shape[-2:]
    if (height, width) != sample.size:
        raise DegradationError(
            f"{sample.image or 'the image'} has {width}x{height} pixels, but its parameters were sampled for "
            f"{sample.size[1]}x{sample.size[0]}"
        )
    return degradation.apply(hr, [sample.parameters])


def degrade_file(job: DegradeJob, settings: DegradeSettings) -> Degraded:
    """Degrade one file; the result is written atomically.

    Raises:
        ImageError: it cannot be read, or the result cannot be written.
        DegradationError: its parameters are invalid, or it is too small.
    """
    began = time.monotonic()
    degradation = settings.find(settings.preset, settings.scale)
    output_format(job.target, settings.format)
    image = read(job.source)
    hr = image.rgb.clamp(0, 1)
    sample = job.sample or sample_parameters(degradation, generator(settings.seed, job.name), hr, job.name)
    lr = apply_sample(degradation, sample, hr)
    traits, notes = traits_of(image, lr)
    save(job.target, lr, traits, settings)
    size = Size(lr.shape[-1], lr.shape[-2])
    return Degraded(sample, size, (*image.traits.notes, *notes), round(time.monotonic() - began, 3))


def save(path: Location, image: Tensor, traits: Traits, settings: DegradeSettings) -> None:
    """Write (1, 3, H, W), creating the folder of ``path`` if needed.

    Raises:
        ImageError: it cannot be written.
    """
    make_folder_of(path)
    write_rgb(path, image, traits, format=settings.format, quality=settings.quality)


def traits_of(image: LoadedImage, lr: Tensor, lower: bool = True) -> tuple[Traits, tuple[str, ...]]:
    """The traits for saving the degraded version of ``image``, and notes for the user.

    It is RGB, without transparency and metadata. The profile is kept if samples were not converted. So are 16 bits and
    floats, unless ``lower`` is given and all values are 8-bit levels, as after most degradations.
    """
    source = image.traits
    notes = []
    if image.alpha is not None:
        notes.append("its transparency was removed")
    depth = source.depth
    levels = lr * 255
    if lower and depth != "uint8" and bool(((levels - levels.round()).abs() < 1e-3).all()):
        depth = "uint8"
        notes.append("written with 8 bits, since the degradation quantises to 8 bits")
    profile = None if source.convert or source.grey else source.profile
    return Traits(depth=depth, profile=profile), tuple(notes)


OnDone = Callable[[int, DegradeJob, "Degraded | Exception"], None]


def degrade_files(
    jobs: Sequence[DegradeJob], settings: DegradeSettings, on_done: OnDone, workers: int = 1
) -> None:
    """Degrade many files in ``workers`` processes with one thread each.

    ``on_done`` is called with the index, the job and the outcome of each, in order. On an interruption, images in
    progress are finished and reported, and the interruption is raised again.

    Raises:
        DegradationError: a worker process was killed.
    """
    if workers > 1:
        _across_processes(jobs, settings, on_done, workers)
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in worker processes, so that results do not depend on their number
    try:
        for index, job in enumerate(jobs):
            on_done(index, job, _attempt(job, settings))
    finally:
        torch.set_num_threads(threads)


def _across_processes(
    jobs: Sequence[DegradeJob], settings: DegradeSettings, on_done: OnDone, workers: int
) -> None:
    futures: list[Future[Degraded | Exception]] = []
    told = 0
    try:
        with worker_pool(workers) as pool:
            futures += [pool.submit(_attempt, job, settings) for job in jobs]
            for job, future in zip(jobs, futures, strict=True):
                outcome = future.result()
                told += 1
                on_done(told - 1, job, outcome)
    except BrokenProcessPool as error:
        raise DegradationError(
            "a worker process was killed, perhaps because memory ran out; use fewer --workers"
        ) from error
    except BaseException:
        # At this point all started images are finished, and the rest are cancelled.
        for index, future in enumerate(futures[told:], start=told):
            if not future.cancelled() and future.exception() is None:
                on_done(index, jobs[index], future.result())
        raise


def _attempt(job: DegradeJob, settings: DegradeSettings) -> Degraded | Exception:
    try:
        return degrade_file(job, settings)
    except Exception as error:
        known = isinstance(error, (ImageError, OSError, ValueError, MemoryError))
        return error if known else RuntimeError(repr(error))  # some exceptions cannot be pickled

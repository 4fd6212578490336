"""Many images, one after the other: reading ahead and writing behind while the model works, one failure at a time."""

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from wildsr.image import ImageError, LoadedImage, read
from wildsr.image.formats import Size
from wildsr.inference.files import Painted, Saving, check, compute, save, traits_for
from wildsr.inference.jobs import Job
from wildsr.inference.sizing import Wanted
from wildsr.inference.upscaler import OnTile, UpscaleError, Upscaler


@dataclass(frozen=True)
class Event:
    """Something that happened; ``as_json`` is what ``wildsr upscale --json`` prints."""

    index: int
    source: Path

    def as_json(self) -> dict[str, Any]:
        """The event as plain data, named by its type in lower case."""
        plain = {
            name: str(value) if isinstance(value, Path) else value for name, value in asdict(self).items()
        }
        return {"event": type(self).__name__.lower(), **plain}


@dataclass(frozen=True)
class Started(Event):
    """The model begins with an image of this size, which will have that one."""

    width: int
    height: int
    output_width: int
    output_height: int


@dataclass(frozen=True)
class Note(Event):
    """Something a person should know about this image."""

    text: str


@dataclass(frozen=True)
class Tile(Event):
    """Progress within an image."""

    done: int
    total: int


@dataclass(frozen=True)
class Finished(Event):
    """An image was written."""

    target: Path
    width: int
    height: int
    seconds: float


@dataclass(frozen=True)
class Failed(Event):
    """An image could not be upscaled; nothing was written for it."""

    reason: str


OnEvent = Callable[[Event], None]


def run(jobs: list[Job], upscaler: Upscaler, wanted: Wanted, saving: Saving, on_event: OnEvent) -> None:
    """Do all the jobs; what came of each is told by events, which come from this thread only.

    An interruption waits for the write that is under way, so that no file is left half-written, and is then passed on.
    """
    with ThreadPoolExecutor(1, "wildsr-read") as reader, ThreadPoolExecutor(1, "wildsr-write") as writer:
        pending: _Pending | None = None
        for index, (job, ahead) in enumerate(_read_ahead(jobs, reader)):
            began = time.monotonic()
            behind = pending

            def tile(
                done: int, total: int, index: int = index, job: Job = job, behind: _Pending | None = behind
            ) -> None:
                if behind is not None:
                    behind.settle(on_event, wait=False)
                on_event(Tile(index, job.source, done, total))

            try:
                painted = _compute(index, job, ahead.result(), upscaler, wanted, saving, on_event, tile)
            except Exception as error:
                on_event(Failed(index, job.source, reason(error)))
                continue
            if pending is not None:
                pending.settle(on_event)
            pending = _Pending(index, job, began, writer.submit(_save, job.target, painted, saving))
        if pending is not None:
            pending.settle(on_event)


@dataclass
class _Pending:
    """An image that is being written, and whether that was told already."""

    index: int
    job: Job
    began: float
    future: "Future[tuple[Size, float]]"
    told: bool = False

    def settle(self, on_event: OnEvent, wait: bool = True) -> None:
        """Tell how it ended, once. Without ``wait``, only if it has ended."""
        if self.told or not (wait or self.future.done()):
            return
        self.told = True
        error = self.future.exception()
        if error is not None:
            on_event(Failed(self.index, self.job.source, reason(error)))
            return
        size, ended = self.future.result()
        seconds = round(ended - self.began, 3)
        on_event(Finished(self.index, self.job.source, self.job.target, size.width, size.height, seconds))


def _save(path: Path, painted: Painted, saving: Saving) -> tuple[Size, float]:
    return save(path, painted, saving), time.monotonic()


def reason(error: BaseException) -> str:
    """What to tell a person: the message of our own errors, the type as well for those nobody foresaw."""
    if isinstance(error, (ImageError, UpscaleError, ValueError)) and str(error):
        return str(error)
    if isinstance(error, MemoryError):
        return "not enough memory for this image; close other programs or ask for a smaller size"
    return f"{type(error).__name__}: {error}"


def _compute(
    index: int,
    job: Job,
    image: LoadedImage,
    upscaler: Upscaler,
    wanted: Wanted,
    saving: Saving,
    on_event: OnEvent,
    on_tile: OnTile,
) -> Painted:
    target = check(job.target, image, upscaler, wanted, saving)
    on_event(Started(index, job.source, *image.size, *(target.crop or target.size)))
    for text in image.traits.notes:
        on_event(Note(index, job.source, text))
    return compute(image, upscaler, target, traits_for(job.target, image, saving), on_tile)


def _read_ahead(jobs: list[Job], reader: ThreadPoolExecutor) -> Iterable[tuple[Job, Future[LoadedImage]]]:
    def generate() -> Iterator[tuple[Job, Future[LoadedImage]]]:
        upcoming: Future[LoadedImage] | None = None
        for job, following in zip(jobs, [*jobs[1:], None], strict=True):
            current = upcoming if upcoming is not None else reader.submit(read, job.source)
            upcoming = reader.submit(read, following.source) if following is not None else None
            yield job, current

    return generate()

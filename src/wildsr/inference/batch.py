"""Upscales many images in turn, reading the next and writing the last while the model computes."""

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from wildsr.image import LoadedImage, read
from wildsr.image.formats import Size
from wildsr.inference.errors import JobCancelled
from wildsr.inference.events import Cancelled, Failed, Finished, Note, OnEvent, Started, Tile, reason
from wildsr.inference.files import SaveOptions, UpscaledImage, check, compute, save, traits_for
from wildsr.inference.jobs import Job
from wildsr.inference.sizing import OutputSize
from wildsr.inference.upscaler import OnTile, Upscaler
from wildsr.storage.atomic import remove_stale


def run(
    jobs: list[Job], upscaler: Upscaler, wanted: OutputSize, saving: SaveOptions, on_event: OnEvent
) -> None:
    """Do all jobs; ``on_event`` is called from this thread only.

    An image that fails does not stop the others. ``on_event`` may raise :class:`JobCancelled` on an event of the
    image that is being computed (``Started``, ``Note`` or ``Tile``, so between any two tiles): the image is dropped,
    its last event is ``Cancelled``, and the run goes on with the next one. Any other ``Exception`` on such an event
    counts as a failure of that image. An interruption waits for the write that is under way, so that no file is left
    half-written, and is then raised again.
    """
    for folder in {job.target.parent for job in jobs}:
        remove_stale(folder)
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
            except JobCancelled:
                on_event(Cancelled(index, job.source))
                continue
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
    """An image that is being written, and whether its last event was sent."""

    index: int
    job: Job
    began: float
    future: "Future[tuple[Size, float]]"
    sent: bool = False

    def settle(self, on_event: OnEvent, wait: bool = True) -> None:
        """Send its last event, once; without ``wait``, only if it has ended."""
        if self.sent or not (wait or self.future.done()):
            return
        self.sent = True
        error = self.future.exception()
        if error is not None:
            on_event(Failed(self.index, self.job.source, reason(error)))
            return
        size, ended = self.future.result()
        seconds = round(ended - self.began, 3)
        on_event(Finished(self.index, self.job.source, self.job.target, size.width, size.height, seconds))


def _save(path: Path, painted: UpscaledImage, saving: SaveOptions) -> tuple[Size, float]:
    return save(path, painted, saving), time.monotonic()


def _compute(
    index: int,
    job: Job,
    image: LoadedImage,
    upscaler: Upscaler,
    wanted: OutputSize,
    saving: SaveOptions,
    on_event: OnEvent,
    on_tile: OnTile,
) -> UpscaledImage:
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

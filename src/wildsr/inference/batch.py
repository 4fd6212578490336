"""Upscales many images in turn, reading the next and encoding what is done while the model computes."""

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from wildsr.image import LoadedImage, read
from wildsr.image.canvas import CanvasClosed
from wildsr.image.decode import fetched
from wildsr.inference.errors import JobCancelled
from wildsr.inference.events import Cancelled, Failed, Finished, Note, OnEvent, Started, Tile, reason
from wildsr.inference.files import (
    Painting,
    SavedImage,
    SaveOptions,
    UpscaledImage,
    begin,
    check,
    save,
    traits_for,
)
from wildsr.inference.jobs import Job
from wildsr.inference.sizing import OutputSize
from wildsr.inference.upscaler import OnTile, Upscaler
from wildsr.storage.atomic import remove_stale
from wildsr.storage.digest import digest_of
from wildsr.storage.locations import Location


def run(
    jobs: Iterable[Job],
    upscaler: Upscaler,
    wanted: OutputSize,
    saving: SaveOptions,
    on_event: OnEvent,
    *,
    digests: bool = False,
) -> None:
    """Do all jobs; ``on_event`` is called from this thread only.

    Jobs are taken one ahead of the image that is being computed, so they may still be being listed. With ``digests``,
    ``Finished`` carries the SHA-256 of both files.

    An image that fails does not stop the others. ``on_event`` may raise :class:`JobCancelled` on an event of the
    image that is being computed (``Started``, ``Note`` or ``Tile``, so between any two tiles): the image is dropped,
    its last event is ``Cancelled``, and the run goes on with the next one. Any other ``Exception`` on such an event
    counts as a failure of that image. An interruption waits for the write that is under way, so that no file is left
    half-written, and is then raised again.
    """
    with ThreadPoolExecutor(1, "wildsr-read") as reader, ThreadPoolExecutor(1, "wildsr-write") as writer:
        pending: _Pending | None = None
        for index, (job, ahead) in enumerate(_read_ahead(jobs, reader, digests)):
            began = time.monotonic()
            behind = pending

            def tile(
                done: int, total: int, index: int = index, job: Job = job, behind: _Pending | None = behind
            ) -> None:
                if behind is not None:
                    behind.settle(on_event, wait=False)
                on_event(Tile(index, job.source, done, total))

            try:
                image, source_sha256 = ahead.result()
                painting = _begin(index, job, image, upscaler, wanted, saving, on_event)
                saved = _paint(
                    painting, partial(writer.submit, _save, job, painting.image, saving, digests), tile
                )
            except JobCancelled:
                on_event(Cancelled(index, job.source))
                continue
            except Exception as error:
                on_event(Failed(index, job.source, reason(error)))
                continue
            if pending is not None:
                pending.settle(on_event)
            pending = _Pending(index, job, began, source_sha256, saved)
        if pending is not None:
            pending.settle(on_event)


_Saving = Future[tuple[SavedImage, float]]
"""What becomes of a file that is being written, and when it was complete."""


@dataclass
class _Pending:
    """An image that is being written, and whether its last event was sent."""

    index: int
    job: Job
    began: float
    source_sha256: str | None
    future: _Saving
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
        (size, target_sha256), ended = self.future.result()
        seconds = round(ended - self.began, 3)
        digests = (self.source_sha256, target_sha256)
        on_event(
            Finished(self.index, self.job.source, self.job.target, size.width, size.height, seconds, *digests)
        )


def _save(job: Job, painted: UpscaledImage, saving: SaveOptions, digest: bool) -> tuple[SavedImage, float]:
    saving = replace(saving, overwrite=True) if job.replaces else saving
    return save(job.target, painted, saving, digest), time.monotonic()


def read_job(job: Job, digest: bool) -> tuple[LoadedImage, str | None]:
    """Read the image of a job, and with ``digest`` the SHA-256 of its file. Raises ``ImageError``."""
    content = fetched(job.source)
    image = read(job.source, content)
    return image, (digest_of(job.source, content) if digest else None)


def _begin(
    index: int,
    job: Job,
    image: LoadedImage,
    upscaler: Upscaler,
    wanted: OutputSize,
    saving: SaveOptions,
    on_event: OnEvent,
) -> Painting:
    target = check(job.target, image, upscaler, wanted, saving)
    on_event(Started(index, job.source, *image.size, *(target.crop or target.size)))
    for text in image.traits.notes:
        on_event(Note(index, job.source, text))
    traits = traits_for(job.target, image, saving)
    return begin(image, upscaler, target, traits, truncate=saving.truncate, unfinished=True)


def _paint(painting: Painting, begin_to_save: Callable[[], _Saving], on_tile: OnTile) -> _Saving:
    """Compute an image while it is being saved. Raises the error of either."""
    try:
        saved = begin_to_save()
        try:
            painting.paint(on_tile)
        except CanvasClosed:
            saved.result()  # saving has failed, such as on a full disk, and closed the canvas
            raise
    except BaseException:
        painting.image.canvas.close()  # or the writer would wait for the rest of it
        raise
    return saved


def _read_ahead(
    jobs: Iterable[Job], reader: ThreadPoolExecutor, digests: bool
) -> Iterator[tuple[Job, "Future[tuple[LoadedImage, str | None]]"]]:
    cleaned: set[Location] = set()
    current: tuple[Job, Future[tuple[LoadedImage, str | None]]] | None = None
    for job in jobs:
        folder = job.target.parent
        if isinstance(folder, Path) and folder not in cleaned:
            cleaned.add(folder)
            remove_stale(folder)
        following = (job, reader.submit(read_job, job, digests))
        if current is not None:
            yield current
        current = following
    if current is not None:
        yield current

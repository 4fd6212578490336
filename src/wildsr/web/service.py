"""The service: accepts, manages and removes jobs. Independent of HTTP except for its errors."""

import asyncio
import contextlib
import hashlib
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wildsr.image.formats import RAW_SUFFIXES, READABLE_SUFFIXES, Size
from wildsr.web.adaptations.service import Adaptations
from wildsr.web.adaptations.store import AdaptationStore
from wildsr.web.channel import Child, ChildEnded, Message
from wildsr.web.events import Hub
from wildsr.web.jobs import ENDED, JobRecord, JobView, view_of, without_paths
from wildsr.web.metrics import Metrics
from wildsr.web.options import JobOptions, check_result, models, parse_options, settle_models
from wildsr.web.problems import Problem, reported
from wildsr.web.scheduler import Scheduler
from wildsr.web.settings import Settings
from wildsr.web.store import JobStore
from wildsr.web.uploads import Receiver, Upload

INSPECTOR = "wildsr.web.inspector"
HEADER_SECONDS = 10.0
COPY_SECONDS = 120.0
THUMBNAIL_SIDE = 384
SCREEN_PIXELS = 64_000_000
_SWEEP_SECONDS = 15.0


class Inspector:
    """A child process that opens files in place of the service; started at the first use and after it ended."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._child: Child | None = None
        self._turn = asyncio.Lock()

    async def ask(self, message: Message) -> Message:
        """Send a message and return the answer. Raises :class:`ChildEnded` if a file ended the process."""
        async with self._turn:
            began_earlier = self._child is not None
            try:
                return await self._answer(message)
            except ChildEnded:
                if not began_earlier:
                    raise
            # It may have been dead before it was asked. A file that ends it also ends the second process.
            return await self._answer(message)

    async def _answer(self, message: Message) -> Message:
        try:
            child = await self._begin()
            await child.send(message)
            return await child.receive(self._timeout)
        except BaseException:
            # Also when the request is given up: the answer must not be taken for that of the next.
            await self.stop()
            raise

    async def start(self) -> None:
        """Start the process ahead of the first request."""
        async with self._turn:
            await self._begin()

    async def _begin(self) -> Child:
        if self._child is None:
            self._child = await Child.start(INSPECTOR)
            await self._child.receive(COPY_SECONDS)  # its greeting, once libvips is loaded
        return self._child

    async def stop(self) -> None:
        """End the process."""
        if self._child is not None:
            child, self._child = self._child, None
            await child.kill()


class Service:
    """All parts of the service together; use :meth:`start` and :meth:`stop`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.store = JobStore(settings.folder)
        self.hub = Hub()
        self.receiver = Receiver(settings, self.store, self.metrics, self.disk)
        self.scheduler = Scheduler(settings, self.store, self.metrics, self._changed, self._progressed)
        self._headers, self._copies = Inspector(HEADER_SECONDS), Inspector(COPY_SECONDS)
        kept = AdaptationStore(settings.folder, self.store.database)
        self.adaptations = Adaptations(settings, kept, self.hub, self.receiver, self._header)
        self._sweeper: asyncio.Task[None] | None = None
        self.closing = False

    async def start(self) -> None:
        """Start the workers and the clean-up."""
        await self._headers.start()
        await self.scheduler.start()
        self.adaptations.runner.start()
        self._sweeper = asyncio.create_task(self._sweep())

    def begin_closing(self) -> None:
        """Accept no more jobs and end all event streams."""
        self.closing = True
        self.hub.close()

    async def stop(self) -> None:
        """Finish or keep what is running, and end all processes."""
        self.begin_closing()
        if self._sweeper is not None:
            self._sweeper.cancel()
        await asyncio.gather(self.scheduler.stop(), self.adaptations.runner.stop())
        await self._headers.stop()
        await self._copies.stop()
        self.store.close()

    def disk(self) -> int:
        """Bytes of all images and results."""
        return self.store.disk() + self.adaptations.store.disk()

    # Jobs

    def job(self, job_id: str) -> JobRecord:
        """The job of an id. Raises a 404 Problem."""
        job = self.store.get(job_id)
        if job is None:
            raise Problem(404, "no-such-job", "There is no such job; it may have expired.")
        return job

    def view(self, job: JobRecord, positions: dict[str, int] | None = None) -> JobView:
        """The representation of a job in the API."""
        if positions is None:
            positions = self.scheduler.queue.positions() if job.state == "queued" else {}
        progress = self.scheduler.progress.get(job.id)
        return view_of(job, self.settings.keep, progress, positions.get(job.id))

    def views(self) -> list[JobView]:
        """All jobs, oldest first."""
        positions = self.scheduler.queue.positions()
        return [self.view(job, positions) for job in self.store]

    @contextlib.contextmanager
    def room(self, client: str, key: str | None) -> Iterator[None]:
        """Admit one more job of a client.

        Raises:
            Problem: 429 for a full queue, 409 while another request has the same Idempotency-Key.
        """
        if self.closing:
            raise Problem(429, "closing", "The service is shutting down.", retry_after=10)
        with self.store.using_key(client, key):
            if self.store.with_key(client, key) is None:
                self._check_queue(client)
            yield

    def _check_queue(self, client: str) -> None:
        limits, queue = self.settings.limits, self.scheduler.queue
        if len(queue) >= limits.jobs or queue.count(client) >= limits.client_jobs:
            raise Problem(
                429,
                "queue-full",
                f"{queue.count(client)} of your jobs and {len(queue)} in all are waiting; try again later.",
                retry_after=10,
            )
        if len(self.store) >= limits.kept_jobs:
            raise Problem(
                429, "too-many-jobs", f"{len(self.store)} jobs are kept; remove some first.", retry_after=60
            )

    async def accept(self, upload: Upload, client: str, key: str | None) -> tuple[JobRecord, bool]:
        """Create a job from an upload; the flag says whether it existed already under the same Idempotency-Key.

        Raises:
            Problem: 413, 415 or 422 for an image or options that cannot be worked on.
        """
        digest = hashlib.sha256(f"{upload.sha256} {upload.name} {upload.options}".encode()).hexdigest()
        if (there := self.store.with_key(client, key, digest)) is not None:
            return there, True
        options = settle_models(parse_options(upload.options), self.settings.model)
        header = await self._header(upload.path, upload.name)
        suffix = Path(upload.name).suffix.lower()
        job_id = secrets.token_urlsafe(12)
        job = JobRecord(
            id=job_id,
            client=client,
            name=upload.name,
            origin=job_id,
            source_file=f"source{suffix if suffix in READABLE_SUFFIXES | RAW_SUFFIXES else ''}",
            options=options.model_dump(),
            source={**header, "bytes": upload.size},
            created=time.time(),
            disk=upload.size,
            key=key,
            digest=digest,
        )
        self._check_result(job, options)
        self._check_queue(client)
        self.store.add(job, upload.path)
        await self._submitted(job)
        return job, False

    async def again(self, job: JobRecord, options: JobOptions, client: str) -> JobRecord:
        """A new job for the source of another one, with other options. Raises Problems as :meth:`accept`."""
        self._check_queue(client)
        options = settle_models(options, self.settings.model)
        copy = JobRecord(
            id=secrets.token_urlsafe(12),
            client=client,
            name=job.name,
            origin=job.origin,
            source_file=job.source_file,
            options=options.model_dump(),
            source=job.source,
            created=time.time(),
            disk=int(job.source["bytes"]),
        )
        self._check_result(copy, options)
        self.store.add(copy, self.store.source_of(job), copy=True)
        await self._submitted(copy)
        return copy

    async def retry(self, job: JobRecord) -> JobRecord:
        """Queue a job again that failed or was cancelled. Raises a 409 Problem for any other."""
        if job.state not in ("failed", "cancelled"):
            raise Problem(
                409, "not-retriable", f"The job is {job.state}; only failed and cancelled ones are retried."
            )
        self._check_queue(job.client)
        job.state, job.started, job.ended, job.reason, job.attempts = "queued", None, None, None, 0
        self.store.save(job)
        await self._submitted(job)
        return job

    async def delete(self, job: JobRecord) -> bool:
        """Cancel a job that has not ended, and return True; remove it with its files otherwise."""
        if job.state not in ENDED:
            await self.scheduler.cancel(job)
            return True
        self.remove(job)
        return False

    def remove(self, job: JobRecord) -> None:
        """Remove a job that has ended."""
        self.store.remove(job)
        self.hub.publish(job.id, "removed", {"id": job.id})

    async def _submitted(self, job: JobRecord) -> None:
        await self.scheduler.submit(job)
        self._changed(job)

    def _check_result(self, job: JobRecord, options: JobOptions) -> None:
        scale = models()[options.model].scale
        size = Size(job.source["width"], job.source["height"])
        check_result(options, job.source_file, size, self.settings.limits.output_pixels, scale)

    # Files

    async def _header(self, path: Path, name: str) -> dict[str, Any]:
        try:
            answer = await self._headers.ask({"do": "header", "path": str(path)})
        except ChildEnded as error:
            raise Problem(
                422, "unreadable", f"{name} breaks the program that reads it; it {error}."
            ) from error
        if "error" in answer:
            text = without_paths(str(answer["error"]), self.store.folder, name)
            if answer["large"]:
                raise Problem(413, "too-many-pixels", text)
            raise Problem(422, "unreadable", text)
        header: dict[str, Any] = answer["header"]
        width, height = header.pop("size")
        most = self.settings.limits.pixels
        if width * height > most:
            raise Problem(
                413,
                "too-many-pixels",
                f"{name} has {width}x{height} pixels; this service takes images of at most {most / 1e6:g} million.",
            )
        return {**header, "width": width, "height": height}

    async def thumbnail(self, job: JobRecord) -> Path:
        """A small copy of the source, made at the first request. Raises a 404 Problem where it has none."""
        message = {"do": "thumbnail", "side": THUMBNAIL_SIDE}
        return await self._copy(job, self.store.source_of(job), "thumbnail.webp", message)

    async def screen(self, job: JobRecord, file: Path) -> Path:
        """A copy of the source or result that browsers show. Raises a 404 Problem where it has none."""
        message = {"do": "screen", "max_pixels": SCREEN_PIXELS}
        return await self._copy(job, file, f"{file.stem}-screen.png", message)

    async def _copy(self, job: JobRecord, file: Path, name: str, message: Message) -> Path:
        target = self.store.folder_of(job) / name
        if target.is_file():
            return target
        try:
            answer = await self._copies.ask({**message, "path": str(file), "target": str(target)})
        except ChildEnded as error:
            answer = {"error": str(error)}
        if "error" in answer or not target.is_file():
            raise Problem(404, "no-preview", f"There is no preview of {job.name}.")
        return target

    # What happens by itself

    def _changed(self, job: JobRecord) -> None:
        self.hub.publish(job.id, "job", self.view(job).model_dump())

    def _progressed(self, job: JobRecord) -> None:
        self.hub.publish(job.id, "progress", {"id": job.id, **vars(self.scheduler.progress[job.id])})

    async def _sweep(self) -> None:
        """Remove jobs and adaptations whose time is over."""
        while True:
            for job in self.store:
                if job.ended is not None and job.ended + self.settings.keep < time.time():
                    with reported(f"remove the job {job.id}"):
                        self.remove(job)
            self.adaptations.sweep()
            await asyncio.sleep(min(_SWEEP_SECONDS, self.settings.keep))

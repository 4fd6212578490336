"""Chooses the next job, and manages the worker processes."""

import asyncio
import contextlib
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from wildsr.web.channel import Child, ChildEnded, Message
from wildsr.web.jobs import ENDED, JobRecord, Progress, State
from wildsr.web.metrics import Metrics
from wildsr.web.options import JobOptions, result_suffix
from wildsr.web.problems import own_error, report, reported
from wildsr.web.settings import Settings
from wildsr.web.store import JobStore

WORKER = "wildsr.web.worker"
_LONGEST_BACKOFF = 30.0
_MOST_ATTEMPTS = 2


class FairQueue:
    """Jobs in the order of arrival for each client; clients take turns."""

    def __init__(self) -> None:
        self._clients: OrderedDict[str, deque[str]] = OrderedDict()

    def __len__(self) -> int:
        return sum(map(len, self._clients.values()))

    def count(self, client: str) -> int:
        """How many jobs of a client wait."""
        return len(self._clients.get(client, ()))

    def put(self, client: str, job_id: str, *, first: bool = False) -> None:
        """Add a job, as the last of its client or as the first of all."""
        jobs = self._clients.setdefault(client, deque())
        if first:
            jobs.appendleft(job_id)
            self._clients.move_to_end(client, last=False)
        else:
            jobs.append(job_id)

    def take(self) -> str | None:
        """The next job, None where there is none; its client goes to the end of the line."""
        for client, jobs in self._clients.items():
            job_id = jobs.popleft()
            if jobs:
                self._clients.move_to_end(client)
            else:
                del self._clients[client]
            return job_id
        return None

    def remove(self, client: str, job_id: str) -> bool:
        """Take a job out; False where it does not wait."""
        jobs = self._clients.get(client, deque())
        if job_id not in jobs:
            return False
        jobs.remove(job_id)
        if not jobs:
            del self._clients[client]
        return True

    def positions(self) -> dict[str, int]:
        """For each job that waits, how many are taken before it."""
        found: dict[str, int] = {}
        lines = [deque(jobs) for jobs in self._clients.values()]
        while lines:
            for line in lines:
                found[line.popleft()] = len(found)
            lines = [line for line in lines if line]
        return found


class Slot:
    """A worker process for one device, started again whenever it ends."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.child: Child | None = None
        self.ready = False
        self.job: JobRecord | None = None
        self.cancelling = False
        self.idle = asyncio.Event()
        self.idle.set()

    def hold(self, job: JobRecord) -> None:
        """The worker is to do a job."""
        self.job, self.cancelling = job, False
        self.idle.clear()

    def release(self) -> None:
        """The worker has nothing to do."""
        self.job = None
        self.idle.set()


class Scheduler:
    """Gives queued jobs to workers and records the outcomes.

    ``on_change(job)`` is called when a job changes, ``on_progress(job)`` when only its progress does.
    """

    def __init__(
        self,
        settings: Settings,
        store: JobStore,
        metrics: Metrics,
        on_change: Callable[[JobRecord], None],
        on_progress: Callable[[JobRecord], None],
    ) -> None:
        self.queue = FairQueue()
        self.slots = [Slot(device) for device in settings.devices]
        self.progress: dict[str, Progress] = {}
        self._settings, self._store, self._metrics = settings, store, metrics
        self._on_change, self._on_progress = on_change, on_progress
        self._wake = asyncio.Condition()
        self._closing = False
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Queue what an earlier run left, and start the workers."""
        for job in self._store:
            if job.state in ("queued", "running"):
                job.state, job.started = "queued", None
                self._save(job)
                self.queue.put(job.client, job.id)
        for slot in self.slots:
            self._tasks.append(asyncio.create_task(self._serve(slot)))

    async def stop(self) -> None:
        """Give running jobs a moment to finish, keep them for the next start otherwise, and end the workers."""
        self._closing = True
        async with self._wake:
            self._wake.notify_all()
        running = [slot.idle.wait() for slot in self.slots if slot.job is not None]
        if running:
            with contextlib.suppress(TimeoutError, asyncio.TimeoutError):
                await asyncio.wait_for(asyncio.gather(*running), self._settings.grace)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for slot in self.slots:
            if slot.child is not None:
                await slot.child.kill()

    async def submit(self, job: JobRecord, *, first: bool = False) -> None:
        """Queue a job that is in the store."""
        self.queue.put(job.client, job.id, first=first)
        async with self._wake:
            self._wake.notify_all()

    async def cancel(self, job: JobRecord) -> None:
        """Cancel a job that has not ended; returns when it has, or when its worker was ended."""
        slot = next((slot for slot in self.slots if slot.job is job), None)
        if slot is None or slot.child is None:
            self.queue.remove(job.client, job.id)
            if job.state not in ENDED:
                self._end(job, "cancelled")
            return
        slot.cancelling = True
        with contextlib.suppress(ChildEnded):
            await slot.child.send({"do": "cancel", "id": job.id})
        idle = slot.idle
        with contextlib.suppress(TimeoutError, asyncio.TimeoutError):
            await asyncio.wait_for(idle.wait(), self._settings.patience)
        if slot.job is job and slot.child is not None:
            slot.child.kill_now()
            await slot.idle.wait()

    async def _serve(self, slot: Slot) -> None:
        backoff = 0.5
        while not self._closing:
            began = time.monotonic()
            try:
                slot.child = await Child.start(WORKER, slot.device)
                greeting = await slot.child.receive(self._settings.stall)
                self._add_slots(slot, int(greeting.get("gpus", 0)))
                slot.ready = True
                await slot.child.send({"do": "warm", "model": self._settings.model})
                while not self._closing:
                    await self._run(slot, await self._next_while_alive(slot))
            except ChildEnded:
                self._metrics.worker_restarts += 1
            except Exception:
                report(f"use the worker for {slot.device}, and starts it again")
            finally:
                slot.ready = False
                slot.release()
                if slot.child is not None:
                    slot.child.kill_now()
            if time.monotonic() - began > _LONGEST_BACKOFF:
                backoff = 0.5
            await asyncio.sleep(0 if slot.cancelling else backoff)
            backoff = backoff if slot.cancelling else min(2 * backoff, _LONGEST_BACKOFF)
            slot.cancelling = False

    def _add_slots(self, slot: Slot, gpus: int) -> None:
        """With ``auto``, every GPU gets a worker; the first worker has the first."""
        if slot.device != "auto" or len(self.slots) > 1:
            return
        for number in range(1, gpus):
            more = Slot(f"cuda:{number}")
            self.slots.append(more)
            self._tasks.append(asyncio.create_task(self._serve(more)))

    async def _next_while_alive(self, slot: Slot) -> JobRecord:
        """The next job; raises ChildEnded where the worker ends while it waits."""
        assert slot.child is not None
        job, gone = asyncio.create_task(self._next(slot)), asyncio.create_task(slot.child.wait())
        try:
            await asyncio.wait({job, gone}, return_when=asyncio.FIRST_COMPLETED)
            if job.done():
                return job.result()
            raise ChildEnded(slot.child.ended)
        finally:
            job.cancel()
            gone.cancel()

    async def _next(self, slot: Slot) -> JobRecord:
        while True:
            async with self._wake:
                job_id = None if self._closing else self.queue.take()
                if job_id is None:
                    await self._wake.wait()
                    continue
            job = self._store.get(job_id)
            if job is not None:
                slot.hold(job)  # at once: a job is always in the queue or in a slot, where cancel finds it
                return job

    async def _run(self, slot: Slot, job: JobRecord) -> None:
        assert slot.child is not None
        try:
            job.state, job.started, job.notes = "running", time.time(), []
            self.progress[job.id] = Progress()
            self._store.keep_only_source(job)
            self._changed(job)
            await slot.child.send(self._message(job))
            while await self._heed(slot, job, await slot.child.receive(self._settings.stall)):
                pass
        except ChildEnded as error:
            self._lost(slot, job, str(error))
            raise
        except asyncio.CancelledError:
            job.state, job.started = "queued", None
            self._save(job)
            raise
        except Exception as error:
            self._end(job, "failed", own_error(error))
            raise
        finally:
            self.progress.pop(job.id, None)
            slot.release()

    def _message(self, job: JobRecord) -> Message:
        options = JobOptions(**job.options)
        return {
            "do": "job",
            "id": job.id,
            "source": str(self._store.source_of(job)),
            "name": job.name,
            "suffix": result_suffix(options, job.source_file),
            "options": job.options,
            "max_pixels": self._settings.limits.output_pixels,
        }

    async def _heed(self, slot: Slot, job: JobRecord, message: Message) -> bool:
        """Record what a worker says; False when it is done with the job."""
        event = message.get("event")
        if message.get("id") != job.id:
            return True
        if event == "tile":
            self._tile(job, message)
        elif event == "note":
            job.notes.append(str(message["text"]))
        elif event == "finished":
            job.result = message["result"]
            self._end(job, "finished")
            return False
        elif event == "failed":
            self._end(job, "cancelled" if slot.cancelling else "failed", str(message["reason"]))
            return False
        elif event == "cancelled":
            self._end(job, "cancelled")
            return False
        return True

    def _tile(self, job: JobRecord, message: Message) -> None:
        progress, fraction = self.progress[job.id], float(message["fraction"])
        progress.done, progress.total, progress.fraction = message["done"], message["total"], fraction
        if fraction > 0 and job.started is not None:
            progress.seconds_left = round((time.time() - job.started) * (1 - fraction) / fraction, 1)
        self._on_progress(job)

    def _lost(self, slot: Slot, job: JobRecord, why: str) -> None:
        """The worker ended during a job: cancelled, tried once more, or failed."""
        if slot.cancelling:
            self._end(job, "cancelled")
            return
        job.attempts += 1
        if job.attempts < _MOST_ATTEMPTS:
            job.state, job.started = "queued", None
            self.queue.put(job.client, job.id, first=True)
            self._changed(job)
            return
        self._end(
            job,
            "failed",
            f"The worker process {why} while working on {job.name}, {job.attempts} times. The image may be too large "
            "for the memory of this computer, or damaged in a way that breaks a decoder; save it from another "
            "program as PNG, or choose a smaller size.",
        )

    def _end(self, job: JobRecord, state: State, reason: str | None = None) -> None:
        assert state in ENDED
        job.state, job.ended = state, time.time()
        job.reason = reason if state == "failed" else None
        if state != "finished":
            job.result = None
        self._metrics.ended(state, job)
        with reported(f"tidy up after the job {job.id}"):
            if state != "finished":
                self._store.keep_only_source(job)
            job.disk = self._store.measured(job)
        self._changed(job)

    def _changed(self, job: JobRecord) -> None:
        self._save(job)
        with reported(f"show the job {job.id}"):
            self._on_change(job)

    def _save(self, job: JobRecord) -> None:
        """Write a record. Where that fails, the job goes on, and a restart begins at what was written last."""
        with reported(f"save the job {job.id}"):
            self._store.save(job)

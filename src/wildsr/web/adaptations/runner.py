"""The queue of adaptations, and the process of the one that runs."""

import asyncio
import contextlib
import math
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

from wildsr.web.adaptations.record import AdaptationRecord, add_point
from wildsr.web.adaptations.store import PHOTOS, SHARP, AdaptationStore
from wildsr.web.channel import Child, ChildEnded, Message
from wildsr.web.jobs import ENDED, State
from wildsr.web.problems import own_error, report, reported
from wildsr.web.settings import Settings

WORKER = "wildsr.web.adaptations.worker"
_MOST_ATTEMPTS = 3
_MOST_NOTES = 50
_SAVE_SECONDS = 5.0


class Runner:
    """Runs adaptations one after the other, in the order in which they came.

    ``on_change(record)`` is called when one changes, ``on_progress(record, news)`` when only its progress does.
    """

    def __init__(
        self,
        settings: Settings,
        store: AdaptationStore,
        on_change: Callable[[AdaptationRecord], None],
        on_progress: Callable[[AdaptationRecord, dict[str, Any]], None],
    ) -> None:
        self.running: AdaptationRecord | None = None
        self.ended: Counter[State] = Counter()
        self._settings, self._store = settings, store
        self._on_change, self._on_progress = on_change, on_progress
        self._queue: deque[AdaptationRecord] = deque()
        self._wake, self._idle = asyncio.Event(), asyncio.Event()
        self._idle.set()
        self._child: Child | None = None
        self._cancelling = self._closing = False
        self._saved = 0.0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Queue what an earlier run of the service left, and begin."""
        left = [record for record in self._store if record.state in ("queued", "running")]
        for record in sorted(left, key=lambda one: one.state != "running"):
            record.state = "queued"
            self._save(record)
            self.submit(record)
        self._task = asyncio.create_task(self._serve())

    async def stop(self) -> None:
        """End the running adaptation, which the next start continues."""
        self._closing = True
        if self.running is not None:
            await self._end_child(self._settings.grace)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def submit(self, record: AdaptationRecord) -> None:
        """Queue an adaptation that is in the store."""
        self._queue.append(record)
        self._wake.set()

    def position(self, record: AdaptationRecord) -> int | None:
        """How many adaptations are queued before this one; None if it does not wait."""
        return self._queue.index(record) if record in self._queue else None

    @property
    def waiting(self) -> int:
        """Number of queued adaptations."""
        return len(self._queue)

    async def cancel(self, record: AdaptationRecord) -> None:
        """Cancel an adaptation that has not ended; returns when it has. Running it again continues it."""
        if record in self._queue:
            self._queue.remove(record)
            self._end(record, "cancelled")
        elif self.running is record:
            self._cancelling = True
            await self._end_child(self._settings.patience)

    async def _end_child(self, seconds: float) -> None:
        """End the process: a training may save its state within some seconds."""
        if self._child is not None:
            self._child.terminate()
        with contextlib.suppress(TimeoutError, asyncio.TimeoutError):
            await asyncio.wait_for(self._idle.wait(), seconds)
        if self.running is not None:
            if self._child is not None:
                self._child.kill_now()
            await self._idle.wait()

    async def _serve(self) -> None:
        while not self._closing:
            if not self._queue:
                self._wake.clear()
                await self._wake.wait()
                continue
            record = self._queue.popleft()
            self.running, self._cancelling = record, False
            self._idle.clear()
            record.state, record.started, record.notes = "running", time.time(), []
            record.stage, record.progress = {}, None
            try:
                self._changed(record)
                await self._run(record)
            except ChildEnded as error:
                self._lost(record, str(error))
            except OSError as error:
                self._end(record, "failed", f"The process could not be started: {error.strerror or error}.")
            except Exception as error:
                self._end(record, "failed", own_error(error))
                report(f"run the adaptation {record.id}")
            finally:
                if self._child is not None:
                    self._child.kill_now()
                self._child = self.running = None
                self._idle.set()

    async def _run(self, record: AdaptationRecord) -> None:
        self._child = await Child.start(WORKER)
        if self._cancelling or self._closing:
            self._child.terminate()
        await self._child.send(self._message(record))
        while not self._heed(record, await self._child.receive(self._settings.stall)):
            pass

    def _message(self, record: AdaptationRecord) -> Message:
        folder = self._store.folder_of(record)
        return {
            "photos": str(folder / PHOTOS),
            "sharp": str(folder / SHARP) if record.sharp else None,
            "model": str(self._store.model_of(record)),
            "report": str(self._store.report_of(record)),
            "options": record.options,
            "device": self._settings.devices[0],
            "root": str(self._settings.folder),
        }

    def _heed(self, record: AdaptationRecord, message: Message) -> bool:
        """Record what the worker says; True when it is done."""
        match message.get("event"):
            case "stage":
                record.stage, record.progress = {"name": message["name"], "text": message["text"]}, None
                self._changed(record)
            case "note":
                if len(record.notes) < _MOST_NOTES and message["text"] not in record.notes:
                    record.notes.append(str(message["text"]))
                    self._changed(record)
            case "progress":
                self._heed_progress(record, message)
            case "gain":
                add_point(record.gain, message["step"], message["value"])
                self._progressed(record, {"gain": record.gain[-1]})
            case "sample":
                record.samples = [one for one in record.samples if one[0] != message["step"]]
                record.samples.append((message["step"], message["file"]))
                self._progressed(record, {"samples": [step for step, _ in record.samples]})
            case "finished":
                record.outcome, record.camera = message["outcome"], message["camera"] or None
                self._end(record, "finished")
                return True
            case "failed":
                record.cameras = message["cameras"]
                self._end(record, "cancelled" if self._cancelling else "failed", str(message["reason"]))
                return True
        return False

    def _heed_progress(self, record: AdaptationRecord, message: Message) -> None:
        record.progress = [message["done"], message["total"], message["seconds_left"]]
        losses = {name: round(value, 6) for name, value in message["losses"].items() if math.isfinite(value)}
        for name, value in losses.items():
            add_point(record.losses.setdefault(name, []), message["done"], value)
        self._progressed(record, {"losses": losses, "step": message["done"]} if losses else {})

    def _lost(self, record: AdaptationRecord, why: str) -> None:
        """The process ended: cancelled, kept for the next start, continued, or failed."""
        if self._cancelling:
            self._end(record, "cancelled")
            return
        if not self._closing:
            record.attempts += 1
        if record.attempts < _MOST_ATTEMPTS:
            record.state = "queued"
            self._queue.appendleft(record)
            self._changed(record)
            return
        self._end(
            record,
            "failed",
            f"The process {why}, {record.attempts} times. There may be too little memory for these photos; run it "
            "again to continue from where it was.",
        )

    def _end(self, record: AdaptationRecord, state: State, reason: str | None = None) -> None:
        assert state in ENDED
        record.state, record.ended = state, time.time()
        self.ended[state] += 1
        record.reason = reason if state == "failed" else None
        with reported(f"measure the files of the adaptation {record.id}"):
            record.disk = self._store.measured(record)
        self._changed(record)

    def _changed(self, record: AdaptationRecord) -> None:
        self._save(record)
        with reported(f"show the adaptation {record.id}"):
            self._on_change(record)

    def _save(self, record: AdaptationRecord) -> None:
        """Write a record. Where that fails, the adaptation goes on, and a restart begins at what was written last."""
        with reported(f"save the adaptation {record.id}"):
            self._store.save(record)

    def _progressed(self, record: AdaptationRecord, news: dict[str, Any]) -> None:
        if time.monotonic() - self._saved > _SAVE_SECONDS:
            self._saved = time.monotonic()
            self._save(record)
        self._on_progress(record, news)

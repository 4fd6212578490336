"""Errors that nobody expects, such as a full disk or too many processes: the service goes on."""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from wildsr.web import service as services
from wildsr.web.adaptations.record import AdaptationRecord
from wildsr.web.adaptations.runner import Runner
from wildsr.web.adaptations.store import AdaptationStore
from wildsr.web.channel import Child
from wildsr.web.jobs import ENDED, JobRecord
from wildsr.web.metrics import Metrics
from wildsr.web.scheduler import Scheduler
from wildsr.web.service import Service
from wildsr.web.settings import Settings
from wildsr.web.store import JobStore

LONG = 60.0


class Answering:
    """A worker that answers every job at once."""

    def __init__(self) -> None:
        self.answers: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.answers.put_nowait({"event": "ready"})
        self.gone = asyncio.Event()

    @classmethod
    async def start(cls, *_: str) -> "Answering":
        return cls()

    async def send(self, message: dict[str, Any]) -> None:
        if message.get("do") != "warm":
            self.answers.put_nowait({"event": "failed", "reason": "as asked", "cameras": {}, **message})

    async def receive(self, _: float) -> dict[str, Any]:
        return await self.answers.get()

    async def wait(self) -> None:
        await self.gone.wait()

    def kill_now(self) -> None:
        self.gone.set()

    async def kill(self) -> None:
        self.kill_now()


class FullDisk:
    """``function``, which fails the first times it is called, as on a full disk."""

    def __init__(self, function: Callable[..., Any], times: int = 1) -> None:
        self.function, self.times = function, times

    def __call__(self, *arguments: Any) -> Any:
        self.times -= 1
        if self.times >= 0:
            raise sqlite3.OperationalError("database or disk is full")
        return self.function(*arguments)


@pytest.fixture(autouse=True)
def workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Child, "start", Answering.start)


def job_in(store: JobStore, name: str) -> JobRecord:
    source = store.new_upload()
    source.write_bytes(b"image")
    job = JobRecord(
        id=name,
        client="me",
        name=f"{name}.png",
        origin=name,
        source_file="source.png",
        options={"model": "tiny"},
        source={},
        created=time.time(),
    )
    store.add(job, source)
    return job


def adaptation_in(store: AdaptationStore, name: str) -> AdaptationRecord:
    record = AdaptationRecord(
        id=name, client="me", options={}, photos=10, sharp=0, photo_bytes=1, created=time.time()
    )
    with store.receiving() as folder:
        store.add(record, folder)
    return record


async def ended(record: JobRecord | AdaptationRecord) -> None:
    while record.state not in ENDED:
        await asyncio.sleep(0.01)


def within_time(check: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(check, LONG))


def scheduler_in(folder: Path) -> tuple[Scheduler, JobStore]:
    store = JobStore(folder)
    return Scheduler(Settings(folder), store, Metrics(), lambda _: None, lambda _: None), store


@pytest.mark.parametrize("what", ["save", "keep_only_source", "measured"])
@pytest.mark.parametrize("times", [1, 3])
def test_jobs_go_on_when_the_disk_was_full(
    what: str, times: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def check() -> None:
        scheduler, store = scheduler_in(tmp_path)
        jobs = [job_in(store, name) for name in "abc"]
        monkeypatch.setattr(store, what, FullDisk(getattr(store, what), times))
        await scheduler.start()
        for job in jobs:
            await ended(job)
        assert scheduler.slots[0].idle.is_set()
        await scheduler.stop()

    within_time(check())


def test_jobs_wait_for_a_worker_that_cannot_be_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failures = [OSError(24, "Too many open files")]

    async def start(*_: str) -> Answering:
        if failures:
            raise failures.pop()
        return Answering()

    monkeypatch.setattr(Child, "start", start)

    async def check() -> None:
        scheduler, store = scheduler_in(tmp_path)
        job = job_in(store, "a")
        await scheduler.start()
        await ended(job)
        assert job.reason == "as asked"
        await scheduler.stop()

    within_time(check())
    assert "Too many open files" in caplog.text


def test_a_job_whose_worker_is_lost_while_the_disk_is_full_waits_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def check() -> None:
        scheduler, store = scheduler_in(tmp_path)
        job, slot = job_in(store, "a"), scheduler.slots[0]
        monkeypatch.setattr(store, "save", FullDisk(store.save, 9))
        scheduler._lost(slot, job, "was ended")
        assert scheduler.queue.positions() == {"a": 0}

    within_time(check())


def test_a_job_that_is_nowhere_can_be_cancelled(tmp_path: Path) -> None:
    async def check() -> None:
        scheduler, store = scheduler_in(tmp_path)
        for state in ("queued", "running"):
            job = job_in(store, state)
            job.state = state  # type: ignore[assignment]
            await scheduler.cancel(job)
            assert job.state == "cancelled"

    within_time(check())


@pytest.mark.parametrize("what", ["save", "measured"])
def test_adaptations_go_on_when_the_disk_was_full(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def check() -> None:
        store = AdaptationStore(tmp_path, JobStore(tmp_path).database)
        runner = Runner(Settings(tmp_path), store, lambda _: None, lambda *_: None)
        records = [adaptation_in(store, name) for name in "ab"]
        runner.start()
        monkeypatch.setattr(store, what, FullDisk(getattr(store, what)))
        for record in records:
            await ended(record)
        await runner.stop()

    within_time(check())


def test_an_adaptation_that_cannot_be_shown_holds_up_no_other(tmp_path: Path) -> None:
    async def check() -> None:
        store = AdaptationStore(tmp_path, JobStore(tmp_path).database)

        def show(record: AdaptationRecord) -> None:
            if record.id == "a":
                raise KeyError("better")

        runner = Runner(Settings(tmp_path), store, show, lambda *_: None)
        records = [adaptation_in(store, name) for name in "ab"]
        runner.start()
        for record in records:
            await ended(record)
        await runner.stop()

    within_time(check())


def test_expired_jobs_are_removed_when_the_disk_was_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "_SWEEP_SECONDS", 0.01)

    async def check() -> None:
        service = Service(Settings(tmp_path, keep=1))
        for name in "ab":
            job = job_in(service.store, name)
            job.state, job.ended = "finished", 1.0
            record = adaptation_in(service.adaptations.store, name)
            record.state, record.ended = "finished", 1.0
        for store in (service.store, service.adaptations.store):
            monkeypatch.setattr(store, "remove", FullDisk(store.remove, 3))
        sweeper = asyncio.create_task(service._sweep())
        while len(service.store) + len(service.adaptations.store):
            assert not sweeper.done()
            await asyncio.sleep(0.01)
        sweeper.cancel()

    within_time(check())


def test_files_are_deleted_even_if_the_record_cannot_be(tmp_path: Path) -> None:
    """On a full disk, SQLite may need the space of the files to delete the record."""
    store = JobStore(tmp_path)
    adaptations = AdaptationStore(tmp_path, store.database)
    job, record = job_in(store, "a"), adaptation_in(adaptations, "a")
    store.database.execute("pragma query_only = on")
    for one, kept in ((job, store), (record, adaptations)):
        with pytest.raises(sqlite3.OperationalError):
            kept.remove(one)  # type: ignore[arg-type]
        assert not kept.folder_of(one).exists()  # type: ignore[arg-type]
    store.database.execute("pragma query_only = off")
    store.remove(job)
    adaptations.remove(record)
    assert len(store) + len(adaptations) == 0

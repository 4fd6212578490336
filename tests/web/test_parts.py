"""Unit tests of parts of the service."""

import asyncio
import contextlib
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wildsr.web import event_routes
from wildsr.web.events import Hub
from wildsr.web.files import parse_range
from wildsr.web.jobs import without_paths
from wildsr.web.problems import Problem
from wildsr.web.scheduler import FairQueue
from wildsr.web.service import Service
from wildsr.web.settings import Limits, Settings, parse_bytes, parse_duration
from wildsr.web.store import JobStore, StoreError
from wildsr.web.uploads import Incoming


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 999)), unique=True))
def test_positions_are_those_in_which_jobs_are_taken(jobs: list[tuple[str, int]]) -> None:
    queue = FairQueue()
    for client, number in jobs:
        queue.put(client, f"{client}{number}")
    expected = queue.positions()
    taken = [queue.take() for _ in jobs]
    assert expected == {job: place for place, job in enumerate(taken)}
    assert queue.take() is None
    for client in "abc":
        order = [job for job in taken if job and job.startswith(client)]
        assert order == [f"{c}{number}" for c, number in jobs if c == client]


def test_a_job_to_be_tried_again_is_first() -> None:
    queue = FairQueue()
    queue.put("a", "a1")
    queue.put("b", "b1")
    queue.put("b", "b0", first=True)
    assert [queue.take() for _ in range(3)] == ["b0", "a1", "b1"]


def test_removed_jobs_are_not_taken() -> None:
    queue = FairQueue()
    queue.put("a", "a1")
    queue.put("a", "a2")
    assert queue.remove("a", "a1")
    assert not queue.remove("a", "a1")
    assert not queue.remove("b", "a2")
    assert (queue.take(), len(queue)) == ("a2", 0)


def test_events_are_kept_for_a_while() -> None:
    async def check() -> None:
        hub = Hub(kept=3)
        start = hub.last
        assert hub.since(start) == []
        assert hub.since(start - 1) is None
        for number in range(4):
            hub.publish("ab"[number % 2], "progress", {"n": number})
        assert hub.since(start) is None  # the first is gone
        found = hub.since(start + 1)
        assert found is not None
        assert [event.data["n"] for event in found] == [1, 2, 3]
        only = hub.since(start + 1, "a")
        assert only is not None
        assert [event.data["n"] for event in only] == [2]
        assert hub.since(hub.last + 1) is None
        waiting = asyncio.create_task(hub.wait(hub.last, 60))
        await asyncio.sleep(0)
        hub.publish("a", "job", {})
        await asyncio.wait_for(waiting, 60)

    asyncio.run(check())


def test_an_event_during_the_sending_of_another_is_sent_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """It came with the heartbeat, and the last one of a job has none after it."""
    monkeypatch.setattr(event_routes, "_HEARTBEAT", 0.01)

    async def check() -> None:
        for number in (None, 0):  # a snapshot first, or an event
            hub = Hub()
            start = None if number is None else hub.last
            hub.publish("a", "job", {"n": 1})
            followed = event_routes.Followed("a", dict, lambda: False)
            stream = event_routes._stream(hub, followed, start)
            assert (await anext(stream)).startswith(b"retry")
            first = await anext(stream)
            assert (b"snapshot" in first) == (start is None)
            hub.publish("a", "job", {"n": 2})
            assert b'{"n": 2}' in await anext(stream)
            assert (await anext(stream)).startswith(b":")
            hub.publish("b", "job", {"n": 3})  # of no interest
            hub.publish("a", "job", {"n": 4})
            assert b'{"n": 4}' in await anext(stream)

    asyncio.run(check())


@given(st.text(alphabet="0123456789-=, bytes", max_size=30), st.integers(0, 50))
def test_ranges_lie_within_the_file(text: str, size: int) -> None:
    with contextlib.suppress(Problem):
        found = parse_range(text, size)
        assert found is None or 0 <= found[0] < found[1] <= size
    with pytest.raises(Problem) as beyond:
        parse_range(f"bytes={size}-", size)
    assert beyond.value.status == 416


def test_durations_and_sizes() -> None:
    assert [parse_duration(text) for text in ("90s", "30m", "24h", "7d")] == [90, 1800, 86400, 604800]
    assert [parse_bytes(text) for text in ("500", "2K", "1.5M", "20GB")] == [500, 2048, 3 << 19, 20 << 30]
    for wrong in ("", "h", "-1h", "0m", "1y", "nan"):
        with pytest.raises(ValueError, match="write it like"):
            parse_duration(wrong)
        with pytest.raises(ValueError, match="write it like"):
            parse_bytes(wrong or "G")


def test_a_damaged_job_list_is_explained(tmp_path: Path) -> None:
    (tmp_path / "jobs.sqlite").write_bytes(b"no database" * 500)
    with pytest.raises(StoreError, match="damaged"):
        JobStore(tmp_path)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match="cannot be made"):
        JobStore(tmp_path / "file" / "inner")


def test_a_thumbnail_that_is_being_written_survives_the_start_of_the_job(tmp_path: Path) -> None:
    """It was deleted where the worker began at that moment, and the page showed no thumbnail."""
    store, job = JobStore(tmp_path), SimpleNamespace(id="a", source_file="source.png")
    folder = store.folder_of(job)
    folder.mkdir(parents=True)
    for name in ("source.png", "thumbnail.webp", ".thumbnail.webp.part.webp", "result.png"):
        (folder / name).touch()
    store.keep_only_source(job)
    assert not (folder / "result.png").exists()
    assert len(list(folder.iterdir())) == 3


def test_messages_lose_all_paths_of_the_service(tmp_path: Path) -> None:
    text = f"{tmp_path}/jobs/a/source.png is cut off ({tmp_path}/uploads/another: bad seek to 9)."
    assert without_paths(text, tmp_path, "mine.png") == "mine.png is cut off (mine.png: bad seek to 9)."


def test_no_client_takes_every_place_in_the_queue(tmp_path: Path) -> None:
    service = Service(Settings(tmp_path, limits=Limits(jobs=10)))
    for number in range(service.settings.limits.client_jobs):
        service.scheduler.queue.put("one", f"{number}")
    with pytest.raises(Problem, match="6 of your jobs and 6 in all"), service.room("one", None):
        pass
    for number in range(4):
        with service.room("other", None):
            service.scheduler.queue.put("other", f"other {number}")
    with pytest.raises(Problem, match="4 of your jobs and 10 in all"), service.room("other", None):
        pass


def test_the_command_leaves_the_limit_of_one_client_in_force(monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from wildsr.cli.main import app
    from wildsr.web import server

    found: list[Settings] = []
    monkeypatch.setattr(server, "serve", lambda settings, *_: found.append(settings))
    for option, limit in (
        ((), 300),
        (("--max-jobs", "1"), 1),
        (("--max-jobs", "2"), 2),
        (("--max-jobs", "90"), 54),
    ):
        done = CliRunner().invoke(app, ["web", "--no-open", "--port", "0", *option])
        assert done.exit_code == 0, done.output
        assert found[-1].limits.client_jobs == limit


def test_files_of_one_upload_share_the_space(tmp_path: Path) -> None:
    async def check() -> None:
        service = Service(Settings(tmp_path, limits=Limits(disk=3 << 20, free_disk=0)))
        with service.receiver.admitted(tmp_path):
            files = [
                Incoming(tmp_path / name, lambda size: service.receiver.allow(tmp_path, size))
                for name in "ab"
            ]
            for file in files:
                file.add(b"\xff\xd8\xff" + bytes(2 << 20))
            await files[0].flush(last=True)
            assert (files[0].format, files[0].size, files[0].path.stat().st_size) == (
                "jpeg",
                *2 * [3 + (2 << 20)],
            )
            with pytest.raises(Problem, match="keeps at most"):
                await files[1].flush()
        assert service.metrics.received_bytes == 2 * (3 + (2 << 20))

    asyncio.run(check())


def test_one_request_at_a_time_has_a_key(tmp_path: Path) -> None:
    store = JobStore(tmp_path)
    with store.using_key("me", "k"), store.using_key("me", "other"), store.using_key("you", "k"):
        with pytest.raises(Problem, match="is being received"), store.using_key("me", "k"):
            pass
        with store.using_key("me", None), store.using_key("me", None):
            pass
    with store.using_key("me", "k"):
        assert store.with_key("me", "k") is None


def test_hosts_of_a_local_service(tmp_path: Path) -> None:
    settings = Settings(tmp_path)
    for name in ("localhost", "127.0.0.1", "::1", "LocalHost"):
        assert settings.accepts_host(name)
    for name in ("127.0.0.2", "0.0.0.0", "localhost.example", "", "example.org"):
        assert not settings.accepts_host(name)

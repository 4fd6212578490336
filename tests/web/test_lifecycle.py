"""Jobs from queue to expiry: cancelled, crashed, restarted, in order."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import web_images
from running_service import LONG, SLOW, Running

LARGE = web_images.photo("PNG", 500, 500)
needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")


def test_cancel_while_running_and_while_waiting(service: Running) -> None:
    slow = service.job(LARGE, SLOW)
    waiting = service.job(LARGE, SLOW)
    service.until(slow, "tiles")
    restarts = service.metric("worker_restarts_total")
    for job in (waiting, slow):
        answer = service.http.delete(job["links"]["self"])
        assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
        assert answer.json()["result"] is None
    assert service.metric("worker_restarts_total") == restarts  # it stopped by itself, between two tiles
    assert len(service.result(service.job(web_images.photo()))) > 100
    assert service.http.delete(slow["links"]["self"]).status_code == 204
    assert service.http.get(slow["links"]["self"]).status_code == 404


def test_cancelled_jobs_can_be_retried(service: Running) -> None:
    slow = service.job(LARGE, SLOW)
    job = service.job(web_images.photo())
    service.http.delete(job["links"]["self"])
    answer = service.http.post(f"{job['links']['self']}/retry")
    assert (answer.status_code, answer.json()["state"]) == (202, "queued")
    service.http.delete(slow["links"]["self"])
    assert len(service.result(job)) > 100


def test_fifty_jobs_at_once_finish_in_order(service: Running) -> None:
    contents = [web_images.photo("PNG", 12, 12 + n) for n in range(50)]
    blocker = service.job(LARGE, SLOW)

    def send(number: int) -> dict[str, Any]:
        headers = {"Wildsr-Client": "fifty"}
        return service.job(contents[number], name=f"{number}.png", headers=headers)

    with ThreadPoolExecutor(8) as pool:
        jobs = list(pool.map(send, range(50)))
    service.http.delete(blocker["links"]["self"])
    for job in jobs:
        service.until(job, "finished")
    done = [service.get(job) for job in jobs]
    accepted = [
        job["id"]
        for job in service.http.get("/v1/jobs").json()["jobs"]
        if job["id"] in {j["id"] for j in jobs}
    ]
    finished = [job["id"] for job in sorted(done, key=lambda job: job["ended"])]
    assert finished == accepted
    assert all(job["result"]["width"] == 4 * (12 + int(job["name"][:-4])) for job in done)


def test_clients_take_turns(service: Running) -> None:
    blocker = service.job(LARGE, SLOW)
    many = [service.job(web_images.photo(), headers={"Wildsr-Client": "many"}) for _ in range(4)]
    one = service.job(web_images.photo(), headers={"Wildsr-Client": "one"})
    assert service.get(one)["position"] == 1
    assert service.get(many[-1])["position"] == 4
    service.http.delete(blocker["links"]["self"])
    for job in (*many, one):
        service.until(job, "finished")
    assert service.get(one)["ended"] < service.get(many[1])["ended"]


@needs_proc
def test_a_killed_worker_costs_one_attempt(service: Running) -> None:
    job = service.job(web_images.photo("PNG", 120, 120), SLOW)
    service.until(job, "tiles", "finished")
    (worker,) = service.children("wildsr.web.worker")
    os.kill(worker, signal.SIGKILL)
    assert len(service.result(job)) > 1000
    assert service.children("wildsr.web.worker") != [worker]


@needs_proc
def test_an_image_that_kills_every_worker_fails_and_the_next_one_works(service: Running) -> None:
    job = service.job(LARGE, SLOW)
    after = service.job(web_images.photo())
    for _ in range(2):
        restarts = service.metric("worker_restarts_total")
        service.until(job, "tiles")
        (worker,) = service.children("wildsr.web.worker")
        os.kill(worker, signal.SIGKILL)
        while service.metric("worker_restarts_total") == restarts:
            time.sleep(0.02)
    failed = service.until(job, "failed")
    assert "worker process" in failed["reason"]
    assert "2 times" in failed["reason"]
    assert len(service.result(after)) > 100


@needs_proc
def test_killed_inspector_and_idle_worker_come_back(service: Running) -> None:
    before = service.job(web_images.photo())
    service.result(before)
    assert service.http.get(before["links"]["thumbnail"]).status_code == 200
    for module in ("wildsr.web.inspector", "wildsr.web.worker"):
        for process in service.children(module):
            os.kill(process, signal.SIGKILL)
    after = service.job(web_images.photo())
    assert service.http.get(after["links"]["thumbnail"]).status_code == 200
    assert len(service.result(after)) > 100


def test_killed_service_loses_no_job(start: Callable[..., Running], tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    first = start(folder=folder)
    done = first.job(web_images.photo(), name="done.png")
    content = first.result(done)
    jobs = [first.job(web_images.photo("PNG", 80, 80), SLOW, headers={"Idempotency-Key": "k"})]
    jobs += [first.job(web_images.photo(), {"scale": scale}) for scale in (1, 2, 3)]
    first.until(jobs[0], "running", "finished")
    workers = first.children("wildsr.web.worker")
    first.end(signal.SIGKILL)
    (folder / "uploads" / "left").write_bytes(b"half an upload")
    (folder / "jobs" / "unknown").mkdir()

    second = start(folder=folder)
    assert second.result(done) == content
    assert not list((folder / "uploads").iterdir())
    assert not (folder / "jobs" / "unknown").exists()
    again = second.post(web_images.photo("PNG", 80, 80), SLOW, headers={"Idempotency-Key": "k"})
    assert again.json()["id"] == jobs[0]["id"]
    for job in jobs:
        assert len(second.result(job)) > 100
    deadline = time.monotonic() + LONG
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        assert time.monotonic() < deadline, "a worker outlives its service"
        time.sleep(0.05)


def test_shutdown_keeps_jobs(start: Callable[..., Running], tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    first = start(folder=folder)
    running = first.job(web_images.photo("PNG", 400, 400), SLOW)
    waiting = first.job(web_images.photo())
    first.until(running, "tiles")
    following, lines = threading.Event(), []

    def follow() -> None:
        with (
            httpx.Client(base_url=first.address, trust_env=False, timeout=LONG) as client,
            client.stream("GET", "/v1/events") as stream,
        ):
            for line in stream.iter_lines():
                lines.append(line)
                following.set()

    follower = threading.Thread(target=follow)
    follower.start()
    assert following.wait(LONG)
    assert first.end(signal.SIGTERM) in (0, -signal.SIGTERM)
    follower.join(LONG)
    assert not follower.is_alive()
    assert "retry: 1000" in lines

    second = start(folder=folder)
    assert second.get(running)["state"] in ("queued", "running", "finished"), "finished or kept, never lost"
    second.http.delete(running["links"]["self"])
    assert len(second.result(waiting)) > 100


def test_one_service_for_one_folder(start: Callable[..., Running], tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from wildsr.cli.main import app

    start(folder=tmp_path / "one")
    done = CliRunner().invoke(app, ["web", "--no-open", "--port", "0", "--folder", str(tmp_path / "one")])
    assert done.exit_code == 2
    assert "--folder" in done.output


def test_results_expire(start: Callable[..., Running]) -> None:
    service = start("--keep", "1s")
    job = service.job(web_images.photo())
    deadline = time.monotonic() + 60
    while service.http.get(job["links"]["self"]).status_code == 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert not (service.folder / "jobs" / job["id"]).exists()


def read_stream(service: Running, url: str, **headers: str) -> list[tuple[str, str, Any]]:
    """Number, kind and data of the events of a stream that ends."""
    text = service.http.get(url, headers={"Accept": "text/event-stream", **headers}).text
    found = []
    for block in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "event" in lines:
            found.append((lines["id"], lines["event"], json.loads(lines["data"])))
    return found


def test_events_tell_the_whole_story_and_go_on_where_they_stopped(service: Running) -> None:
    job = service.job(web_images.photo("PNG", 150, 150), {"tile": 32})
    events = read_stream(service, job["links"]["events"])
    assert events[0][1] == "snapshot"
    assert events[-1][1] == "job"
    assert events[-1][2]["state"] == "finished"
    fractions = [data["fraction"] for _, kind, data in events if kind == "progress"]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    middle = events[len(events) // 2]
    rest = read_stream(service, job["links"]["events"], **{"Last-Event-ID": middle[0]})
    assert rest == events[len(events) // 2 + 1 :]
    end = service.http.get(job["links"]["events"], headers={"Last-Event-ID": events[-1][0]})
    assert end.status_code == 204
    long_ago = read_stream(service, job["links"]["events"], **{"Last-Event-ID": "17"})
    assert [kind for _, kind, _ in long_ago] == ["snapshot"]


def test_polling(service: Running) -> None:
    json_please = {"Accept": "application/json"}
    last = service.http.get("/v1/events", headers=json_please).json()["last"]
    job = service.job(web_images.photo())
    states: list[str] = []
    deadline = time.monotonic() + 60
    while "finished" not in states and time.monotonic() < deadline:
        answer = service.http.get("/v1/events", params={"after": last, "wait": 5}, headers=json_please).json()
        last = answer["last"]
        for event in answer["events"]:
            if event["event"] == "job" and event["data"]["id"] == job["id"]:
                states.append(event["data"]["state"])
    assert states == ["queued", "running", "finished"]
    service.http.delete(job["links"]["self"])
    (event,) = service.http.get("/v1/events", params={"after": last}, headers=json_please).json()["events"]
    assert (event["event"], event["data"]) == ("removed", {"id": job["id"]})

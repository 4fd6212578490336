"""Events of a run over several images, and cancelling one of them between tiles."""

import errno
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from small_models import noise, small_model

from wildsr.image import Canvas, Traits, write, writer
from wildsr.inference.batch import run
from wildsr.inference.errors import JobCancelled
from wildsr.inference.events import Cancelled, Failed, Finished, JobEvent, Started, Tile
from wildsr.inference.files import SaveOptions
from wildsr.inference.jobs import Job
from wildsr.inference.sizing import OutputSize
from wildsr.inference.upscaler import Upscaler


def jobs_in(folder: Path, count: int) -> list[Job]:
    jobs = []
    for index in range(count):
        source = folder / f"{index}.png"
        with Canvas(96, 90, Traits()) as canvas:
            canvas.paste(0, 0, noise(96, 90))
            write(source, canvas)
        jobs.append(Job(source, folder / f"{index}_x4.png"))
    return jobs


def test_an_image_is_cancelled_between_tiles_and_the_others_go_on(tmp_path: Path) -> None:
    jobs = jobs_in(tmp_path, 3)
    upscaler = Upscaler(small_model("compact"), precision="exact", tile=48)
    events: list[JobEvent] = []

    def on_event(event: JobEvent) -> None:
        events.append(event)
        if event.index == 1 and isinstance(event, Tile) and event.done == 2:
            raise JobCancelled

    run(jobs, upscaler, OutputSize(), SaveOptions(), on_event)
    assert [job.target.exists() for job in jobs] == [True, False, True]
    ends = {event.index: type(event) for event in events if isinstance(event, Finished | Failed | Cancelled)}
    assert ends == {0: Finished, 1: Cancelled, 2: Finished}
    done = [event for event in events if isinstance(event, Tile) and event.index == 1]
    assert [event.done for event in done] == [1, 2]
    assert done[0].total > 2


def test_an_error_of_the_receiver_is_a_failure_of_its_image(tmp_path: Path) -> None:
    jobs = jobs_in(tmp_path, 2)
    events: list[JobEvent] = []

    def on_event(event: JobEvent) -> None:
        events.append(event)
        if event.index == 0 and isinstance(event, Started):
            raise ValueError("too large for this service")

    run(jobs, Upscaler(small_model("compact"), precision="exact"), OutputSize(), SaveOptions(), on_event)
    assert [event.as_json()["reason"] for event in events if isinstance(event, Failed)] == [
        "too large for this service"
    ]
    assert [job.target.exists() for job in jobs] == [False, True]


def test_cancelled_as_json(tmp_path: Path) -> None:
    assert Cancelled(3, tmp_path / "a.png").as_json() == {
        "event": "cancelled",
        "index": 3,
        "source": str(tmp_path / "a.png"),
    }


def test_an_image_that_is_cancelled_at_its_last_tile_is_not_written(tmp_path: Path) -> None:
    jobs = jobs_in(tmp_path, 1)

    def on_event(event: JobEvent) -> None:
        if isinstance(event, Tile) and event.done == event.total:
            raise JobCancelled

    run(
        jobs,
        Upscaler(small_model("compact"), precision="exact", tile=48),
        OutputSize(),
        SaveOptions(),
        on_event,
    )
    assert [path.name for path in tmp_path.iterdir()] == ["0.png"]


def test_an_encoder_that_fails_ends_its_image_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs, events, begun = jobs_in(tmp_path, 2), list[JobEvent](), threading.Event()

    def encode(image: Any, path: Path, *_: object) -> None:
        if not begun.is_set():
            begun.wait()
            raise OSError(errno.ENOSPC, "No space left on device")
        image.pngsave(str(path))

    def on_event(event: JobEvent) -> None:
        events.append(event)
        if event.index == 0 and isinstance(event, Tile):
            begun.set()
            until = time.monotonic() + 10
            while list(tmp_path.glob(".wildsr-*")) and time.monotonic() < until:
                time.sleep(0.01)
            time.sleep(0.05)  # for the writer to close the canvas

    monkeypatch.setattr(writer, "encode", encode)
    upscaler = Upscaler(small_model("compact"), precision="exact", tile=48)
    run(jobs, upscaler, OutputSize(), SaveOptions(), on_event)
    assert [event.reason for event in events if isinstance(event, Failed)] == [
        f"Cannot write {jobs[0].target}: the disk is full. Free some space, or write to another one."
    ]
    tiles = [event for event in events if isinstance(event, Tile) and event.index == 0]
    assert tiles[-1].done < tiles[-1].total
    assert [job.target.exists() for job in jobs] == [False, True]

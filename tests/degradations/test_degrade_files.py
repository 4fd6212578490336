"""Degrading files across processes."""

import multiprocessing
from pathlib import Path

import pytest
from degradation_samples import photo

from wildsr.degradations.files import Degraded, DegradeJob, DegradeSettings, degrade_files
from wildsr.image import Canvas, ImageError, Traits, write


@pytest.fixture
def orders(tmp_path: Path) -> list[DegradeJob]:
    (tmp_path / "in").mkdir()
    names = [f"{index}.png" for index in range(12)]
    with Canvas(64, 80, Traits()) as canvas:
        canvas.paste(0, 0, photo())
        for name in names:
            write(tmp_path / "in" / name, canvas)
    return [DegradeJob(name, tmp_path / "in" / name, tmp_path / "out" / name) for name in names]


@pytest.mark.parametrize("workers", [1, 2])
def test_failures_and_interruptions_leave_what_was_told(orders: list[DegradeJob], workers: int) -> None:
    orders[0].source.write_bytes(b"no image")
    told: list[str] = []

    def interrupted(index: int, order: DegradeJob, outcome: Degraded | Exception) -> None:
        assert orders[index] is order
        if index == 0:
            assert isinstance(outcome, ImageError)
            assert "0.png" in str(outcome)
            return
        assert isinstance(outcome, Degraded)
        told.append(order.name)
        if index == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        degrade_files(orders, DegradeSettings("bsrgan", 4, 0), interrupted, workers)
    assert {path.name for path in orders[0].target.parent.iterdir()} == set(told)
    # Other processes may have gone on in the meantime.
    assert len(told) == 2 if workers == 1 else len(told) >= 2


def test_an_interruption_that_kills_the_workers_is_still_one(orders: list[DegradeJob]) -> None:
    def interrupted(*_: object) -> None:
        for worker in multiprocessing.active_children():
            worker.kill()
            worker.join()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        degrade_files(orders, DegradeSettings("bsrgan", 4, 0), interrupted, 2)

"""Cores that other processes, an affinity or a control group leave to a process."""

import os
from pathlib import Path

import pytest

from wildsr.storage import cores


class Machine:
    """A replacement for /proc/stat: four cores, some of which other processes keep busy."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.stat, self.ticks = folder / "stat", os.sysconf("SC_CLK_TCK")
        self.busy = [0.0] * 4
        self.write()
        patch.setattr(cores, "_STAT", self.stat)
        patch.setattr(cores, "_QUOTA", folder / "cpu.max")
        patch.setattr(cores, "_affinity", lambda: {0, 1, 2, 3})
        patch.setattr(cores.time, "monotonic", lambda: 0.0)

    def write(self) -> None:
        lines = [f"cpu{core} {round(busy * self.ticks)} 0 0 9 9" for core, busy in enumerate(self.busy)]
        self.stat.write_text("\n".join(["cpu 1 2 3 4", *lines, "intr 1"]))

    def wait(self, shares: list[float]) -> int:
        def sleep(seconds: float) -> None:
            self.busy = [busy + 100 * seconds * share for busy, share in zip(self.busy, shares, strict=True)]
            self.write()

        return cores.free_cores(100, lambda _: sleep(1))


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


@pytest.mark.skipif(not hasattr(os, "sysconf"), reason="as Linux counts")
@pytest.mark.parametrize(
    ("shares", "free"),
    [([0, 0, 0, 0], 4), ([1, 0, 0, 0], 3), ([0.5, 0.5, 0, 0.1], 3), ([1, 1, 1, 1], 1), ([0.2, 0, 0, 0], 4)],
)
def test_busy_neighbours_take_cores(machine: Machine, shares: list[float], free: int) -> None:
    assert machine.wait(shares) == free


def test_a_control_group_and_an_affinity_limit_the_cores(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cores.usable_cores() == 4
    quota = cores._QUOTA
    for text, usable in (("max 100000", 4), ("150000 100000", 2), ("nonsense", 4)):
        quota.write_text(text)
        assert cores.usable_cores() == usable
    quota.write_text("100000 100000")
    assert machine.wait([0, 0, 0, 0]) == 1
    quota.unlink()
    monkeypatch.setattr(cores, "_affinity", lambda: {1, 2})
    assert cores.usable_cores() == 2
    assert machine.wait([1, 0, 0, 1]) == 2, "neighbours on other cores do not count"


def test_a_machine_that_does_not_say_is_taken_as_idle(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cores, "_STAT", Path("/nonexistent/stat"))
    assert machine.wait([1, 1, 1, 1]) == 4

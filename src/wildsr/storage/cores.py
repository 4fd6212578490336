"""Counts the processor cores that are free for this process. Loads no torch."""

import math
import os
import time
from collections.abc import Callable
from pathlib import Path

_STAT = Path("/proc/stat")
_QUOTA = Path("/sys/fs/cgroup/cpu.max")
_BUSY = slice(0, 3)  # user, nice, system; of the columns after "cpuN"


def usable_cores() -> int:
    """The cores that this process may use: those of the machine, of its affinity, and of its control group."""
    cores = len(_affinity()) or 1
    try:
        quota, period = _QUOTA.read_text().split()
        return cores if quota == "max" else max(1, min(cores, math.ceil(int(quota) / int(period))))
    except (OSError, ValueError, ZeroDivisionError):
        return cores


def free_cores(seconds: float = 0.5, wait: Callable[[float], None] = time.sleep) -> int:
    """The usable cores that other processes leave idle, at least 1; measured for ``seconds``, on Linux only.

    Other processes count by the time they compute: two that take 40 % of a core each leave one core of two.
    """
    usable = usable_cores()
    before = _busy_seconds()
    began = time.monotonic()
    wait(seconds)
    after, passed = _busy_seconds(), time.monotonic() - began
    if before is None or after is None:
        return usable
    busy = (after - before) / max(passed, seconds)
    return max(1, min(usable, round(len(_affinity()) - busy)))


def _affinity() -> set[int]:
    if hasattr(os, "sched_getaffinity"):
        return set(os.sched_getaffinity(0))
    return set(range(os.cpu_count() or 1))


def _busy_seconds() -> float | None:
    """Seconds that other processes have computed on the cores of this process's affinity; None if unknown."""
    mine = {f"cpu{core}" for core in _affinity()}
    try:
        ticks = os.sysconf("SC_CLK_TCK")
        lines = [line.split() for line in _STAT.read_text().splitlines()]
        busy = sum(sum(int(value) for value in line[1:][_BUSY]) for line in lines if line[0] in mine)
    except (OSError, ValueError, AttributeError, IndexError):
        return None
    own = os.times()
    return float(busy / ticks - own.user - own.system)

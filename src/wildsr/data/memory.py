"""The memory budget for images."""

import os
import shutil
from pathlib import Path

_SHARE = 0.5
"""Share of the free memory; the rest is for networks, batches and workers."""
_UNKNOWN = 2 << 30
_SHARED = Path("/dev/shm")
_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")


def image_budget() -> int:
    """Bytes available for images: half of the free memory, and at most what can be shared with workers."""
    free = [_system_memory()]
    if (limit := _number(_CGROUP / "memory.max")) is not None:
        free.append(limit - (_number(_CGROUP / "memory.current") or 0) + _cached())
    if _SHARED.is_dir():
        free.append(shutil.disk_usage(_SHARED).free)
    return int(_SHARE * max(0, min(free)))


def _system_memory() -> int:
    try:
        for line in _MEMINFO.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    except (AttributeError, ValueError, OSError):
        return _UNKNOWN


def _cached() -> int:
    """Bytes of cached files that the control group does not use: the kernel drops them when memory is needed."""
    try:
        for line in (_CGROUP / "memory.stat").read_text().splitlines():
            if line.startswith("inactive_file "):
                return int(line.split()[1])
    except (OSError, ValueError, IndexError):
        pass
    return 0


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None

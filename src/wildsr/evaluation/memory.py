"""Peak memory of a block of code."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

_PROCESS = Path("/proc/self")


@dataclass
class Peak:
    """Peak memory in bytes, set when the block ends; None if the system does not report it."""

    bytes: int | None = None


@contextmanager
def peak_memory(device: str) -> Iterator[Peak]:
    """Measure the peak within a block: GPU memory on CUDA, else the resident memory of this process (Linux only).

    The latter includes Python, the libraries and everything else in the process.
    """
    peak = Peak()
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats(device)
        yield peak
        peak.bytes = torch.cuda.max_memory_allocated(device)
        return
    try:
        (_PROCESS / "clear_refs").write_text("5")  # resets the peak
        supported = True
    except OSError:
        supported = False
    yield peak
    peak.bytes = _resident("VmHWM") if supported else None


def _resident(field: str) -> int | None:
    for line in (_PROCESS / "status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    return None

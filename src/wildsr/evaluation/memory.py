"""The most memory that a piece of work needs, where the system tells."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

_PROCESS = Path("/proc/self")


@dataclass
class Peak:
    """What :func:`peak_memory` found, once its block is over; None where the system does not tell."""

    bytes: int | None = None


@contextmanager
def peak_memory(device: str) -> Iterator[Peak]:
    """Measure the peak within a block: of the GPU on CUDA, else of what this process holds in RAM (Linux only).

    The latter includes Python, the libraries, and whatever else the process holds at that time.
    """
    peak = Peak()
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats(device)
        yield peak
        peak.bytes = torch.cuda.max_memory_allocated(device)
        return
    try:
        (_PROCESS / "clear_refs").write_text("5")  # forgets the highest value so far
        told = True
    except OSError:
        told = False
    yield peak
    peak.bytes = _resident("VmHWM") if told else None


def _resident(field: str) -> int | None:
    for line in (_PROCESS / "status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    return None

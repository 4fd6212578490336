"""Threads of a training step on a CPU that it shares with other processes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from wildsr.storage.cores import free_cores
from wildsr.training.events import OnEvent, TrainingNote

_CHOSEN = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


@contextmanager
def threads_for(device: str, on_event: OnEvent | None = None) -> Iterator[None]:
    """Limit the threads of PyTorch to the free cores within the block, on a CPU, and send a note.

    Threads wait for each other after every operation, so one that shares its core holds up all others. A number that
    the user chose by OMP_NUM_THREADS or MKL_NUM_THREADS stays.
    """
    before = torch.get_num_threads()
    chosen = device != "cpu" or before == 1 or any(name in os.environ for name in _CHOSEN)
    free = before if chosen else free_cores()
    if free >= before:
        yield
        return
    if on_event is not None:
        on_event(
            TrainingNote(
                0,
                f"other programs keep cores busy: computing with {free} of {before} threads, since more would wait for "
                "each other (OMP_NUM_THREADS sets the number)",
            )
        )
    torch.set_num_threads(free)
    try:
        yield
    finally:
        torch.set_num_threads(before)

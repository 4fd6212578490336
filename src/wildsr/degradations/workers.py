"""Processes that work side by side, each on one thread. Ctrl-C is the business of the process that started them."""

import multiprocessing
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

import torch


@contextmanager
def worker_pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """``workers`` new processes, already starting. At the end, what they are at is awaited and the rest cancelled."""
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, initializer=_begin)
    try:
        # Ctrl-C reaches all processes of a terminal. One that only imports yet would die of it, with a traceback.
        with _deaf():
            for _ in range(workers):
                pool.submit(_nothing)
        yield pool
    finally:
        # A second Ctrl-C in here would leave the processes waiting for ever: Thread.join takes the thread that ends
        # them for ended when it is interrupted (Python 3.11).
        with _deaf():
            pool.shutdown(cancel_futures=True)


@contextmanager
def _deaf() -> Iterator[None]:
    """Within it SIGINT is ignored, by processes that begin here too, where they inherit such things."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    usual = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)


def _begin() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)


def _nothing() -> None:
    pass

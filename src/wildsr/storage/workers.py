"""Worker processes with one thread each. Ctrl-C is handled by the process that started them."""

import multiprocessing
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

import torch


@contextmanager
def worker_pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """``workers`` new processes, already starting. At the end, running calls are awaited and pending ones cancelled."""
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, initializer=_begin)
    try:
        # Ctrl-C reaches all processes of a terminal. One that is still importing would die of it, with a traceback.
        with _sigint_ignored():
            for _ in range(workers):
                pool.submit(_nothing)
        yield pool
    finally:
        # A second Ctrl-C in here would leave the processes waiting forever: when Thread.join is interrupted, it takes
        # the thread that ends them for ended (Python 3.11).
        with _sigint_ignored():
            pool.shutdown(cancel_futures=True)


@contextmanager
def _sigint_ignored() -> Iterator[None]:
    """Ignore SIGINT within the block, in processes started there as well, since they inherit this."""
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

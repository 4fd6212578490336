"""Requests to stores and disks, several at a time. Loads no torch."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")


def map_ahead(
    function: Callable[[Given], Made], items: Iterable[Given], threads: int = 16
) -> Iterator[tuple[Given, Made]]:
    """Each item with its result, in order, computed by threads that are a few items ahead, never more.

    An error of ``function`` is raised when its item is reached.
    """
    remaining = iter(items)
    waiting: deque[tuple[Given, Future[Made]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            while True:
                for item in islice(remaining, 2 * threads - len(waiting)):
                    waiting.append((item, pool.submit(function, item)))
                if not waiting:
                    return
                item, future = waiting.popleft()
                yield item, future.result()
        finally:
            for _, future in waiting:
                future.cancel()

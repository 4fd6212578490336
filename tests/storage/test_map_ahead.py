"""Several requests at a time."""

import threading

import pytest

from wildsr.storage.threads import map_ahead


def test_results_come_in_order_and_items_are_taken_as_needed() -> None:
    items = iter(range(1, 1001))
    results = map_ahead(lambda one: one * one, items, 4)
    assert next(results) == (1, 1)
    assert next(items) == 9
    assert list(results) == [(one, one * one) for one in range(2, 1001) if one != 9]


def test_calls_run_side_by_side_and_errors_come_at_their_item() -> None:
    meeting = threading.Barrier(3, timeout=30)

    def work(one: int) -> int:
        if one < 3:
            meeting.wait()
        if one == 3:
            raise OSError("no")
        return one

    results = map_ahead(work, range(10), 3)
    assert [next(results)[1] for _ in range(3)] == [0, 1, 2]
    with pytest.raises(OSError, match="no"):
        next(results)

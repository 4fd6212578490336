"""Choosing some of many items."""

import pytest

from wildsr.storage.evenly import evenly


@pytest.mark.parametrize(
    ("count", "most", "chosen"),
    [
        (4, 2, [0, 2]),
        (8, 3, [0, 2, 5]),
        (79, 40, [index * 79 // 40 for index in range(40)]),
        (3, 3, [0, 1, 2]),
        (3, 9, [0, 1, 2]),
        (3, None, [0, 1, 2]),
        (0, 2, []),
    ],
)
def test_items_are_spread_over_all(count: int, most: int | None, chosen: list[int]) -> None:
    assert evenly(range(count), most) == chosen

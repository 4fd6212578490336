"""A plan covers every pixel once, and every core has its overlap."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wildsr.inference.tiling import plan


@settings(max_examples=300, deadline=None)
@given(
    rows=st.integers(1, 400),
    columns=st.integers(1, 400),
    overlap=st.sampled_from([0, 1, 7, 16, 34, 37]),
    largest=st.sampled_from([32, 64, 100, 256]),
    multiple=st.sampled_from([1, 2, 4]),
)
def test_cores_cover_the_image_once_with_their_overlap(
    rows: int, columns: int, overlap: int, largest: int, multiple: int
) -> None:
    height, width = rows * multiple, columns * multiple
    tiles = plan(height, width, overlap, largest, multiple)
    painted = 0
    places = set()
    for window in tiles.windows:
        for span, extent, length in (
            (window.rows, height, tiles.height),
            (window.columns, width, tiles.width),
        ):
            assert span.length == length
            assert span.start % multiple == 0
            assert span.length % multiple == 0
            assert span.start >= 0
            assert span.start + span.length <= extent
            assert span.start <= span.core_start < span.core_end <= span.start + span.length
            assert span.core_start == 0 or span.core_start - span.start >= overlap
            assert span.core_end == extent or span.start + span.length - span.core_end >= overlap
        painted += (window.rows.core_end - window.rows.core_start) * (
            window.columns.core_end - window.columns.core_start
        )
        places.add((window.rows.core_start, window.columns.core_start))
    assert painted == height * width
    assert len(places) == len(tiles.windows)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (8, 8), (300, 200)])
def test_a_image_that_fits_is_one_tile(height: int, width: int) -> None:
    tiles = plan(height, width, 34, 384)
    assert (tiles.height, tiles.width, len(tiles.windows)) == (height, width, 1)


def test_tiles_stay_below_the_largest() -> None:
    tiles = plan(3000, 4000, 32, 256)
    assert tiles.height * tiles.width <= 256**2


def test_a_strip_is_cut_along_its_length_only() -> None:
    tiles = plan(10, 60_000, 34, 384)
    assert tiles.height == 10
    wasted = len(tiles.windows) * tiles.width / 60_000
    assert wasted < 1.25

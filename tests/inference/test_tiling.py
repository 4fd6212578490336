"""A plan covers every pixel once, and every core has its overlap."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wildsr.inference.tile_costs import AMX, AVX512_FLOAT32, FLAT, cost, cpu_costs
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


def test_tiles_are_smaller_where_large_ones_are_slow() -> None:
    sides = {
        name: (tiles.height * tiles.width) ** 0.5
        for name, costs in {"flat": FLAT, "amx": AMX, "float32": AVX512_FLOAT32}.items()
        if (tiles := plan(3000, 4000, 28, 640, costs=costs))
    }
    assert sides["amx"] < 400 < sides["float32"] <= sides["flat"] <= 640


def test_the_cost_of_a_tile_follows_its_table() -> None:
    for side, relative in AMX:
        assert cost(AMX, side, side) == pytest.approx(relative * side**2)
    assert cost(AMX, 64, 64) == 64**2
    assert 1.2 < cost(AMX, 320, 320) / 320**2 < 1.5 < cost(AMX, 512, 512) / 512**2
    assert cost(FLAT, 1000, 10) == 10_000
    assert cpu_costs(half=False) == AVX512_FLOAT32

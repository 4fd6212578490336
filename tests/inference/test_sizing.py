"""Output sizes from the options, and the passes that reach them."""

import pytest

from wildsr.image.formats import Size
from wildsr.inference.sizing import OutputSize, passes

SOURCE = Size(300, 200)


@pytest.mark.parametrize(
    ("wanted", "size"),
    [
        (OutputSize(), (1200, 800)),
        (OutputSize(scale=2.5), (750, 500)),
        (OutputSize(scale=0.5), (150, 100)),
        (OutputSize(width=900), (900, 600)),
        (OutputSize(height=900), (1350, 900)),
        (OutputSize(width=600, height=600), (600, 400)),
        (OutputSize(width=600, height=600, fit="outside"), (900, 600)),
        (OutputSize(width=600, height=600, fit="stretch"), (600, 600)),
        (OutputSize(megapixels=6), (3000, 2000)),
        (OutputSize(width=1), (1, 1)),
    ],
)
def test_size(wanted: OutputSize, size: tuple[int, int]) -> None:
    target = wanted.resolve(SOURCE, 4)
    assert target.size == size
    assert target.crop is None


def test_crop_covers_and_then_cuts() -> None:
    target = OutputSize(width=600, height=600, fit="crop").resolve(SOURCE, 4)
    assert target.size == (900, 600)
    assert target.crop == (600, 600)


@pytest.mark.parametrize(
    "options",
    [
        {"scale": 2, "width": 100},
        {"width": 100, "megapixels": 1},
        {"scale": 0},
        {"width": -5},
        {"megapixels": float("nan")},
    ],
)
def test_contradictions_and_nonsense_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        OutputSize(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (Size(1200, 800), [SOURCE]),
        (Size(150, 100), [SOURCE]),
        (Size(1500, 1000), [SOURCE, (375, 250)]),
        (Size(4800, 3200), [SOURCE, (1200, 800)]),
        (Size(9600, 6400), [SOURCE, (600, 400), (2400, 1600)]),
    ],
)
def test_passes_end_where_the_model_lands_on_the_target(
    target: Size, expected: list[tuple[int, int]]
) -> None:
    assert passes(SOURCE, target, 4) == expected


def test_a_model_that_does_not_enlarge_has_one_pass() -> None:
    assert passes(SOURCE, Size(1200, 800), 1) == [SOURCE]

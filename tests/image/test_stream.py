"""Canvases that are encoded while they are painted."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from wildsr.image import Canvas, Traits, read, write
from wildsr.image.canvas import CanvasClosed
from wildsr.image.errors import ImageError
from wildsr.image.formats import Size

NOISE = torch.rand(3, 200, 90, generator=torch.Generator().manual_seed(0))
KINDS = {
    "a.jpg": Traits(resolution=(5.0, 5.0), metadata=(("jpeg-comment", "a note"),)),
    "grey.jpg": Traits(grey=True),
    "a.png": Traits(),
    "deep.png": Traits(depth="uint16", bits=16),
    "grey.png": Traits(depth="uint16", bits=16, grey=True),
    "a.webp": Traits(),
    "a.tif": Traits(),
    "float.tif": Traits(depth="float", float_scale=2.0),
    "deep.avif": Traits(depth="uint16", bits=10),
    "a.gif": Traits(),
}


def paint(canvas: Canvas, top: int, bottom: int) -> None:
    canvas.paste(top, 0, NOISE[:, top:bottom])


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("transparent", [False, True])
def test_the_file_is_that_of_a_finished_canvas(tmp_path: Path, name: str, transparent: bool) -> None:
    alpha = torch.linspace(0.1, 1, 90).expand(200, 90) if transparent else None
    if transparent and name.endswith("jpg"):
        pytest.skip("JPEG has no transparency")
    with Canvas(200, 90, KINDS[name]) as canvas:
        paint(canvas, 0, 200)
        write(tmp_path / name, canvas, alpha=alpha)
    expected = (tmp_path / name).read_bytes()
    with Canvas(200, 90, KINDS[name], unfinished=True) as canvas:
        writer = threading.Thread(target=write, args=(tmp_path / name, canvas), kwargs={"alpha": alpha})
        writer.start()
        for top, bottom in ((0, 7), (7, 64), (64, 199), (199, 200)):
            paint(canvas, top, bottom)
            canvas.finish(bottom)
        writer.join()
    assert (tmp_path / name).read_bytes() == expected
    assert read(tmp_path / name).size == (90, 200)


@pytest.mark.parametrize("height", [1, 15, 16, 17, 33, 64, 65, 80, 81])
@pytest.mark.parametrize("name", ["a.png", "deep.png", "grey.png"])
def test_images_of_few_rows(tmp_path: Path, name: str, height: int) -> None:
    """The file that libvips reads has a directory of another form for 1, for 2 to 4 and for more strips of 16 rows."""
    with Canvas(height, 90, KINDS[name], unfinished=True) as canvas:
        writer = threading.Thread(target=write, args=(tmp_path / name, canvas))
        writer.start()
        paint(canvas, 0, height)
        canvas.finish(height)
        writer.join()
        with Canvas(height, 90, KINDS[name]) as whole:
            paint(whole, 0, height)
            write(tmp_path / f"whole-{name}", whole)
    assert (tmp_path / name).read_bytes() == (tmp_path / f"whole-{name}").read_bytes()


def test_a_resized_canvas_is_encoded_when_it_is_finished(tmp_path: Path) -> None:
    with Canvas(200, 90, Traits(), unfinished=True) as canvas:
        writer = threading.Thread(target=write, args=(tmp_path / "a.png", canvas), kwargs={"size": (45, 100)})
        writer.start()
        paint(canvas, 0, 200)
        canvas.finish(200)
        writer.join()
    assert read(tmp_path / "a.png").size == (45, 100)


def test_rows_are_encoded_and_freed_before_the_rest_is_painted(tmp_path: Path) -> None:
    rows = 6000
    tile = np.random.default_rng(0).integers(0, 256, (rows, 1000, 3), np.uint8)
    with Canvas(2 * rows, 1000, Traits(), unfinished=True) as canvas:
        writer = threading.Thread(target=write, args=(tmp_path / "a.jpg", canvas))
        writer.start()
        canvas.paste(0, 0, tile)
        canvas.finish(rows)
        until = time.monotonic() + 60
        while sum(path.stat().st_size for path in tmp_path.glob(".wildsr-*")) == 0:
            assert time.monotonic() < until, "nothing was encoded"
            time.sleep(0.01)
        canvas.paste(rows, 0, tile)
        canvas.finish(2 * rows)
        writer.join()
        assert not canvas.pixels[:1000].any(), "the memory of rows that were encoded is freed"
    levels = read(tmp_path / "a.jpg").samples
    assert levels.shape == (2 * rows, 1000, 3)
    assert np.abs(levels[rows:].astype(int) - tile).mean() < 10


@pytest.mark.parametrize("size", [Size(90, 200), Size(45, 100)])
def test_a_canvas_that_is_closed_leaves_no_file(tmp_path: Path, size: Size) -> None:
    canvas = Canvas(200, 90, Traits(), unfinished=True)
    errors: list[BaseException] = []

    def work() -> None:
        try:
            write(tmp_path / "a.png", canvas, size=size)
        except (ImageError, CanvasClosed) as error:
            errors.append(error)

    writer = threading.Thread(target=work)
    writer.start()
    paint(canvas, 0, 100)
    canvas.finish(100)
    canvas.close()
    writer.join()
    assert errors
    assert not list(tmp_path.iterdir())

"""The rate of `wildsr upscale` on a folder of photos, beside the engine alone, in one run.

    python benchmarks/folder.py [--photos 12] [--size 768x512] [--model wildsr-photo-x4 --model ...] [--rounds 3]

Each round upscales the folder with the code of the command, reading and writing JPEG files, and lets the engine alone
compute the same tiles, two under way at a time, with nothing else to do; their order alternates. The ratio is the
folder's rate to the engine's, and the same of processor time, which other programs disturb less. Then the folder is
upscaled with an engine that gives a finished tile at once: what is left is the time of everything else, which does not
depend on how fast the engine is. The process is warm: models are compiled before. Photos are parts of scikit-image's.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import pyvips
from skimage import data

import wildsr
from wildsr.image import read
from wildsr.inference.batch import run
from wildsr.inference.engine import Array, Engine, Wait
from wildsr.inference.engines import engine_maker
from wildsr.inference.events import Failed, JobEvent
from wildsr.inference.files import SaveOptions
from wildsr.inference.jobs import Job
from wildsr.inference.sizing import OutputSize
from wildsr.inference.upscaler import Upscaler


def photos(folder: Path, count: int, width: int, height: int) -> list[Path]:
    """JPEG photos, mirrored and shifted so that no two are equal."""
    sources = [
        pyvips.Image.new_from_array(pixels) for pixels in (data.astronaut(), data.coffee(), data.rocket())
    ]
    written = []
    for number in range(count):
        photo = sources[number % 3].thumbnail_image(width + 8 * number, height=height + 8, size="force")
        photo = photo.crop(4 * number, number % 8, width, height)
        written.append(folder / f"{number:03}.jpg")
        (photo.fliphor() if number % 2 else photo).jpegsave(str(written[-1]), Q=92)
    return written


Times = tuple[float, float]
"""Wall-clock time and processor time in seconds."""


def now() -> Times:
    return time.perf_counter(), time.process_time()


def since(began: Times) -> Times:
    wall, processor = now()
    return wall - began[0], processor - began[1]


def folder_times(upscaler: Upscaler, sources: list[Path], target: Path) -> Times:
    """Time to upscale all files."""

    def on_event(event: JobEvent) -> None:
        if isinstance(event, Failed):
            raise SystemExit(f"{event.source}: {event.reason}")

    jobs = [Job(source, target / source.name) for source in sources]
    began = now()
    run(jobs, upscaler, OutputSize(), SaveOptions(), on_event)
    return since(began)


def engine_times(upscaler: Upscaler, tiles: list[Array]) -> Times:
    """Time of the engine alone for the same tiles."""
    make, _ = engine_maker(upscaler.model, "cpu")
    engine = make("bf16" in upscaler.engine)
    engine.start(tiles[0], True)()  # loads the compiled model
    began = now()
    ahead = engine.start(tiles[0], True)
    for tile in tiles[1:]:
        current, ahead = ahead, engine.start(tile, True)
        current()
    ahead()
    return since(began)


class NoEngine:
    """Gives the same levels for every tile, at no cost."""

    def __init__(self, engine: Engine, levels: Array) -> None:
        self.name, self.version, self.costs = engine.name, engine.version, engine.costs
        self._levels = levels

    def batch(self, height: int, width: int) -> int:  # noqa: ARG002
        """One tile at a time, as OpenVINO's."""
        return 1

    def start(self, tiles: Array, levels: bool) -> Wait:  # noqa: ARG002
        """The levels."""
        return lambda: self._levels


def outside(upscaler: Upscaler, sources: list[Path], target: Path, tile: Array) -> Times:
    """Time of a photo without its engine."""
    engine = upscaler._engine
    upscaler._engine = NoEngine(engine, engine.start(tile, True)().copy())
    try:
        folder_times(upscaler, sources, target)
        wall, processor = folder_times(upscaler, sources, target)
        return wall / len(sources), processor / len(sources)
    finally:
        upscaler._engine = engine


def tiles_of(upscaler: Upscaler, sources: list[Path]) -> list[Array]:
    """The tiles of all photos, (1, 3, h, w) float32."""
    found = []
    for source in sources:
        samples = read(source).samples
        for rows, columns in upscaler.plan(*samples.shape[:2]).windows:
            part = samples[
                rows.start : rows.start + rows.length, columns.start : columns.start + columns.length
            ]
            found.append(np.ascontiguousarray(part.transpose(2, 0, 1)[None], np.float32) / np.float32(255))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--photos", type=int, default=12)
    parser.add_argument("--size", default="768x512")
    parser.add_argument("--model", action="append")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    width, height = map(int, options.size.split("x"))
    for name in options.model or ["wildsr-photo-x4", "wildsr-photo-fast-x4"]:
        with tempfile.TemporaryDirectory() as temporary:
            sources = photos(Path(temporary), options.photos, width, height)
            upscaler = Upscaler(wildsr.load(name))
            tiles = tiles_of(upscaler, sources)
            folder_times(upscaler, sources[:1], Path(temporary) / "first")
            whole: list[Times] = []
            alone: list[Times] = []
            for turn in range(options.rounds):
                if turn % 2:
                    whole.append(folder_times(upscaler, sources, Path(temporary) / str(turn)))
                    alone.append(engine_times(upscaler, tiles))
                else:
                    alone.append(engine_times(upscaler, tiles))
                    whole.append(folder_times(upscaler, sources, Path(temporary) / str(turn)))
            print(
                f"{name}, {len(sources)} photos of {options.size}, {len(tiles)} tiles of "
                f"{tiles[0].shape[-1]}x{tiles[0].shape[-2]}, {upscaler.engine}"
            )
            for index, kind in enumerate(("wall-clock", "processor")):
                folder, engine = ([times[index] for times in series] for series in (whole, alone))
                ratios = [a / b for a, b in zip(engine, folder, strict=True)]
                print(
                    f"  {kind} time: folder {statistics.median(folder):.2f} s, "
                    f"engine {statistics.median(engine):.2f} s, share {statistics.median(ratios):.1%} "
                    f"({min(ratios):.1%} to {max(ratios):.1%})"
                )
            elapsed, processor = outside(upscaler, sources, Path(temporary) / "outside", tiles[0])
            print(
                f"  without the engine {1e3 * elapsed:.0f} ms a photo, {1e3 * processor:.0f} ms of processor time",
                flush=True,
            )


if __name__ == "__main__":
    main()

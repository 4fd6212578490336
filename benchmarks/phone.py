"""One photo of a phone from file to file, stage by stage.

    python benchmarks/phone.py [--megapixels 12] [--photo PHOTO] [--model wildsr-photo-x4] [--tiles 6] [--save FILE]

`wildsr upscale` runs as a process of its own, which gives its time and its largest memory. Beside it, in this process:
decoding the photo; the engine alone on a sample of the photo's tiles, before and after, for the number of its tiles;
painting the tiles; and encoding a finished image of that size. The ratio is the process's time to engine and encoder,
and with a machine whose speed changes it has the range that the engine's slowest and fastest sample give.
Without a photo, one is composed of the photos of scikit-image.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyvips
from skimage import data

import wildsr
from wildsr.image import Canvas, Traits, read, write
from wildsr.inference.engine import Array, Engine
from wildsr.inference.engines import engine_maker
from wildsr.inference.tiling import TilePlan
from wildsr.inference.upscaler import Upscaler


def photo(path: Path, megapixels: float) -> None:
    """A JPEG photo of 4:3 with the detail of several photos."""
    width = round((megapixels * 1e6 * 4 / 3) ** 0.5 / 8) * 8
    height = width * 3 // 4
    parts = [
        pyvips.Image.new_from_array(pixels) for pixels in (data.astronaut(), data.coffee(), data.rocket())
    ]
    squares = [part.thumbnail_image(512, height=512, crop="centre") for part in parts]
    across, down = width // 512 + 1, height // 512 + 1
    whole = pyvips.Image.arrayjoin([squares[n % 3] for n in range(across * down)], across=across)
    whole.crop(0, 0, width, height).jpegsave(str(path), Q=95)


def timed(work: Callable[[], object]) -> float:
    """Seconds of one run."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def whole(source: Path, target: Path, model: str) -> tuple[float, float]:
    """Seconds and peak GiB of the command."""
    command = [sys.executable, "-m", "wildsr", "upscale", str(source), "-m", model, "-o", str(target)]
    seconds = timed(lambda: subprocess.run([*command, "--overwrite"], check=True, stdout=subprocess.DEVNULL))
    return seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20


def engine_alone(engine: Engine, samples: Array, plan: TilePlan, count: int) -> tuple[list[float], Array]:
    """Seconds of single tiles, evenly spaced over the photo, two under way at a time; and the last one's levels."""
    chosen = [plan.windows[n * len(plan.windows) // count] for n in range(count)]
    tiles = [
        np.ascontiguousarray(
            samples[
                rows.start : rows.start + rows.length, columns.start : columns.start + columns.length
            ].transpose(2, 0, 1)[None],
            np.float32,
        )
        / np.float32(255)
        for rows, columns in chosen
    ]
    result = engine.start(tiles[0], True)()  # compiles
    times = []
    ahead = engine.start(tiles[0], True)
    for tile in [*tiles[1:], tiles[0]]:
        began = time.perf_counter()
        current, ahead = ahead, engine.start(tile, True)
        result = current()
        times.append(time.perf_counter() - began)
    ahead()
    return times, result[0].copy()


def painting(plan: TilePlan, canvas: Canvas, levels: Array, scale: int) -> float:
    """Seconds to paste every tile's core."""

    def paste() -> None:
        for rows, columns in plan.windows:
            height, width = (span.core_end - span.core_start for span in (rows, columns))
            canvas.paste(
                rows.core_start * scale, columns.core_start * scale, levels[: height * scale, : width * scale]
            )

    return timed(paste)


def encoding(source: Path, target: Path, scale: int) -> float:
    """Seconds to encode the photo, enlarged by bicubic interpolation, as a finished image."""
    image = pyvips.Image.new_from_file(str(source)).resize(scale, kernel="cubic")
    with Canvas(image.height, image.width, Traits()) as canvas:
        canvas.pixels[:] = image.numpy()
        del image
        return timed(lambda: write(target, canvas))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--megapixels", type=float, default=12.0)
    parser.add_argument("--photo", type=Path)
    parser.add_argument("--model", default="wildsr-photo-x4")
    parser.add_argument("--tiles", type=int, default=6, help="tiles sampled for the engine alone, twice")
    parser.add_argument("--save", type=Path, help="append the numbers as a line of JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        source, target = options.photo or folder / "photo.jpg", folder / "result.jpg"
        if options.photo is None:
            photo(source, options.megapixels)
        upscaler = Upscaler(wildsr.load(options.model))
        decoded = timed(lambda: read(source))
        samples = read(source).samples
        plan = upscaler.plan(*samples.shape[:2])
        make, _ = engine_maker(upscaler.model, "cpu")
        engine = make("bf16" in upscaler.engine)
        before, levels = engine_alone(engine, samples, plan, options.tiles)
        seconds, peak = whole(source, target, options.model)
        after, _ = engine_alone(engine, samples, plan, options.tiles)
        height, width = (side * upscaler.scale for side in samples.shape[:2])
        with Canvas(height, width, Traits()) as canvas:
            painted = painting(plan, canvas, levels, upscaler.scale)
        encoded = encoding(source, folder / "encoded.jpg", upscaler.scale)
    tile = statistics.median([*before, *after])
    parts = len(plan.windows)
    halves = [statistics.mean(times) * parts for times in (before, after)]
    total = tile * parts
    share = height * width / upscaler.scale**2 / (parts * plan.height * plan.width)
    numbers = {
        "cores": os.cpu_count(),
        "engine": upscaler.engine,
        "photo": f"{samples.shape[1]}x{samples.shape[0]}",
        "result": f"{width}x{height}",
        "tiles": f"{parts} of {plan.width}x{plan.height}, {1 - share:.0%} of their area overlaps",
        "decode_s": round(decoded, 2),
        "engine_s": round(total, 2),
        "engine_range_s": [round(min(halves), 2), round(max(halves), 2)],
        "paint_s": round(painted, 2),
        "encode_s": round(encoded, 2),
        "whole_s": round(seconds, 2),
        "peak_GiB": round(peak, 2),
        "ratio": round(seconds / (total + encoded), 3),
        "ratio_range": [round(seconds / (half + encoded), 3) for half in sorted(halves, reverse=True)],
    }
    for name, value in numbers.items():
        print(f"{name:16} {value}")
    if options.save:
        with options.save.open("a") as file:
            print(json.dumps(numbers), file=file)


if __name__ == "__main__":
    main()

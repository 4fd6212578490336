"""The time of whole `wildsr upscale` processes, from file to file: the first use, and with a model used before.

    python benchmarks/cold_start.py [--size 64x64 --size 768x512] [--repeat 3] [--model default] [--beside SRC]
        [--skip-first]

The first use has an empty cache; every other run has the compiled model in the cache. Between the processes the engine
computes the same tiles alone, warm, so that the rest is the time of everything else: imports, reading, compiling,
painting, writing, ending. ``--beside`` names the folder ``src`` of another version, which runs in turn with this one;
``--skip-first`` leaves out the first use, for machines that are slow, and is for one version only. Wall-clock time and
processor time are medians, with the least and the most in brackets. Photos are parts of scikit-image's, as JPEG.
"""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyvips
from skimage import data

import wildsr
from wildsr.inference.upscaler import Upscaler

HERE = Path(__file__).parents[1] / "src"
Times = list[tuple[float, float]]
"""Wall-clock time and processor time of processes, in seconds."""


def photo(path: Path, width: int, height: int) -> None:
    image = pyvips.Image.new_from_array(data.astronaut())
    image.thumbnail_image(width, height=height, size="force").jpegsave(str(path), Q=92)


def process(source: Path, cache: Path, image: Path, model: str) -> tuple[float, float]:
    """Wall-clock and processor time of one command."""
    environment = {**os.environ, "PYTHONPATH": str(source), "WILDSR_CACHE": str(cache)}
    command = [sys.executable, "-m", "wildsr", "upscale", str(image), "-m", model]
    command += ["-o", str(image.with_suffix(".out.jpg")), "--overwrite"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def engine_alone(upscaler: Upscaler, width: int, height: int) -> float:
    """Seconds of the engine for the tiles of one image, two under way."""
    plan = upscaler.plan(height, width)
    tile = np.random.default_rng(0).random((1, 3, plan.height, plan.width), np.float32)
    engine = upscaler._engine
    engine.start(tile, True)()  # compiles, the first time
    began = time.perf_counter()
    ahead = engine.start(tile, True)
    for _ in plan.windows[1:]:
        current, ahead = ahead, engine.start(tile, True)
        current()
    ahead()
    return time.perf_counter() - began


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def report(name: str, versions: dict[str, Times], engine: list[float]) -> None:
    for version, times in versions.items():
        wall, processor = ([pair[index] for pair in times] for index in (0, 1))
        rest = [one - statistics.median(engine) for one in wall]
        print(
            f"{name}, {version}: {spread(wall)} s, processor {spread(processor)} s, without the engine {spread(rest)} s"
        )
    if len(versions) == 2:
        ours, other = versions.values()
        print(f"  ratio {spread([b[0] / a[0] for a, b in zip(ours, other, strict=True)])}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--size", action="append")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--model", default="default")
    parser.add_argument("--beside", type=Path)
    parser.add_argument("--skip-first", action="store_true")
    options = parser.parse_args()
    if options.skip_first and options.beside:
        parser.error("--beside needs the first use, which fills the cache of the other version")
    sources = {"this": HERE, **({"other": options.beside} if options.beside else {})}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        os.environ["WILDSR_CACHE"] = str(folder / "engine")
        upscaler = Upscaler(wildsr.load(options.model))
        for size in options.size or ["64x64", "768x512"]:
            width, height = map(int, size.split("x"))
            image = folder / f"{size}.jpg"
            photo(image, width, height)
            engine = [engine_alone(upscaler, width, height)]
            first: dict[str, Times] = {name: [] for name in sources}
            cached: dict[str, Times] = {name: [] for name in sources}
            shutil.copytree(folder / "engine", folder / "this", dirs_exist_ok=True)
            for _ in range(options.repeat):
                for name, source in () if options.skip_first else sources.items():
                    shutil.rmtree(folder / name, ignore_errors=True)
                    first[name].append(process(source, folder / name, image, options.model))
                for name, source in sources.items():
                    cached[name].append(process(source, folder / name, image, options.model))
                engine.append(engine_alone(upscaler, width, height))
            print(f"{size}, {upscaler.engine}, engine alone {spread(engine)} s")
            if not options.skip_first:
                report("first use", first, engine)
            report("used before", cached, engine)


if __name__ == "__main__":
    main()

"""How fast `wildsr upscale` is, side by side with the ways people have today.

    python benchmarks/upscale.py [--photo PHOTO] [--repeat 3] [--skip-rrdbnet] [--beside MODEL] [--warm 96x64]

Everything is measured in one run, in turn, on this machine, and printed with its ratio. The baseline is what
Real-ESRGAN and chaiNNer do on a CPU: PyTorch, float32, eager, the whole image at once. RRDBNet-23 has random
weights here: they cost the same time as trained ones. ``--beside`` names a model that wildsr-compact-x4 is compared
with, both in wildsr and warm. ``--warm`` compares nothing but the default and RRDBNet-23 with the baseline, once warm,
on parts of the photo of this size, for machines that are slow.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save_file
from skimage import data

import wildsr
from wildsr.image import Canvas, Traits, read, write
from wildsr.inference.engine import Engine
from wildsr.inference.engines import engine_maker
from wildsr.networks.rrdbnet import RRDBNet

FAST = "wildsr-compact-x4"
LARGEST_RAW = 384
"""Side of the largest tile that the engine computes alone; smaller photos are compared without it."""

EAGER = """
import sys, numpy, pyvips, torch, wildsr
model = wildsr.load(sys.argv[1])
pixels = torch.from_numpy(pyvips.Image.new_from_file(sys.argv[2]).numpy())[..., :3]
with torch.inference_mode():
    out = model(pixels.permute(2, 0, 1)[None].float() / 255)
samples = (out[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).contiguous().numpy()
pyvips.Image.new_from_array(samples).write_to_file(sys.argv[3])
"""
WILDSR = [sys.executable, "-m", "wildsr"]


def seconds(work: Callable[[], object], repeat: int) -> float:
    """Median time of ``work``."""
    times = []
    for _ in range(repeat):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def process(command: list[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def photograph(path: Path) -> None:
    """A 768x512 photograph."""
    pixels = torch.from_numpy(data.astronaut()).permute(2, 0, 1)[None].float() / 255
    pixels = torch.cat([pixels, pixels[..., :256].flip(-1)], dim=-1)
    save(pixels, path)


def save(pixels: torch.Tensor, path: Path) -> None:
    canvas = Canvas(pixels.shape[-2], pixels.shape[-1], Traits())
    canvas.paste(0, 0, pixels)
    write(path, canvas)


def random_rrdbnet(path: Path) -> None:
    torch.manual_seed(0)
    network = RRDBNet()
    with torch.no_grad():
        for weight in network.parameters():
            if weight.ndim == 4:
                torch.nn.init.kaiming_normal_(weight, a=0.2)
                weight.mul_(0.3)
    save_file(network.state_dict(), path)


def doorstep(photo: Path, folder: Path, repeat: int) -> None:
    print("\n## Doorstep (median of whole processes, seconds)")
    for name, command in {
        "import wildsr": [sys.executable, "-c", "import wildsr"],
        "wildsr --help": [*WILDSR, "--help"],
        "import torch": [sys.executable, "-c", "import torch"],
    }.items():
        print(f"{name:34} {seconds(lambda c=command: process(c), repeat):7.2f}")
    out = folder / "first.png"
    code = (
        "import wildsr, sys; from wildsr.image import read; u = wildsr.Upscaler(wildsr.load(sys.argv[2]));"
        "next(u.pieces(read(sys.argv[1]).rgb))"
    )
    first = seconds(lambda: process([sys.executable, "-c", code, str(photo), FAST]), repeat)
    whole = seconds(
        lambda: process([*WILDSR, "upscale", str(photo), "-m", FAST, "-o", str(out), "--overwrite"]), repeat
    )
    print(f"{'first pixels of a photograph':34} {first:7.2f}")
    print(f"{'wildsr upscale photo (768x512)':34} {whole:7.2f}")


def against_eager(name: str, model_file: str, photo: Path, folder: Path, repeat: int) -> None:
    print(f"\n## {name}, 768x512 photograph, seconds")
    eager_out, our_out = folder / "eager.png", folder / "ours.png"
    ours_command = [*WILDSR, "upscale", str(photo), "-m", model_file, "-o", str(our_out), "--overwrite"]
    process(ours_command)  # the first use compiles the model and measures its fidelity, once for ever
    eager, ours = [], []
    for _ in range(repeat):
        theirs = [sys.executable, "-c", EAGER, model_file, str(photo), str(eager_out)]
        eager.append(seconds(lambda c=theirs: process(c), 1))
        ours.append(seconds(lambda: process(ours_command), 1))
    compare("end to end, process start included", eager, ours)

    warm_against_eager(model_file, read(photo).rgb, repeat)


def warm_against_eager(model_file: str, pixels: torch.Tensor, repeat: int) -> None:
    """The computation alone, in turn, and what the engine could do at best."""
    model = wildsr.load(model_file)
    upscaler = wildsr.Upscaler(model)
    upscaler(pixels)
    eager, ours = [], []
    with torch.inference_mode():
        exact = model(pixels)
        for _ in range(repeat):
            eager.append(seconds(lambda: model(pixels), 1))
            ours.append(seconds(lambda: upscaler(pixels), 1))
    warm = compare(f"once warm ({upscaler.engine})", eager, ours)
    error = (upscaler(pixels) - exact.clamp(0, 1)).square().mean()
    print(f"{'PSNR to PyTorch float32':44} {-10 * torch.log10(error):7.1f} dB")
    if min(pixels.shape[-2:]) > LARGEST_RAW:
        raw_tiles(model, upscaler, pixels, warm, repeat)


def compare(what: str, eager: list[float], ours: list[float]) -> float:
    ratios = [a / b for a, b in zip(eager, ours, strict=True)]
    print(
        f"{what:44} theirs {statistics.median(eager):7.2f}  ours {statistics.median(ours):7.2f}  "
        f"ratio {statistics.median(ratios):5.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    )
    return statistics.median(ours)


def beside(model_file: str, photo: Path, repeat: int) -> None:
    print(f"\n## {FAST} beside {Path(model_file).stem}, both in wildsr, warm, 768x512, seconds")
    pixels = read(photo).rgb
    both = [wildsr.Upscaler(wildsr.load(name)) for name in (model_file, FAST)]
    for upscaler in both:
        upscaler(pixels)
    times: list[list[float]] = [[], []]
    for _ in range(repeat):
        for upscaler, measured in zip(both, times, strict=True):
            measured.append(seconds(lambda u=upscaler: u(pixels), 1))
    compare(f"{Path(model_file).stem}, {FAST}", *times)


def raw_tiles(
    model: wildsr.Model, upscaler: wildsr.Upscaler, pixels: torch.Tensor, warm: float, repeat: int
) -> None:
    """The limit: the engine alone, on tiles that lose nothing to overlap."""
    make, half_helps = engine_maker(model, "cpu")
    engine = make(half_helps and "bf16" in upscaler.engine)
    height, width = pixels.shape[-2:]
    for side in (128, 256, LARGEST_RAW):
        alone = raw(engine, side, repeat)
        print(
            f"{f'raw {side}x{side} tiles, {alone:.3f} s each':44} {alone * height * width / side**2:7.2f} for the area"
        )
    chosen = upscaler.plan(height, width)
    alone = raw(engine, (chosen.height, chosen.width), repeat)
    area = len(chosen.windows) * chosen.height * chosen.width
    print(
        f"chosen: {len(chosen.windows)} tiles of {chosen.width}x{chosen.height}, "
        f"{1 - height * width / area:.0%} of the work lost to overlap, "
        f"{1 - alone * len(chosen.windows) / warm:.0%} of the time spent outside the engine"
    )


def raw(engine: Engine, shape: int | tuple[int, int], repeat: int) -> float:
    height, width = (shape, shape) if isinstance(shape, int) else shape
    tile = torch.rand(1, 3, height, width).numpy()
    engine.start(tile, True)()
    return seconds(lambda: engine.start(tile, True)(), repeat)


def memory(folder: Path) -> None:
    print("\n## Peak memory")
    large = folder / "large.png"
    save(torch.rand(1, 3, 1, 1).expand(1, 3, 2500, 2500) * torch.linspace(0, 1, 2500), large)
    out = folder / "large_x4.png"
    began = time.perf_counter()
    process([*WILDSR, "upscale", str(large), "-m", FAST, "-o", str(out)])
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    print(f"10,000x10,000 output with {FAST}: {peak:.2f} GiB, {time.perf_counter() - began:.0f} s")


def warm(photo: Path, folder: Path, options: argparse.Namespace) -> None:
    """The default and RRDBNet-23 on the centre of the photo."""
    width, height = map(int, options.warm.split("x"))
    pixels = read(photo).rgb
    top, left = (pixels.shape[-2] - height) // 2, (pixels.shape[-1] - width) // 2
    pixels = pixels[..., top : top + height, left : left + width].contiguous()
    names = ["default"]
    if not options.skip_rrdbnet:
        names.append(str(folder / "rrdbnet.safetensors"))
        random_rrdbnet(Path(names[1]))
    for name in names:
        print(f"\n## {Path(name).stem}, {options.warm}, seconds")
        warm_against_eager(name, pixels, options.repeat)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--photo", type=Path)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--skip-rrdbnet", action="store_true")
    parser.add_argument("--beside")
    parser.add_argument("--warm", metavar="WIDTHxHEIGHT")
    options = parser.parse_args()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        photo = options.photo or folder / "photo.png"
        if not options.photo:
            photograph(photo)
        if options.warm:
            warm(photo, folder, options)
            return
        memory(folder)  # first: the figure is the largest child so far
        doorstep(photo, folder, options.repeat)
        against_eager(FAST, FAST, photo, folder, options.repeat)
        if options.beside:
            beside(options.beside, photo, 3 * options.repeat)
        if not options.skip_rrdbnet:
            weights = folder / "rrdbnet.safetensors"
            random_rrdbnet(weights)
            against_eager("RRDBNet-23", str(weights), photo, folder, options.repeat)


if __name__ == "__main__":
    main()

"""Agreement of a GPU with the CPU, and speed relative to the peak of the GPU.

    python benchmarks/gpu.py [--device cuda] [--small] [--seconds 480]

First parity with the CPU: every network, operations, metrics that need no files, KernelGAN and degradations in
batches. Then 30 steps of every objective in bf16, KernelGAN in batches, and the memory of a recipe's step beside the
dry run's estimate. Then throughput of RRDBNet-23 as a share of what products of large bf16 matrices reach: inference
through the engine, and training. A section that fails is reported with its error and the others go on; the exit code
is 1 if any failed. No section begins after ``--seconds``. ``--small`` makes everything tiny, so that it runs on a CPU.
"""

import argparse
import json
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from skimage import data
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from gpu_parity import (
    degradation_parity,
    kernelgan_parity,
    metric_parity,
    network_parity,
    new_kernelgan,
    operation_parity,
    training_network_parity,
)
from gpu_sizes import Bench, Row, networks
from wildsr.data.loader import Batches
from wildsr.image import write_rgb
from wildsr.inference.torch_engine import TorchEngine
from wildsr.networks.vgg import VGGFeatures, layer_names
from wildsr.recipes.builtin import RECIPES
from wildsr.recipes.config.recipe import Recipe
from wildsr.recipes.dry_run import memory
from wildsr.recipes.run import build
from wildsr.recipes.yaml import changed
from wildsr.training.events import TrainingProgress
from wildsr.training.precision import float32_results
from wildsr.training.processes import Hardware, start
from wildsr.training.step import training_step

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # for the tiny recipes


def kernelgan(bench: Bench) -> Iterator[Row]:
    """Steps of KernelGAN on many images at once."""
    for count in (2,) if bench.small else (16, 64, 256):
        gan = new_kernelgan(count, bench.device)
        crop_g, crop_d = (2 * torch.rand(count, 3, side, side, device=bench.device) - 1 for side in (64, 26))
        taken = bench.seconds(
            lambda g=gan, a=crop_g, b=crop_d: g.step(a, b, torch.randn_like(b) / 255), bench.size(20, 1)
        )
        yield f"batch of {count}", f"{1e3 * taken / count:.2f} ms per step and image"


def tiny_recipes() -> dict[str, str]:
    """One recipe for every objective."""
    return {type(recipe.objective).__name__: name for name, recipe in reversed(RECIPES.items())}


def objectives(bench: Bench) -> Iterator[Row]:
    """Steps of every objective with tiny networks in bf16; all losses stay finite."""
    from recipes.tiny import make_features, make_images, tiny

    images = make_images(bench.folder / "images")
    features = make_features(bench.folder / "features")
    steps = bench.size(30, 1)
    for kind, name in tiny_recipes().items():
        recipe = tiny(name, images, (f"train.steps={steps}", "train.precision=bf16"))
        yield f"{kind} ({name})", trained(bench, recipe, features, bench.folder / name)


def trained(bench: Bench, recipe: Recipe, features: Path, folder: Path) -> str:
    """The last losses of a run."""
    seen: list[TrainingProgress] = []
    accelerator = "gpu" if bench.device.type == "cuda" else "cpu"
    built = build(recipe, features)
    fabric = start(Hardware(accelerator=accelerator, precision=recipe.train.precision))
    built.train(
        fabric, folder, lambda event: seen.append(event) if isinstance(event, TrainingProgress) else None
    )
    losses = seen[-1].losses
    if not all(np.isfinite(value) for value in losses.values()):
        raise AssertionError(f"losses are not finite: {losses}")
    return f"{recipe.train.steps} steps, " + ", ".join(f"{key} {value:.3g}" for key, value in losses.items())


def matrix_peak(bench: Bench) -> float:
    """FLOP/s of products of large bf16 matrices."""
    side = bench.size(8192, 128)
    matrix = torch.rand(side, side, device=bench.device, dtype=torch.bfloat16)
    return 2 * side**3 / bench.seconds(lambda: matrix @ matrix, 20)


def inference(bench: Bench) -> Iterator[Row]:
    """RRDBNet-23 through the engine, two tiles under way, 8-bit levels back."""
    peak = matrix_peak(bench)
    yield "matrix products, bf16", f"{peak / 1e12:.3g} TFLOP/s"
    network = networks(bench)["RRDBNet"]().eval().requires_grad_(False)
    for side in (16,) if bench.small else (128, 256, 384):
        engine = TorchEngine(network, bench.device, True)
        count = engine.batch(side, side)
        tiles = np.random.default_rng(0).random((count, 3, side, side), np.float32)
        flops = counted(network, torch.from_numpy(tiles[:1])) * count

        def several(engine: TorchEngine = engine, tiles: np.ndarray = tiles) -> None:
            ahead = engine.start(tiles, True)
            for _ in range(3):
                current, ahead = ahead, engine.start(tiles, True)
                current()
            ahead()

        taken = bench.seconds(several, 2) / 4
        rate = flops / taken
        yield (
            f"RRDBNet, {count} tiles of {side}x{side}",
            f"{count * side**2 / taken / 1e6:.3g} MP/s in, {rate / 1e12:.3g} TFLOP/s, {rate / peak:.0%} of the peak",
        )


def counted(network: nn.Module, images: Tensor) -> float:
    """FLOPs of a forward pass, counted on the meta device at a quarter of the area."""
    small = torch.empty(1, 3, images.shape[-2] // 2, images.shape[-1] // 2, device="meta")
    with FlopCounterMode(display=False) as counter:
        deepcopy(network).to("meta")(small)
    return 4.0 * counter.get_total_flops()


def training(bench: Bench) -> Iterator[Row]:
    """BSRGAN's own recipe on one batch that stays on the device: share of the peak, and memory beside the estimate."""
    from recipes.tiny import tiny

    images, features = bench.folder / "photos", bench.folder / "vgg"
    write_photos(images / "HR")
    features.mkdir()
    widths = [4] * 16 if bench.small else None
    vgg = VGGFeatures(layer_names(19)[-2:-1], 19, **({"widths": widths} if widths else {}))
    save_file(vgg.state_dict(), features / "vgg19.safetensors")
    name = "bsrgan-x4"
    if bench.small:
        recipe = tiny(name, images, ("train.precision=bf16",))
    else:
        changes = [
            f"data.folder={images / 'HR'}",
            "data.workers=0",
            "validation=null",
            "train.precision=bf16",
        ]
        changes += [f"networks.{role}.start=null" for role in RECIPES[name].networks]
        recipe = changed(RECIPES[name], changes, name)
    built = build(recipe, features)
    batch = next(Batches(built.data.dataset, recipe.train.batch_size)(0))
    fixed, computed = memory(built, batch)
    accelerator = "gpu" if bench.device.type == "cuda" else "cpu"
    fabric = start(Hardware(accelerator=accelerator, precision="bf16"))
    for network in built.objective.networks.values():
        network.to(bench.device, memory_format=torch.channels_last)
    objective = built.objective
    extra = [part for part in vars(objective).values() if isinstance(part, nn.Module)]
    for part in extra:
        part.to(bench.device)
    given = {role: tensor.to(bench.device) for role, tensor in batch.items()}
    if bench.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(bench.device)
    with float32_results(fabric, objective.networks.values()):

        def step() -> object:
            return training_step(objective, 0, given, built.optimizers, autocast=fabric.autocast)

        with FlopCounterMode(display=False) as counter:
            step()
        taken = bench.seconds(step, bench.size(10, 1))
    rate, peak = counter.get_total_flops() / taken, matrix_peak(bench)
    yield (
        f"{name}, batch of {recipe.train.batch_size}",
        f"{recipe.train.batch_size / taken:.3g} pairs/s, {rate / 1e12:.3g} TFLOP/s, {rate / peak:.0%} of the peak",
    )
    seen = torch.cuda.max_memory_allocated(bench.device) / 2**30 if bench.device.type == "cuda" else None
    found = "not measured on a CPU" if seen is None else f"{seen:.2f} GiB"
    yield "its memory", f"dry run {(fixed + computed) / 2**30:.2f} GiB, {found}"


def write_photos(folder: Path) -> None:
    """Photos large enough for every recipe's patches."""
    for number, image in enumerate((data.astronaut(), data.coffee(), data.rocket())):
        pixels = torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 255
        folder.mkdir(parents=True, exist_ok=True)
        write_rgb(folder / f"{number}.png", F.interpolate(pixels, size=(512, 512), mode="area"))


SECTIONS: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "Networks: parity with the CPU": network_parity,
    "Networks of training: parity with the CPU": training_network_parity,
    "Operations: parity with the CPU": operation_parity,
    "Metrics: parity with the CPU": metric_parity,
    "KernelGAN: parity with the CPU": kernelgan_parity,
    "Inference": inference,
    "Objectives in bf16": objectives,
    "Training": training,
    "Degradations: parity with the CPU": degradation_parity,
    "KernelGAN": kernelgan,
}


def run(bench: Bench, limit: float) -> list[str]:
    """Print every section; the names of those that failed or were left out."""
    began, failed = time.perf_counter(), []
    for title, section in SECTIONS.items():
        print(f"\n## {title}", flush=True)
        if time.perf_counter() - began > limit:
            print("left out: the time is up")
            failed.append(title)
            continue
        try:
            for name, text in section(bench):
                print(f"| {name} | {text} |", flush=True)
        except Exception:  # a GPU session is short: the other sections are worth having
            traceback.print_exc(file=sys.stdout)
            failed.append(title)
    print(json.dumps({"seconds": round(time.perf_counter() - began), "failed": failed}))
    return failed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--seconds", type=float, default=480)
    options = parser.parse_args()
    device = torch.device(options.device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    print(f"torch {torch.__version__}, {name}, {'tiny sizes' if options.small else 'full sizes'}")
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(1 if run(Bench(device, options.small, Path(folder)), options.seconds) else 0)


if __name__ == "__main__":
    main()

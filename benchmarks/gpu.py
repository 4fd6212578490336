"""Agreement of a GPU with the CPU, and speed relative to the peak of the GPU.

    python benchmarks/gpu.py [--device cuda] [--small] [--seconds 480]

First parity with the CPU: every network, operations, metrics that need no files, and degradations in batches. Then 30
steps of every objective in bf16, KernelGAN in batches, and the memory of a recipe's step beside the dry run's estimate.
Then throughput of RRDBNet-23 as a share of what products of large bf16 matrices reach: inference through the engine,
and training. A section that fails is reported with its error and the others go on; the exit code is 1 if any failed.
No section begins after ``--seconds``. ``--small`` makes everything tiny, so that it runs on a CPU.
"""

import argparse
import json
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from skimage import data
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from wildsr.data.loader import Batches
from wildsr.degradations.presets import PRESETS, preset
from wildsr.estimation.kernelgan import KernelGAN, KernelGANSchedule
from wildsr.evaluation.metrics import MetricSettings, available_metrics, open_meters
from wildsr.image import write_rgb
from wildsr.inference.fidelity import FAITHFUL
from wildsr.inference.torch_engine import TorchEngine
from wildsr.networks.compact import SRVGGNetCompact
from wildsr.networks.edl import EDLNet
from wildsr.networks.kernelgan_batch import KernelGANDiscriminators, KernelGANGenerators
from wildsr.networks.msrresnet import MSRResNet
from wildsr.networks.resunet import ResUNet
from wildsr.networks.rrdbnet import RRDBNet
from wildsr.networks.span import SPAN
from wildsr.networks.srrescgan import SRResCGAN
from wildsr.networks.vgg import VGGFeatures, layer_names
from wildsr.ops.back_projection import back_project
from wildsr.ops.diff_jpeg import differentiable_jpeg
from wildsr.ops.dihedral import dihedral
from wildsr.ops.filtering import filter_per_sample
from wildsr.ops.kernels import gaussian_kernel
from wildsr.ops.resize import imresize, resize
from wildsr.ops.sharpening import unsharp_mask
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

TOLERANCE = 1e-4
"""Largest difference of float32 results between devices; kernels add in another order."""
Row = tuple[str, str]


@dataclass(frozen=True)
class Bench:
    """Device and sizes of a run."""

    device: torch.device
    small: bool
    folder: Path

    def size(self, large: int, small: int) -> int:
        """One of two sizes."""
        return small if self.small else large

    def wait(self) -> float:
        """The time when the device has done all that it was given."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter()

    def seconds(self, work: Callable[[], object], repeat: int = 5) -> float:
        """Time of one run, after two that warm up."""
        for _ in range(1 if self.small else 2):
            work()
        began = self.wait()
        for _ in range(repeat):
            work()
        return (self.wait() - began) / repeat


def photo(side: int, count: int = 1) -> Tensor:
    """Parts of a photo, (count, 3, side, side) in [0, 1]."""
    pixels = torch.from_numpy(data.astronaut().copy()).permute(2, 0, 1).float() / 255
    places = torch.randint(512 - side + 1, (count, 2), generator=torch.Generator().manual_seed(0)).tolist()
    return torch.stack([pixels[:, top : top + side, left : left + side] for top, left in places])


def networks(bench: Bench) -> dict[str, Callable[[], nn.Module]]:
    """Every upscaling network, as published or tiny."""
    if bench.small:
        return {
            "RRDBNet": lambda: RRDBNet(features=8, blocks=1, growth=4),
            "SRVGGNetCompact": lambda: SRVGGNetCompact(features=8, convs=2, scale=4),
            "ResUNet": lambda: ResUNet(features=8, width=8, blocks=1, scale=4),
            "MSRResNet": lambda: MSRResNet(features=8, blocks=1, scale=4),
            "SPAN": lambda: SPAN(features=8, scale=4),
            "EDLNet": lambda: EDLNet(features=8, blocks=1, growth=4),
            "SRResCGAN": lambda: SRResCGAN(features=8, blocks=1),
        }
    return {
        "RRDBNet": RRDBNet,
        "SRVGGNetCompact": lambda: SRVGGNetCompact(64, 32, 4),
        "ResUNet": lambda: ResUNet(scale=4),
        "MSRResNet": lambda: MSRResNet(scale=4),
        "SPAN": lambda: SPAN(scale=4),
        "EDLNet": EDLNet,
        "SRResCGAN": SRResCGAN,
    }


def difference(cpu: Tensor, other: Tensor) -> float:
    """The largest difference in proportion to the largest value."""
    if not bool(other.isfinite().all()):
        raise AssertionError("NaN or infinite values")
    return float((cpu.double() - other.cpu().double()).abs().max() / cpu.abs().max().clamp(min=1e-6))


def check(found: float, allowed: float) -> str:
    """The difference as text; an error if it is too large."""
    if not found <= allowed:
        raise AssertionError(f"differs by {found:.2e}, more than {allowed:.0e}")
    return f"{found:.1e}"


def network_parity(bench: Bench) -> Iterator[Row]:
    """Float32 through the engine of the device beside the CPU, and half precision in dB."""
    cpu, image = torch.device("cpu"), photo(bench.size(96, 24)).numpy()
    for name, make in networks(bench).items():
        torch.manual_seed(0)
        network = make().eval().requires_grad_(False)
        local = nn.Sequential(network) if not hasattr(network, "local") else Local(network)
        exact = torch.from_numpy(TorchEngine(local, cpu, False).start(image, False)())
        there = torch.from_numpy(TorchEngine(local, bench.device, False).start(image, False)())
        half = torch.from_numpy(TorchEngine(local, bench.device, True).start(image, False)())
        decibels = -10 * float(torch.log10((half - exact).square().mean().clamp(min=1e-12)))
        note = "" if decibels >= FAITHFUL else f", below {FAITHFUL:g}: would run in float32"
        yield name, f"float32 {check(difference(exact, there), 1e-3)}, half {decibels:.0f} dB{note}"


class Local(nn.Module):
    """The part of a whole-image network that depends on a tile alone."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """The network's ``local``."""
        result: Tensor = self.network.local(x)  # type: ignore[operator]
        return result


def operation_parity(bench: Bench) -> Iterator[Row]:
    """Operations in float32 on both devices."""
    images = photo(bench.size(256, 64), 4)
    half = images.shape[-1] // 2
    kernels = torch.stack([gaussian_kernel(21, 1.0 + n, 2.0, 0.3 * n).float() for n in range(4)])
    operations: dict[str, Callable[[Tensor], Tensor]] = {
        "imresize": lambda x: imresize(x, 0.25),
        "resize bicubic": lambda x: resize(x, (half, half), "bicubic"),
        "back-projection": lambda x: back_project(x, imresize(x, 0.5)),
        "filter per sample": lambda x: filter_per_sample(x, kernels.to(x), "reflect"),
        "differentiable JPEG": lambda x: differentiable_jpeg(x, 50.0),
        "unsharp mask": unsharp_mask,
        "dihedral": lambda x: dihedral(x, 3),
    }
    for name, operation in operations.items():
        yield name, check(difference(operation(images), operation(images.to(bench.device))), TOLERANCE)


def metric_parity(bench: Bench) -> Iterator[Row]:
    """Metrics whose files are installed."""
    truth = photo(bench.size(256, 128))
    result = (truth + 0.03 * torch.randn(truth.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 1)
    result, truth = ((255 * image).round() / 255 for image in (result, truth))
    here, there = MetricSettings(), MetricSettings(device=str(bench.device))
    names, _ = available_metrics(here, reference=True)
    for first, second in zip(open_meters(names, here), open_meters(names, there), strict=True):
        one = torch.tensor(first(result, truth))
        other = torch.tensor(second(result.to(bench.device), truth.to(bench.device)))
        yield first.metric.name, check(difference(one, other), 1e-3)


def degradation_parity(bench: Bench) -> Iterator[Row]:
    """Every preset on a batch: the same parameters on both devices, and images per second."""
    count, side = bench.size(64, 2), bench.size(256, 64)
    images = photo(side, count)
    for name in PRESETS:
        degradation = preset(name)
        rng = np.random.default_rng(0)
        parameters = [degradation.sample(rng, (side, side)) for _ in range(count)]
        few = min(count, 8)
        expected = degradation.apply(images[:few], parameters[:few])
        given = images.to(bench.device)
        found = degradation.apply(given, parameters)
        # Levels are rounded and encoded as JPEG on the way: single pixels differ by more than rounding.
        typical = float((expected - found[:few].cpu()).abs().mean())
        taken = bench.seconds(partial(degradation.apply, given, parameters), 1)
        yield (
            name,
            f"mean difference {check(typical, 2e-3)}, {count / taken:.0f} images/s in batches of {count}",
        )


def kernelgan(bench: Bench) -> Iterator[Row]:
    """Steps of KernelGAN on many images at once."""
    for count in (2,) if bench.small else (16, 64, 256):
        generators, discriminators = KernelGANGenerators(count), KernelGANDiscriminators(count)
        for index in range(count):
            rng = torch.Generator().manual_seed(index)
            generators.initialise(index, rng)
            discriminators.initialise(index, rng)
        gan = KernelGAN(
            generators.to(bench.device), discriminators.to(bench.device), KernelGANSchedule(count)
        )
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
    "Operations: parity with the CPU": operation_parity,
    "Metrics: parity with the CPU": metric_parity,
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

"""How fast KernelGAN is in batches, and how well it finds kernels that are known.

    python benchmarks/kernelgan.py [--steps 10] [--batches 1 4 16]
    python benchmarks/kernelgan.py --recover FOLDER [--images 4] [--iterations 3000] [--sparsity 5]
    python benchmarks/kernelgan.py --recover FOLDER --fast

The other side of the first is written as the method is described: one image at a time, the generator run layer by
layer on the crop, its kernel found by sending an impulse through it, both networks as modules. Both sides get the same
number of threads, one unless OMP_NUM_THREADS says otherwise.

The second blurs the middle of images from FOLDER by Gaussians, keeps every second pixel, and estimates. For each it
prints the similarity to all of the kernels (the largest normalised cross-correlation: the true one should have the
highest), and the PSNR of the LR image made by the estimate to the one made by the truth, beside that of bicubic. With
--fast, the kernel that the fast estimation starts from and the one that it finds are measured on the same images first.
"""

import argparse
import math
import os
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from wildsr.estimation.errors import EstimationError
from wildsr.estimation.fast_kernels import FastSettings, fast_kernels, start_of_photo
from wildsr.estimation.kernelgan import (
    CropSource,
    KernelGAN,
    KernelGANSchedule,
    KernelGANSettings,
    estimate_kernels,
    finished,
)
from wildsr.estimation.sources import find_sources
from wildsr.image import quantize, read_levels
from wildsr.losses import kernelgan as losses
from wildsr.networks.kernelgan import KernelGANDiscriminator, KernelGANGenerator
from wildsr.networks.kernelgan_batch import KernelGANDiscriminators, KernelGANGenerators
from wildsr.ops.estimated_kernels import SIGNIFICANT
from wildsr.ops.filtering import filter_per_sample
from wildsr.ops.kernels import gaussian_kernel
from wildsr.ops.resize import imresize
from wildsr.storage.evenly import evenly

CENTRE = (10.5, 10.5)
TRUTH = {
    "round 0.8": gaussian_kernel(21, 0.8, 0.8, centre=CENTRE),
    "round 1.8": gaussian_kernel(21, 1.8, 1.8, centre=CENTRE),
    "oblique 2.6 x 1.0": gaussian_kernel(21, 2.6, 1.0, math.pi / 4, centre=CENTRE),
}


def plain_seconds(steps: int) -> float:
    """A step of one image, layer by layer."""
    generator, discriminator = KernelGANGenerator(), KernelGANDiscriminator()
    optimizers = [
        torch.optim.Adam(network.parameters(), 2e-4, (0.5, 0.999)) for network in (generator, discriminator)
    ]
    mask = losses.boundary_mask(13, torch.float32)
    crop_g, crop_d = 2 * torch.rand(1, 3, 64, 64) - 1, 2 * torch.rand(1, 3, 26, 26) - 1

    def step() -> None:
        optimizers[0].zero_grad()
        made = generator(crop_g)
        kernel = generator.kernel().unsqueeze(0)
        total = losses.gan_loss(discriminator(made), real=True)
        total = total + 5 * losses.bicubic_loss(made, losses.bicubic_half(crop_g, (26, 26)))
        total = total + 0.5 * losses.sum_loss(kernel) + 0.5 * losses.boundary_loss(kernel, mask)
        (total + losses.centre_loss(kernel, 2) + 5 * losses.sparsity_loss(kernel)).sum().backward()
        optimizers[0].step()
        optimizers[1].zero_grad()
        real = losses.gan_loss(discriminator(crop_d), real=True)
        fake = generator(crop_g).detach() + torch.randn_like(crop_d) / 255
        ((real + losses.gan_loss(discriminator(fake), real=False)) / 2).sum().backward()
        optimizers[1].step()

    return seconds(step, steps)


def batch_seconds(count: int, steps: int) -> float:
    """A step of one image among ``count``."""
    generators, discriminators = KernelGANGenerators(count), KernelGANDiscriminators(count)
    for index in range(count):
        rng = torch.Generator().manual_seed(index)
        generators.initialise(index, rng)
        discriminators.initialise(index, rng)
    gan = KernelGAN(generators, discriminators, KernelGANSchedule(count))
    crop_g, crop_d = 2 * torch.rand(count, 3, 64, 64) - 1, 2 * torch.rand(count, 3, 26, 26) - 1
    return seconds(lambda: gan.step(crop_g, crop_d, torch.randn_like(crop_d) / 255), steps) / count


def seconds(step, steps: int) -> float:
    step()
    times = []
    for _ in range(steps):
        begun = time.perf_counter()
        step()
        times.append(time.perf_counter() - begun)
    return min(times)


def similarity(found: Tensor, truth: Tensor) -> float:
    """The largest normalised cross-correlation."""
    found, truth = found.double(), truth.double()
    every = F.conv2d(F.pad(found[None, None], [truth.shape[-1]] * 4), truth[None, None])
    return float(every.max() / (found.norm() * truth.norm()))


def shrunk(image: Tensor, kernel: Tensor) -> Tensor:
    return filter_per_sample(image, kernel.float()[None], "symmetric")[..., ::2, ::2]


def psnr(first: Tensor, second: Tensor) -> float:
    difference = (first - second)[..., 10:-10, 10:-10]
    return -10 * math.log10(float(difference.square().mean()))


Case = tuple[str, str, Tensor, Tensor]


def known_cases(folder: Path, images: int) -> list[Case]:
    """Name of the image, name of the kernel, HR image and kernel."""
    cases = []
    for source in evenly(find_sources([folder]), images):
        levels = read_levels(source.path)
        top, left = (max(0, side // 2 - 500) for side in levels.shape[-2:])
        hr = levels[..., top : top + 1000, left : left + 1000].float() / 255
        cases += [(source.name, name, hr, kernel) for name, kernel in TRUTH.items()]
    return cases


def recover(cases: list[Case], settings: KernelGANSettings | FastSettings, seed: int) -> None:
    lows = [quantize(shrunk(hr, truth)[0]) for _, _, hr, truth in cases]
    begun = time.process_time()
    if isinstance(settings, FastSettings):
        crops = [CropSource(low, settings.crops(), seed) for low in lows]
        starts = [start_of_photo(low) for low in lows]
        report("the blur of edges alone", cases, starts, settings.significant, begun)
        last = 0

        def count(iteration: int) -> None:
            nonlocal last
            last = iteration

        found = fast_kernels(crops, starts, settings, on_iteration=count)
        report(f"fast, {last} iterations", cases, found, settings.significant, begun)
        return
    crops = [CropSource(low, settings, seed) for low in lows]
    found = estimate_kernels(crops, settings)
    report(f"KernelGAN, {settings.iterations} iterations", cases, found, SIGNIFICANT, begun)


def report(name: str, cases: list[Case], kernels: list[Tensor], significant: int, begun: float) -> None:
    each = (time.process_time() - begun) / len(cases)
    print(f"{name}: {each:.1f} CPU s an image, {len(cases)} images at once")
    for (image, kind, hr, truth), raw in zip(cases, kernels, strict=True):
        try:
            kernel = finished(raw, 2, significant)
        except EstimationError as error:
            print(f"{image} {kind}: {error}")
            continue
        told = "  ".join(f"{other}: {similarity(kernel, one):.3f}" for other, one in TRUTH.items())
        wanted = shrunk(hr, truth)
        ours, bicubic = psnr(shrunk(hr, kernel / kernel.sum()), wanted), psnr(imresize(hr, 0.5), wanted)
        print(f"{image[-24:]:24} {kind:18} {told}  LR {ours:.1f} dB, bicubic {bicubic:.1f} dB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--recover", type=Path)
    parser.add_argument("--images", type=int, default=4)
    parser.add_argument("--iterations", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sparsity", type=float, default=5.0)
    parser.add_argument(
        "--fast", action="store_true", help="with --recover: measure the fast estimation as well"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    if arguments.recover:
        settings = KernelGANSettings(iterations=arguments.iterations, sparsity=arguments.sparsity)
        cases = known_cases(arguments.recover, arguments.images)
        if arguments.fast:
            recover(cases, FastSettings(), arguments.seed)
        recover(cases, settings, arguments.seed)
        return
    plain = plain_seconds(max(3, arguments.steps // 3))
    print(f"threads: {torch.get_num_threads()}; the fastest of {arguments.steps} steps, in ms an image")
    print(f"layer by layer, one by one: {1000 * plain:.1f}")
    for count in arguments.batches:
        ours = batch_seconds(count, arguments.steps)
        print(f"{count} at once: {1000 * ours:.2f}, {plain / ours:.1f} times as fast")


if __name__ == "__main__":
    main()

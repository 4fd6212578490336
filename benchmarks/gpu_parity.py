"""Agreement of a GPU with the CPU: networks, operations, metrics, degradations and KernelGAN."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from gpu_sizes import Bench, Row, networks, photo
from wildsr.degradations.degradation import Parameters
from wildsr.degradations.presets import PRESETS, preset
from wildsr.estimation.kernelgan import KernelGAN, KernelGANSchedule
from wildsr.evaluation.metrics import MetricSettings, available_metrics, open_meters
from wildsr.inference.fidelity import FAITHFUL
from wildsr.inference.torch_engine import TorchEngine
from wildsr.networks.ddnsr import DDNSRPatchDiscriminator, DDNSRVGGDiscriminator, DegradationNetwork
from wildsr.networks.discriminators import PatchGAN, UNetDiscriminator, VGG128Discriminator
from wildsr.networks.dsgan import DSGANDiscriminator, DSGANGenerator
from wildsr.networks.kernelgan_batch import KernelGANDiscriminators, KernelGANGenerators
from wildsr.ops.back_projection import back_project
from wildsr.ops.color import rgb_to_ycbcr, ycbcr_to_rgb
from wildsr.ops.demosaic import demosaic, mosaic
from wildsr.ops.diff_jpeg import differentiable_jpeg
from wildsr.ops.dihedral import dihedral
from wildsr.ops.filtering import filter_per_sample, filter_separably, filter_spectrally
from wildsr.ops.isp import Development, camera_matrices, process, unprocess
from wildsr.ops.kernels import gaussian_kernel, gaussian_profile
from wildsr.ops.resize import downscale_with_kernel, imresize, resize
from wildsr.ops.sharpening import steepen_edges, unsharp_mask
from wildsr.ops.shifting import shift_cubic, shift_linear

TOLERANCE = 1e-4
"""Largest difference of float32 results between devices; kernels add in another order."""


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
    patterns = ["rggb", "bggr", "grbg", "gbrg"]
    development = Development(
        camera_matrices(torch.full((4, 4), 0.25)),
        torch.tensor([[2.0, 1.0, 1.6]]).expand(4, 3),
        torch.tensor([True, False, True, False]),
    )
    operations: dict[str, Callable[[Tensor], Tensor]] = {
        "imresize": lambda x: imresize(x, 0.25),
        "resize bicubic": lambda x: resize(x, (half, half), "bicubic"),
        "back-projection": lambda x: back_project(x, imresize(x, 0.5)),
        "filter per sample": lambda x: filter_per_sample(x, kernels.to(x), "reflect"),
        "differentiable JPEG": lambda x: differentiable_jpeg(x, 50.0),
        "unsharp mask": unsharp_mask,
        "dihedral": lambda x: dihedral(x, 3),
        "filter spectrally": lambda x: filter_spectrally(x, kernels.to(x)),
        "filter separably": lambda x: filter_separably(x, gaussian_profile(9, 1.5)),
        "downscale with kernel": lambda x: downscale_with_kernel(x, kernels.to(x), 0.25),
        "steepen edges": steepen_edges,
        "YCbCr and back": lambda x: ycbcr_to_rgb(rgb_to_ycbcr(x)),
        "shift": lambda x: shift_cubic(shift_linear(x, 1.5), 0.5, -0.25),
        "unprocess and process": lambda x: process(unprocess(x, development), development),
        "demosaic": lambda x: demosaic(mosaic(x, patterns), patterns),
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


def without_noise(parameters: Parameters) -> Parameters:
    """The parameters without the steps that sample noise: from one seed, each kind of device samples its own."""
    return {**parameters, "steps": [step for step in parameters["steps"] if "seed" not in step]}


def spread(noisy: Tensor, clean: Tensor) -> Tensor:
    """Standard deviation of the difference of each image."""
    return (noisy - clean).cpu().std(dim=(1, 2, 3))


def degradation_parity(bench: Bench) -> Iterator[Row]:
    """Every preset on a batch: the same parameters on both devices, and images per second.

    Without noise the results are compared value by value; with noise, how much of it there is.
    """
    count, side = bench.size(64, 2), bench.size(256, 64)
    images = photo(side, count)
    given = images.to(bench.device)
    few = min(count, 8)
    for name in PRESETS:
        degradation = preset(name)
        rng = np.random.default_rng(0)
        parameters = [degradation.sample(rng, (side, side)) for _ in range(count)]
        plain = [without_noise(one) for one in parameters[:few]]
        expected, found = (degradation.apply(one[:few], plain) for one in (images, given))
        # Levels are rounded and encoded as JPEG on the way: single pixels differ by more than rounding.
        typical = check(float((expected - found.cpu()).abs().mean()), 2e-3)
        here = spread(degradation.apply(images[:few], parameters[:few]), expected)
        there = spread(degradation.apply(given[:few], parameters[:few]), found)
        noise = check(float(((here - there).abs() - 0.15 * here).max().clamp(min=0)), 2e-3)
        taken = bench.seconds(partial(degradation.apply, given, parameters), 1)
        yield (
            name,
            f"mean difference {typical}, of noise beyond 15 % {noise}, "
            f"{count / taken:.0f} images/s in batches of {count}",
        )


def training_network_parity(bench: Bench) -> Iterator[Row]:
    """Float32 of the networks that only training needs: discriminators and networks that degrade."""
    width, image = bench.size(64, 8), photo(128)
    small = imresize(image, 0.25)
    made: dict[str, Callable[[], nn.Module]] = {
        "PatchGAN": lambda: PatchGAN(features=width),
        "VGG128Discriminator": lambda: VGG128Discriminator(features=width),
        "UNetDiscriminator": lambda: UNetDiscriminator(features=width),
        "DDNSRVGGDiscriminator": lambda: DDNSRVGGDiscriminator(features=width),
        "DDNSRPatchDiscriminator": lambda: DDNSRPatchDiscriminator(features=width),
        "DSGANGenerator": lambda: DSGANGenerator(features=width),
        "DSGANDiscriminator": DSGANDiscriminator,
        "DegradationNetwork": lambda: DegradationNetwork(features=width),
    }
    for name, make in made.items():
        torch.manual_seed(0)
        network = make().eval().requires_grad_(False)
        given = (image, small) if isinstance(network, DegradationNetwork) else (image,)
        expected = network(*given)
        there = deepcopy(network).to(device=bench.device, memory_format=torch.channels_last)
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            found = there(*(one.to(bench.device) for one in given))
        yield name, f"float32 {check(difference(expected, found), 1e-3)}"


def new_kernelgan(count: int, device: torch.device) -> KernelGAN:
    """The same KernelGANs of ``count`` images on every device."""
    generators, discriminators = KernelGANGenerators(count), KernelGANDiscriminators(count)
    for index in range(count):
        rng = torch.Generator().manual_seed(index)
        generators.initialise(index, rng)
        discriminators.initialise(index, rng)
    return KernelGAN(generators.to(device), discriminators.to(device), KernelGANSchedule(count))


def kernelgan_parity(bench: Bench) -> Iterator[Row]:
    """KernelGAN on a batch of images: kernels and losses of the first step, and some losses after more.

    Adam's first steps have the size of the learning rate however small a gradient is, so that rounding soon makes
    other kernels, even on one device: after 4 steps in float32 and float64 they differ by a tenth.
    """
    count, more = bench.size(16, 2), bench.size(20, 3)
    here, there = (new_kernelgan(count, device) for device in (torch.device("cpu"), bench.device))
    crops = 2 * photo(64, count) - 1
    noise = torch.randn(count, 3, 26, 26, generator=torch.Generator().manual_seed(0)) / 255
    given = (crops, crops[..., :26, :26], noise)
    moved = [one.to(bench.device) for one in given]
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        expected, found = here.step(*given), there.step(*moved)
        kernels = [gan.generators.kernels().detach() for gan in (here, there)]
        losses = max(difference(value, found[name]) for name, value in expected.items())
        yield (
            f"first step, batch of {count}",
            f"kernels {check(difference(*kernels), 5e-3)}, losses {check(losses, 1e-3)}",
        )
        for _ in range(more):
            expected, found = here.step(*given), there.step(*moved)
    losses = max(difference(expected[name], found[name]) for name in ("bicubic", "d_real", "d_fake"))
    yield f"{more} steps later", f"losses bicubic, d_real and d_fake {check(losses, 1e-2)}"

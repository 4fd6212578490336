"""A faster KernelGAN: it starts from the blur measured at edges, and stops when the kernels have settled.

Differences from the original (:mod:`wildsr.estimation.kernelgan`): the generators start as the kernels of the measured
blur instead of learning a bicubic kernel first; they are held near them by the loss that holds the original near the
bicubic kernel; there is no sparsity loss, with which kernels of different blurs look alike; the result is the mean over
the last iterations.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from wildsr.estimation.camera import Ellipse, estimated_camera
from wildsr.estimation.camera_features import photo_features
from wildsr.estimation.flat_blocks import flat_blocks
from wildsr.estimation.kernelgan import CropSource, KernelGANSettings
from wildsr.image.jpeg_facts import JpegFacts
from wildsr.losses import kernelgan as losses
from wildsr.networks.kernelgan_batch import KernelGANDiscriminators, KernelGANGenerators, shrink
from wildsr.ops.kernels import gaussian_kernel

_SIZE = 13
_STRIDE = 2
_LEAST_SIGMA, _MOST_SIGMA = 0.1, 3.0
_FIT_STEPS, _FIT_RATE = 150, 3e-3
_SUM, _BOUNDARY, _CENTRE = 0.5, 0.5, 1.0


@dataclass(frozen=True)
class FastSettings:
    """Settings of the fast estimation.

    Attributes:
        iterations: most of them.
        head_start: of these, those in which only the discriminators are trained.
        features: channels of both networks.
        learning_rate: of both networks.
        hold: weight of the loss that holds a kernel near the measured blur.
        every: iterations between checks whether kernels have settled.
        settled: largest relative change of a kernel between checks that ends its training.
        significant: number of values that are kept; see :func:`wildsr.estimation.kernelgan.finished`.
    """

    iterations: int = 400
    head_start: int = 50
    features: int = 32
    learning_rate: float = 2e-4
    hold: float = 5.0
    every: int = 50
    settled: float = 0.01
    significant: int = 100

    def crops(self, border: int = 10) -> KernelGANSettings:
        """The settings with which :class:`CropSource` samples crops for the fast estimation."""
        return KernelGANSettings(iterations=self.iterations, border=border, features=self.features)


def start_kernel(blur: Ellipse) -> Tensor:
    """The x2 kernel (13, 13) float64 of photos with this blur: bicubic halving after a Gaussian of twice its sigmas."""
    wide, narrow = (min(max(2 * sigma, _LEAST_SIGMA), _MOST_SIGMA) for sigma in (blur.wide, blur.narrow))
    taps = torch.tensor(losses.BICUBIC_HALF, dtype=torch.float64)
    gaussian = gaussian_kernel(_SIZE, wide, narrow, blur.angle, dtype=torch.float64)
    # 13 + 8 - 1 values, centred between the middle two; KernelGAN's are centred between the two after the middle.
    whole = F.conv2d(F.pad(gaussian[None, None], [len(taps) - 1] * 4), torch.outer(taps, taps)[None, None])[
        0, 0
    ]
    middle = whole[3 : 3 + _SIZE, 3 : 3 + _SIZE]
    return middle / middle.sum()


def start_of_photo(levels: Tensor, jpeg: JpegFacts | None = None) -> Tensor:
    """The x2 kernel (13, 13) of the blur that the edges of a photo (3, H, W) uint8 show; bicubic if it has none."""
    try:
        blur = estimated_camera([photo_features([levels], flat_blocks(levels), jpeg)]).typical
    except ValueError:
        blur = Ellipse(0.0, 0.0, 0.0)
    return start_kernel(blur)


def fast_kernels(
    sources: Sequence[CropSource],
    starts: Sequence[Tensor],
    settings: FastSettings,
    *,
    device: str = "cpu",
    on_iteration: Callable[[int], None] | None = None,
) -> list[Tensor]:
    """Estimate the x2 kernels of several images together.

    Args:
        sources: the images, each used once, made with ``settings.crops()``.
        starts: (13, 13) kernels to start from; see :func:`start_kernel`.
        settings: of the estimation.
        device: where to compute.
        on_iteration: called after each iteration with their number.

    Returns:
        (13, 13) raw kernels, as of :func:`wildsr.estimation.kernelgan.estimate_kernels`.
    """
    count = len(sources)
    start = torch.stack([one.float() for one in starts]).to(device)
    generators = KernelGANGenerators(count, settings.features).to(device)
    discriminators = KernelGANDiscriminators(count, settings.features).to(device)
    for index, source in enumerate(sources):
        rng = torch.Generator().manual_seed(source.seed)
        generators.initialise(index, rng)
        discriminators.initialise(index, rng)
    _fit(generators, start)
    mask = losses.boundary_mask(generators.reach, start.dtype).to(device)
    optimizers = [
        torch.optim.Adam(network.parameters(), settings.learning_rate, (0.5, 0.999), fused=device != "mps")
        for network in (generators, discriminators)
    ]
    mean, averaged = start.clone(), 0
    before, final = start.clone(), start.clone()
    settled = torch.zeros(count, dtype=torch.bool, device=device)
    for iteration in range(settings.iterations):
        crops = zip(*(source.crops(iteration) for source in sources), strict=True)
        for_g, for_d, noise = (torch.stack(part).to(device) for part in crops)
        if iteration >= settings.head_start:
            kernels = generators.kernels()
            made = shrink(for_g, kernels, _STRIDE)
            wanted = shrink(for_g, start, _STRIDE)
            discriminators.requires_grad_(False)
            loss = (
                losses.gan_loss(discriminators(made), real=True)
                + settings.hold * (made - wanted).square().flatten(1).mean(1)
                + _SUM * losses.sum_loss(kernels)
                + _BOUNDARY * losses.boundary_loss(kernels, mask)
                + _CENTRE * losses.centre_loss(kernels, _STRIDE)
            )
            discriminators.requires_grad_(True)
            _optimise(optimizers[0], loss)
            with torch.no_grad():
                averaged += 1
                share = max(1 / averaged, 2 / settings.every)
                mean += share * (generators.kernels() - mean)
        real = losses.gan_loss(discriminators(for_d), real=True)
        with torch.no_grad():
            fakes = generators(for_g) + noise
        fake = losses.gan_loss(discriminators(fakes), real=False)
        _optimise(optimizers[1], (real + fake) / 2)
        if on_iteration is not None:
            on_iteration(iteration + 1)
        if averaged and averaged % settings.every == 0:
            change = (mean - before).flatten(1).norm(dim=1) / before.flatten(1).norm(dim=1)
            before = mean.clone()
            # An image's kernel must not depend on those it shares a batch with, which may need more iterations.
            final[~settled] = mean[~settled]
            settled |= change < settings.settled
            if settled.all():
                break
    final[~settled] = mean[~settled]
    return list(final.cpu())


def _fit(generators: KernelGANGenerators, kernels: Tensor) -> None:
    """Make the generators equivalent to ``kernels`` (N, 13, 13)."""
    optimizer = torch.optim.Adam(generators.parameters(), _FIT_RATE)
    for _ in range(_FIT_STEPS):
        difference = generators.kernels() - kernels
        _optimise(optimizer, difference.square().sum((1, 2)))


def _optimise(optimizer: torch.optim.Optimizer, values: Tensor) -> None:
    optimizer.zero_grad()
    # Images share no weights, so the gradient of the sum is that of each image's own loss.
    values.sum().backward()  # type: ignore[no-untyped-call]
    optimizer.step()

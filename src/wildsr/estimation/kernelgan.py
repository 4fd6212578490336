"""KernelGAN (Bell-Kligler et al., 2019): the blur kernel of an image from the image alone, for many at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from wildsr.estimation.crops import crop_maps, sample_centres, top_left, trimmed
from wildsr.estimation.errors import EstimationError
from wildsr.losses import kernelgan as losses
from wildsr.networks.kernelgan import SIZES
from wildsr.networks.kernelgan_batch import KernelGANDiscriminators, KernelGANGenerators, shrink
from wildsr.ops.estimated_kernels import SIGNIFICANT, analytic_x4, post_process
from wildsr.storage.devices import pick_device

KernelLosses = dict[str, Tensor]

SCALES = (2, 4)
REACH = 1 + sum(size - 1 for size in SIZES)

_SUM_WEIGHT = 0.5
_BOUNDARY_WEIGHT = 0.5


@dataclass(frozen=True)
class KernelGANSettings:
    """Settings of the estimation; the defaults are those of the published code.

    Attributes:
        iterations: training steps. The learning rate is divided by 10 every 750.
        crop: side in pixels of the generator's crops.
        border: pixels that are ignored at each side of an image; the published code uses 0 with its option for
            real images.
        features: channels of both networks.
        learning_rate: initial one of both networks.
        sparsity: weight of the sparsity loss late in training.
    """

    iterations: int = 3000
    crop: int = 64
    border: int = 10
    features: int = 64
    learning_rate: float = 2e-4
    sparsity: float = 5.0

    @property
    def crop_d(self) -> int:
        """Side of the discriminator's crops: the output size of a generator of 13 pixels and stride 2 for ``crop``."""
        return (self.crop - REACH) // 2 + 1


class KernelGANSchedule:
    """Learning rate and loss weights of ``count`` images during training.

    G starts as a bicubic kernel: the weight of that loss is constant until the loss was below 0.4 three times in a row,
    and is then divided by 100 every 200 iterations. Once it is small, losses for a centred, sparse kernel are added.

    Attributes:
        learning_rate: of all networks.
        bicubic, centre, sparse: weights of those losses, (count,) float64.
    """

    def __init__(
        self, count: int, learning_rate: float = 2e-4, sparsity: float = 5.0, device: str = "cpu"
    ) -> None:
        self.learning_rate = learning_rate
        self._sparsity = sparsity
        self.bicubic = torch.full((count,), 5.0, dtype=torch.float64, device=device)
        self.centre = torch.zeros_like(self.bicubic)
        self.sparse = torch.zeros_like(self.bicubic)
        self._streak = torch.zeros(count, dtype=torch.int64, device=device)
        self._similar = torch.zeros(count, dtype=torch.bool, device=device)

    def update(self, iteration: int, bicubic: Tensor) -> None:
        """Update after iteration number ``iteration``, from 0, with bicubic losses ``bicubic`` (count,)."""
        if iteration == 0:
            return
        if iteration % 750 == 0:
            self.learning_rate /= 10
        released = self._similar
        self._streak = torch.where(bicubic < 0.4, self._streak + 1, 0)
        self._similar = released | (self._streak >= 3)
        if iteration % 200 == 0:
            due = released & (self.bicubic > 5e-6)
            self.bicubic = torch.where(due, (self.bicubic / 100).clamp(min=5e-6), self.bicubic)
            late = due & (self.bicubic < 5e-3)
            self.centre = torch.where(late, 1.0, self.centre)
            self.sparse = torch.where(late, self._sparsity, self.sparse)


class KernelGAN:
    """Trains the kernels of several images in parallel, each with its own networks.

    Attributes:
        generators, discriminators: the networks.
        schedule: learning rate and loss weights.
    """

    def __init__(
        self,
        generators: KernelGANGenerators,
        discriminators: KernelGANDiscriminators,
        schedule: KernelGANSchedule,
    ) -> None:
        self.generators = generators
        self.discriminators = discriminators
        self.schedule = schedule
        reference = generators.weights[0]
        self._mask = losses.boundary_mask(generators.reach, reference.dtype).to(reference.device)
        self._optimizers = [
            torch.optim.Adam(
                network.parameters(),
                schedule.learning_rate,
                (0.5, 0.999),
                fused=reference.device.type != "mps",
            )
            for network in (generators, discriminators)
        ]

    def step(self, crops_g: Tensor, crops_d: Tensor, noise: Tensor) -> KernelLosses:
        """One iteration: the generators, then the discriminators.

        Args:
            crops_g: (N, 3, H, W) in [-1, 1], one of each image.
            crops_d: (N, 3, h, w) in [-1, 1], of the output size of the generators for ``crops_g``.
            noise: (N, 3, h, w), added to the outputs of the generators for the discriminators.

        Returns:
            The unweighted losses, (N,) each: g_gan, bicubic, sum, boundary, centre, sparse, d_real, d_fake.
        """
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = self.schedule.learning_rate
        return self._step_generators(crops_g) | self._step_discriminators(crops_g, crops_d, noise)

    def _step_generators(self, crops: Tensor) -> KernelLosses:
        kernels = self.generators.kernels()
        made = shrink(crops, kernels, self.generators.stride)
        self.discriminators.requires_grad_(False)
        found = {
            "g_gan": losses.gan_loss(self.discriminators(made), real=True),
            "bicubic": losses.bicubic_loss(
                made, losses.bicubic_half(crops, (made.shape[-2], made.shape[-1]))
            ),
            "sum": losses.sum_loss(kernels),
            "boundary": losses.boundary_loss(kernels, self._mask),
            "centre": losses.centre_loss(kernels, self.generators.stride),
            "sparse": losses.sparsity_loss(kernels),
        }
        self.discriminators.requires_grad_(True)
        weights: dict[str, float | Tensor] = {
            "g_gan": 1.0,
            "bicubic": self.schedule.bicubic.to(made.dtype),
            "sum": _SUM_WEIGHT,
            "boundary": _BOUNDARY_WEIGHT,
            "centre": self.schedule.centre.to(made.dtype),
            "sparse": self.schedule.sparse.to(made.dtype),
        }
        self._optimize(0, torch.stack([weights[name] * loss for name, loss in found.items()]))
        return {name: loss.detach() for name, loss in found.items()}

    def _step_discriminators(self, crops_g: Tensor, crops_d: Tensor, noise: Tensor) -> KernelLosses:
        real = losses.gan_loss(self.discriminators(crops_d), real=True)
        with torch.no_grad():
            made = self.generators(crops_g) + noise
        fake = losses.gan_loss(self.discriminators(made), real=False)
        self._optimize(1, (real + fake) / 2)
        return {"d_real": real.detach(), "d_fake": fake.detach()}

    def _optimize(self, which: int, values: Tensor) -> None:
        optimizer = self._optimizers[which]
        optimizer.zero_grad()
        # Images share no weights, so the gradient of the sum is that of each image's own loss.
        values.sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step()


class CropSource:
    """Crops of one image, whose positions are sampled before training.

    In the published code, noise on the discriminator's crops remains in the image and accumulates over iterations; here
    it is only added to the crop.
    """

    def __init__(self, levels: Tensor, settings: KernelGANSettings, seed: int = 0) -> None:
        """Sample the positions of crops in ``levels`` (3, H, W) uint8.

        Raises:
            EstimationError: the image is too small or has no structure.
        """
        least = settings.crop + 2 + 2 * settings.border
        if min(levels.shape[-2:]) < least:
            raise EstimationError(
                f"it has {levels.shape[-1]}x{levels.shape[-2]} pixels, and a kernel needs at least {least} on both "
                "sides; use a larger image"
            )
        self.seed = seed
        self._levels = trimmed(levels, settings.border)
        self._rng = np.random.default_rng(seed)
        self._sides = (settings.crop, settings.crop_d)
        maps = crop_maps(self._levels.double() / 255, *self._sides)
        size = (self._levels.shape[-2], self._levels.shape[-1])
        self._corners = [
            top_left(sample_centres(one, settings.iterations, self._rng), size, side)
            for one, side in zip(maps, self._sides, strict=True)
        ]

    def crops(self, iteration: int) -> tuple[Tensor, Tensor, Tensor]:
        """Crops for G and D, (3, h, w) in [-1, 1], and noise for D; iterations must be requested in order."""
        found = []
        for corners, side in zip(self._corners, self._sides, strict=True):
            top, left = corners[iteration]
            found.append(self._levels[:, top : top + side, left : left + side].float() / 127.5 - 1)
        sampled = self._rng.standard_normal((2, *found[1].shape), dtype=np.float32)
        noise = torch.from_numpy(sampled) / 255
        # The published code adds it to image crops in [0, 1], and to generator outputs in [-1, 1].
        return found[0], found[1] + 2 * noise[0], noise[1]


def kernel_device(wanted: str) -> str:
    """The device for ``wanted``; ``auto`` is never MPS, which lacks operations that KernelGAN needs.

    Raises:
        ValueError: the device is unknown or not available.
    """
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return str(pick_device(wanted))


def estimate_kernels(
    sources: Sequence[CropSource],
    settings: KernelGANSettings,
    *,
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
    on_iteration: Callable[[int], None] | None = None,
) -> list[Tensor]:
    """Estimate the x2 kernels of several images together.

    The kernel of an image depends on its seed and not on the other images, except for rounding. Since adversarial
    training amplifies rounding errors, a float32 kernel is only reproduced exactly in the same batch.

    Args:
        sources: the images, each used once, with these ``settings``.
        settings: of the estimation.
        device: where to compute.
        dtype: what to compute in.
        on_iteration: called after each iteration with their number.

    Returns:
        (13, 13) raw kernels of ``dtype``; see :func:`finished`.
    """
    count = len(sources)
    generators = KernelGANGenerators(count, settings.features)
    discriminators = KernelGANDiscriminators(count, settings.features)
    for index, source in enumerate(sources):
        rng = torch.Generator().manual_seed(source.seed)
        generators.initialise(index, rng)
        discriminators.initialise(index, rng)
    schedule = KernelGANSchedule(count, settings.learning_rate, settings.sparsity, device)
    gan = KernelGAN(generators.to(device, dtype), discriminators.to(device, dtype), schedule)
    for iteration in range(settings.iterations):
        crops = zip(*(source.crops(iteration) for source in sources), strict=True)
        for_g, for_d, noise = (torch.stack(part).to(device, dtype) for part in crops)
        found = gan.step(for_g, for_d, noise)
        schedule.update(iteration, found["bicubic"])
        if on_iteration is not None:
            on_iteration(iteration + 1)
    with torch.no_grad():
        return list(generators.kernels().cpu())


def finished(kernel: Tensor, scale: int = 4, significant: int = SIGNIFICANT) -> Tensor:
    """The kernel for a ``scale`` of 2 or 4 from a raw kernel of :func:`estimate_kernels`, (k, k) float64.

    Negligible values are removed, the kernel is centred, and for x4 convolved with itself, as in RealSR's pools.

    Raises:
        EstimationError: there is no kernel, because the training diverged or was too short.
    """
    if scale not in SCALES:
        raise ValueError(f"KernelGAN estimates kernels for scales of 2 and 4, not {scale}")
    if not bool(torch.isfinite(kernel).all()):
        raise EstimationError("the training diverged; estimate it again with another seed, or leave it out")
    if not float(kernel.sum()) > 0:
        raise EstimationError(
            f"the training has not found a kernel yet: its values sum to {float(kernel.sum()):.2g} instead of 1. Train "
            f"for more iterations ({KernelGANSettings.iterations:,} by default), or with another seed"
        )
    double = post_process(kernel.double(), significant)
    return double if scale == 2 else analytic_x4(double)

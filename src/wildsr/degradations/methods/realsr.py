"""RealSR's degradation (Ji et al., 2020): kernels and noise estimated from images of the target domain.

Images are assumed to have 8 bits, and LR images are truncated to whole levels before noise is added, since the original
code stores both in files, and truncates instead of rounding.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from wildsr.degradations.degradation import DegradationError, Parameters
from wildsr.degradations.fields import read_fields
from wildsr.degradations.pools import KernelPool, NoisePool
from wildsr.ops.borders import inside
from wildsr.ops.cropping import crop_to_multiple
from wildsr.ops.noise import inject_noise
from wildsr.ops.resize import downscale_with_kernel, imresize


@dataclass(frozen=True)
class _KernelEntry:
    pool: str
    index: int


@dataclass(frozen=True)
class _PatchEntry:
    pool: str
    index: int
    top: int
    left: int


_SUM_TOLERANCE = 0.01
PoolEntry = TypeVar("PoolEntry", _KernelEntry, _PatchEntry)


@dataclass(frozen=True)
class RealSr:
    """Downscale, and add noise from a pool.

    Without ``kernels``, images are downscaled by MATLAB's bicubic, as in Track 1 of NTIRE 2020; with them, each by a
    kernel of the pool, as in Track 2. Without ``noise`` none is added. A noise patch smaller than the LR image is
    extended by reflection; the original code adds crops of 32 pixels from patches of 256.

    Raises:
        DegradationError: the kernels are for another scale, or do not sum to 1.
    """

    scale: int = 4
    noise: NoisePool | None = None
    kernels: KernelPool | None = None

    def __post_init__(self) -> None:
        if self.kernels is not None and self.kernels.scale != self.scale:
            raise DegradationError(
                f"these kernels are for a scale of {self.kernels.scale}, not {self.scale}: take another pool, or "
                "estimate kernels for this scale"
            )
        if self.kernels is not None:
            sums = self.kernels.kernels.sum((1, 2))
            worst = int((sums - 1).abs().argmax())
            if abs(float(sums[worst]) - 1) > _SUM_TOLERANCE:
                raise DegradationError(
                    f"kernel {worst} of the pool ({self.kernels.origins[worst]}) sums to {float(sums[worst]):.4g} "
                    "instead of 1, which would change the brightness of images; estimate the pool again"
                )

    def sample(self, rng: np.random.Generator, size: tuple[int, int]) -> Parameters:
        """Sample a kernel, a noise patch and the position of its crop, for an HR image of ``size`` (height, width)."""
        parameters: Parameters = {"kernel": None, "noise": None}
        if self.kernels is not None:
            index = int(rng.integers(len(self.kernels)))
            parameters["kernel"] = {"pool": self.kernels.digest, "index": index}
        if self.noise is not None:
            index = int(rng.integers(len(self.noise)))
            side = self.noise.patches.shape[-1]
            top, left = (_sample_start(rng, side, length // self.scale) for length in size)
            parameters["noise"] = {"pool": self.noise.digest, "index": index, "top": top, "left": left}
        return parameters

    def apply(self, images: Tensor, parameters: Sequence[Parameters]) -> Tensor:
        """Degrade (B, 3, H, W) in [0, 1] to (B, 3, H // scale, W // scale) in [0, 1].

        Raises:
            DegradationError: for parameters of other pools or another degradation, or not one for each image.
        """
        if len(parameters) != len(images):
            raise DegradationError(f"{len(images)} images but {len(parameters)} sets of parameters")
        entries = [self._read(index, one) for index, one in enumerate(parameters)]
        hr = crop_to_multiple(images, self.scale)
        if self.kernels is None:
            lr = imresize(hr, 1 / self.scale).clamp(0, 1)
        else:
            chosen = self.kernels.kernels[[kernel.index for kernel, _ in entries if kernel]]
            lr = torch.cat([_blurred(*one, self.scale) for one in zip(hr, chosen, strict=True)])
        # A whole level with a rounding error must not be truncated to the one below.
        lr = (lr * 255 + 1e-4).floor() / 255
        if self.noise is None:
            return lr
        size = (lr.shape[-2], lr.shape[-1])
        patches = [_crop(self.noise, patch, size) for _, patch in entries if patch]
        return inject_noise(lr, torch.stack(patches).to(lr) / 255)

    def _read(self, index: int, parameters: Parameters) -> tuple[_KernelEntry | None, _PatchEntry | None]:
        if set(parameters) != {"kernel", "noise"}:
            raise DegradationError(f"image {index}: these are not parameters of RealSR's degradation")
        where = (f"image {index}: kernel", f"image {index}: noise")
        kernel = _entry(_KernelEntry, parameters["kernel"], self.kernels, where[0])
        return kernel, _entry(_PatchEntry, parameters["noise"], self.noise, where[1])


def _entry(
    kind: type[PoolEntry], content: object, pool: KernelPool | NoisePool | None, where: str
) -> PoolEntry | None:
    """An entry of a pool, checked to be of this pool."""
    if content is None and pool is None:
        return None
    if not isinstance(content, dict) or pool is None:
        there, here = ("no", "one") if content is None else ("a", "none")
        raise DegradationError(f"{where}: the parameters name {there} pool, and {here} was given")
    entry = read_fields(kind, content, where)
    if entry.pool != pool.digest:
        raise DegradationError(
            f"{where}: the parameters are from another pool, with the digest {entry.pool[:12]}, not "
            f"{pool.digest[:12]}; use the pool they were sampled from"
        )
    if not 0 <= entry.index < len(pool):
        raise DegradationError(f"{where}: the pool has {len(pool)} entries, and no number {entry.index}")
    return entry


def _blurred(image: Tensor, kernel: Tensor, scale: int) -> Tensor:
    """Downscale (3, H, W) to (1, 3, h, w); one by one, since a rounding error may change a level."""
    levels = (image.double() * 255).round().unsqueeze(0)
    return downscale_with_kernel(levels, kernel.unsqueeze(0), 1 / scale).clamp(0, 255).div(255).to(image)


def _sample_start(rng: np.random.Generator, side: int, wanted: int) -> int:
    """First row or column of a crop: anywhere in the patch, or in its infinite extension by reflection."""
    return int(rng.integers(side - wanted + 1 if wanted <= side else 2 * side))


def _crop(pool: NoisePool, patch: _PatchEntry, size: tuple[int, int]) -> Tensor:
    side = pool.patches.shape[-1]
    rows = inside(torch.arange(size[0]) + patch.top, side, "symmetric")
    columns = inside(torch.arange(size[1]) + patch.left, side, "symmetric")
    return pool.patches[patch.index][:, rows][:, :, columns]

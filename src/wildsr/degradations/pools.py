"""Pools of blur kernels and of noise patches estimated from photos, each one file.

RealSR (Ji et al., 2020) degrades HR images with kernels and noise of the target domain; a pool contains one or the
other. A file is a ``.safetensors`` with one tensor and a header that describes it.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from torch import Tensor

from wildsr.errors import WildsrError
from wildsr.storage.atomic import replacing

KERNELS = "wildsr kernel pool"
NOISE = "wildsr noise pool"
VERSION = 1
_SAFETENSORS_TYPES = {torch.float32: "F32", torch.uint8: "U8"}
_BLOCK = 1 << 24


class PoolError(WildsrError):
    """A pool cannot be read or written; the message says what happened, to which file, and what to do."""


@dataclass(frozen=True)
class KernelPool:
    """Blur kernels for one scale.

    Attributes:
        kernels: (N, k, k) float32, correlated with the HR image before every ``scale``-th pixel is taken. The
            centre of a kernel is its pixel (k // 2, k // 2).
        scale: the downscaling factor.
        origins: source of each kernel, usually a file name; N strings.
    """

    kernels: Tensor
    scale: int
    origins: tuple[str, ...]

    def __post_init__(self) -> None:
        shape = self.kernels.shape
        if self.kernels.ndim != 3 or shape[1] != shape[2] or not shape.numel():
            raise ValueError(f"a kernel pool needs kernels (N, k, k), not {tuple(shape)}")
        if self.kernels.dtype != torch.float32 or not bool(torch.isfinite(self.kernels).all()):
            raise ValueError("the kernels of a pool must be finite float32 numbers")
        if self.scale < 1 or len(self.origins) != shape[0]:
            raise ValueError(f"{shape[0]} kernels need a scale from 1 and {shape[0]} origins")

    def __len__(self) -> int:
        return self.kernels.shape[0]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the kernels and their scale: it does not depend on the origins."""
        return _digest(f"{KERNELS} {VERSION} x{self.scale}", self.kernels)


@dataclass(frozen=True)
class NoisePool:
    """Flat patches of photos, which contain little but noise.

    Attributes:
        patches: (N, 3, s, s) uint8 levels, including the mean: the noise added to an image is a crop of one minus
            the mean of the crop (:func:`wildsr.ops.noise.inject_noise`).
        origins: source of each patch, file name and position; N strings.
    """

    patches: Tensor
    origins: tuple[str, ...]

    def __post_init__(self) -> None:
        shape = self.patches.shape
        if self.patches.ndim != 4 or shape[1] != 3 or shape[2] != shape[3] or not shape.numel():
            raise ValueError(f"a noise pool needs patches (N, 3, s, s), not {tuple(shape)}")
        if self.patches.dtype != torch.uint8 or len(self.origins) != shape[0]:
            raise ValueError(f"{shape[0]} noise patches are uint8 and have {shape[0]} origins")

    def __len__(self) -> int:
        return self.patches.shape[0]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the patches: it does not depend on the origins."""
        return _digest(f"{NOISE} {VERSION}", self.patches)


def same_size(kernels: Sequence[Tensor]) -> Tensor:
    """Kernels (k, k) of several sizes as (N, k, k) float32 with smaller ones padded by zeros around their centres.

    The centre of a kernel is its pixel (k // 2, k // 2), odd or even, as everywhere in :mod:`wildsr.ops.filtering`.
    """
    before = max(kernel.shape[-1] // 2 for kernel in kernels)
    after = max(kernel.shape[-1] - kernel.shape[-1] // 2 for kernel in kernels)
    padded = []
    for kernel in kernels:
        half, size = kernel.shape[-1] // 2, kernel.shape[-1]
        low, high = before - half, after - (size - half)
        padded.append(F.pad(kernel.detach().float().cpu(), (low, high, low, high)))
    return torch.stack(padded)


def save_kernel_pool(path: str | os.PathLike[str], pool: KernelPool) -> None:
    """Write a pool atomically; an older file of that name is replaced.

    Raises:
        PoolError: the file cannot be written.
    """
    _save(Path(path), KERNELS, "kernels", pool.kernels, pool.origins, {"scale": str(pool.scale)})


def load_kernel_pool(path: str | os.PathLike[str]) -> KernelPool:
    """Read a pool that :func:`save_kernel_pool` wrote.

    Raises:
        PoolError: the file is missing, damaged, of another version, or not a kernel pool.
    """
    path = Path(path)
    kernels, header = _load(path, KERNELS, "kernels")
    try:
        return KernelPool(kernels, int(header["scale"]), _origins(header))
    except (KeyError, ValueError) as error:
        raise PoolError(f"{path} is a damaged kernel pool ({error}); estimate it again") from error


def save_noise_pool(path: str | os.PathLike[str], pool: NoisePool) -> None:
    """Write a pool atomically; an older file of that name is replaced.

    Written in blocks, so that patches of a memory-mapped file are never in memory all at once.

    Raises:
        PoolError: the file cannot be written.
    """
    _save(Path(path), NOISE, "patches", pool.patches, pool.origins, {})


def load_noise_pool(path: str | os.PathLike[str]) -> NoisePool:
    """Read a pool that :func:`save_noise_pool` wrote.

    Raises:
        PoolError: the file is missing, damaged, of another version, or not a noise pool.
    """
    path = Path(path)
    patches, header = _load(path, NOISE, "patches")
    try:
        return NoisePool(patches, _origins(header))
    except (KeyError, ValueError) as error:
        raise PoolError(f"{path} is a damaged noise pool ({error}); collect it again") from error


def _digest(kind: str, values: Tensor) -> str:
    digest = hashlib.sha256(f"{kind} {tuple(values.shape)}".encode())
    for row in values:
        digest.update(row.cpu().contiguous().numpy())
    return digest.hexdigest()


def _origins(header: dict[str, str]) -> tuple[str, ...]:
    origins = json.loads(header["origins"])
    if not isinstance(origins, list):
        raise ValueError("its origins are no list")
    return tuple(str(origin) for origin in origins)


def _save(
    path: Path, kind: str, name: str, values: Tensor, origins: Sequence[str], facts: dict[str, str]
) -> None:
    values = values.cpu().contiguous()
    metadata = {"format": f"{kind} {VERSION}", "origins": json.dumps(list(origins)), **facts}
    size = values.numel() * values.element_size()
    tensor = {
        "dtype": _SAFETENSORS_TYPES[values.dtype],
        "shape": list(values.shape),
        "data_offsets": [0, size],
    }
    # safetensors' own writer would copy everything into memory first.
    header = json.dumps({"__metadata__": metadata, name: tensor}).encode()
    header += b" " * (-len(header) % 8)
    content = values.flatten().view(torch.uint8).numpy().data
    try:
        with replacing(path) as partial, partial.open("wb") as file:
            file.write(len(header).to_bytes(8, "little") + header)
            for start in range(0, size, _BLOCK):
                file.write(content[start : start + _BLOCK])
    except OSError as error:
        raise PoolError(f"{path} cannot be written: {error.strerror or error}") from error


def _load(path: Path, kind: str, name: str) -> tuple[Tensor, dict[str, str]]:
    expected = kind.removeprefix("wildsr ")
    if not path.is_file():
        raise PoolError(f"{path} cannot be read as a {expected}: there is no such file")
    try:
        with safe_open(path, framework="pt") as file:
            header: dict[str, str] = file.metadata() or {}
            _check_kind(path, header.get("format", ""), kind)
            return file.get_tensor(name), header
    except SafetensorError as error:
        raise PoolError(
            f"{path} cannot be read as a {expected}: damaged, truncated, or another kind of file ({error}); "
            f"{_how_made(kind)}"
        ) from error
    except OSError as error:
        raise PoolError(f"{path} cannot be read: {error.strerror or error}") from error


def _check_kind(path: Path, found: str, kind: str) -> None:
    if found == f"{kind} {VERSION}":
        return
    expected = kind.removeprefix("wildsr ")
    if found.startswith(f"{kind} "):
        version = found.removeprefix(f"{kind} ")
        advice = "update wildsr, or make the pool again" if _newer(version) else "make the pool again"
        raise PoolError(
            f"{path} is a {expected} of version {version}, and this wildsr reads {VERSION}; {advice}"
        )
    other = {KERNELS: "a kernel pool", NOISE: "a noise pool"}.get(found.rpartition(" ")[0])
    if other is None:
        other = "a model file" if found.startswith("wildsr ") else "something else"
    raise PoolError(f"{path} is {other}, where a {expected} is needed; {_how_made(kind)}")


def _newer(version: Any) -> bool:
    return str(version).isdigit() and int(version) > VERSION


def _how_made(kind: str) -> str:
    return f"make one with: wildsr estimate {'kernels' if kind == KERNELS else 'noise'} FOLDER -o POOL"

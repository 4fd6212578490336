"""Kernels in the file format of KernelGAN and RealSR: one ``.mat`` file per image, variable ``Kernel``."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from wildsr.degradations.pools import KernelPool, PoolError, same_size
from wildsr.storage.mat_file import MatFileError, read_mat
from wildsr.storage.walk import files_below

VARIABLE = "Kernel"


def import_mat_kernels(source: Path, scale: int = 4) -> KernelPool:
    """Read a pool from a ``.mat`` file, or from every ``*_kernel_x<scale>.mat`` below a folder, sorted by path.

    If no file of a folder has such a name, all its ``.mat`` files are used. Kernels are not changed, except that
    smaller ones are padded with zeros.

    Raises:
        PoolError: there is none, one cannot be read, or is not a square kernel.
    """
    paths = _mat_files(source, scale)
    kernels = [_read_mat(path) for path in paths]
    return KernelPool(same_size(kernels), scale, tuple(path.name for path in paths))


def export_mat_kernels(pool: KernelPool, folder: Path) -> list[Path]:
    """Write ``<folder>/<name>/<name>_kernel_x<scale>.mat`` for each kernel, the layout of KernelGAN that RealSR reads.

    The name is that of the origin without its suffix, with a number appended if it was used before.

    Raises:
        PoolError: a file cannot be written, or SciPy is not installed.
    """
    written: list[Path] = []
    used: set[str] = set()
    for kernel, origin in zip(pool.kernels, pool.origins, strict=True):
        name = _unused(re.sub(r"_kernel_x\d+$", "", Path(origin).stem) or "kernel", used)
        path = folder / name / f"{name}_kernel_x{pool.scale}.mat"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _scipy_io().savemat(str(path), {VARIABLE: kernel.double().numpy()})
        except OSError as error:
            raise PoolError(f"{path} cannot be written: {error.strerror or error}") from error
        written.append(path)
    return written


def _mat_files(source: Path, scale: int) -> list[Path]:
    if source.is_file():
        return [source]
    every = sorted(files_below(source, {".mat"}))
    if not every:
        raise PoolError(f"{source} holds no .mat file")
    return [path for path in every if path.name.endswith(f"_kernel_x{scale}.mat")] or every


def _read_mat(path: Path) -> Tensor:
    try:
        content = read_mat(path)
    except OSError as error:
        raise PoolError(f"{path} cannot be read: {error.strerror or error}") from error
    except MatFileError as error:
        raise PoolError(f"{path} cannot be read as a .mat file ({error})") from error
    if VARIABLE not in content:
        names = ", ".join(content) or "none"
        raise PoolError(f"{path} has no variable '{VARIABLE}' (it has: {names})")
    values = content[VARIABLE]
    square = values.ndim == 2 and values.shape[0] == values.shape[1] > 0
    with np.errstate(over="ignore"):  # a number that float32 cannot hold becomes infinite
        finite = values.dtype.kind in "fiu" and np.isfinite(values.astype(np.float32)).all()
    if not square or not finite:
        raise PoolError(f"{path}: its '{VARIABLE}' is not a square table of finite numbers")
    return torch.from_numpy(values.astype(np.float64))


def _unused(name: str, used: set[str]) -> str:
    free, count = name, 2
    while free in used:
        free, count = f"{name}-{count}", count + 1
    used.add(free)
    return free


def _scipy_io() -> Any:
    try:
        import scipy.io
    except ImportError as error:
        raise PoolError("to write .mat files, run: pip install 'wildsr[estimate]'") from error
    return scipy.io

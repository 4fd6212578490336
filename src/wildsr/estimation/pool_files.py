"""From folders of photos to pool files: what ``wildsr estimate`` does."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from wildsr.degradations.mat_kernels import export_mat_kernels, import_mat_kernels
from wildsr.degradations.pools import KernelPool, save_kernel_pool, save_noise_pool
from wildsr.errors import UsageError
from wildsr.estimation.fast_kernels import FastSettings
from wildsr.estimation.kernel_pools import KernelRecord, estimate_all, pooled
from wildsr.estimation.kernelgan import KernelGANSettings, kernel_device
from wildsr.estimation.noise import NoiseRule, NoiseStatistics, collect_noise
from wildsr.estimation.overview import kernel_sheet, noise_sheet, write_sheet
from wildsr.estimation.sources import find_sources
from wildsr.ops.estimated_kernels import SIGNIFICANT
from wildsr.storage.evenly import evenly

OnProgress = Callable[[int, int, str], None]
"""Called with (amount done, amount in all, description)."""


@dataclass(frozen=True)
class KernelFile:
    """A written kernel pool.

    Attributes:
        kernels: number of kernels.
        known: how many of them an earlier, interrupted run had estimated.
        failures: names of images without a kernel, and reasons.
    """

    kernels: int
    known: int
    failures: list[tuple[str, str]]


def write_kernel_pool(
    places: Sequence[Path],
    output: Path,
    settings: KernelGANSettings | FastSettings,
    *,
    scale: int = 4,
    limit: int | None = None,
    batch: int = 16,
    device: str = "auto",
    threads: int | None = None,
    seed: int = 0,
    mat: Path | None = None,
    overwrite: bool = False,
    on_progress: OnProgress | None = None,
) -> KernelFile:
    """Estimate the kernels of photos with KernelGAN, and write them as a pool, with a PNG overview beside it.

    Finished kernels are kept in :func:`record_path` until the pool is written, so that an interrupted run continues.

    Args:
        places: folders of images, or images.
        output: the pool, ``.safetensors``.
        settings: of KernelGAN, the original or the fast one.
        scale: 2 or 4.
        limit: use at most this many images, evenly spaced in their order; None: all.
        batch: how many kernels are estimated together.
        device: ``auto`` (CUDA if there is one, else the CPU), or a device of PyTorch.
        threads: of PyTorch on a CPU; None: its default.
        seed: of each image.
        mat: a folder that also gets the kernels as ``.mat`` files; None: no such files.
        overwrite: replace an existing pool.
        on_progress: progress in iterations of all images.

    Raises:
        UsageError: the output cannot be written, or exists already.
        EstimationError: there are no images, or none of them gave a kernel.
        ValueError: the device is not available.
    """
    check_output(output, overwrite)
    if threads is not None:
        torch.set_num_threads(threads)
    chosen = kernel_device(device)
    sources = evenly(find_sources(places), limit)
    record = KernelRecord(record_path(output))
    total = len(sources) * settings.iterations

    def tell(done: int, iterations: int, doing: str) -> None:
        if on_progress is not None:
            on_progress(done * settings.iterations + iterations, total, doing)

    found = estimate_all(sources, settings, record, seed=seed, batch=batch, device=chosen, on_progress=tell)
    significant = settings.significant if isinstance(settings, FastSettings) else SIGNIFICANT
    pool = pooled(found, sources, scale, significant)
    _write(output, pool)
    if mat is not None:
        export_mat_kernels(pool, mat)
    record.path.unlink(missing_ok=True)
    return KernelFile(len(pool), found.known, found.failures)


def write_noise_pool(
    places: Sequence[Path],
    output: Path,
    rule: NoiseRule,
    *,
    limit: int | None = None,
    workers: int = 2,
    seed: int = 0,
    overwrite: bool = False,
    on_progress: OnProgress | None = None,
) -> tuple[int, NoiseStatistics]:
    """Collect noise patches from photos, and write them as a pool, with a PNG overview beside it.

    Returns:
        the number of patches in the pool, and what was found.

    Args:
        places: folders of images, or images.
        output: the pool, ``.safetensors``.
        rule: which patches are taken.
        limit: keep at most this many, chosen at random; None: all.
        workers: images that are read at the same time.
        seed: of that choice.
        overwrite: replace an existing pool.
        on_progress: progress in images.

    Raises:
        UsageError: the output cannot be written, or exists already.
        EstimationError: there are no images, or no patch fits the rule.
    """
    check_output(output, overwrite)
    sources = find_sources(places)
    done = 0

    def tell() -> None:
        nonlocal done
        done += 1
        if on_progress is not None:
            on_progress(done, len(sources), "looking for flat patches")

    pool, found = collect_noise(sources, rule, limit=limit, workers=workers, seed=seed, on_image=tell)
    save_noise_pool(output, pool)
    write_sheet(output.with_suffix(".png"), noise_sheet(pool))
    return len(pool), found


def import_kernel_pool(mats: Path, output: Path, scale: int, *, overwrite: bool = False) -> int:
    """Write the kernels of one or more ``.mat`` files as a pool, with an overview; returns how many there are.

    Raises:
        UsageError: the output cannot be written, or exists already.
        PoolError: the files hold no kernels.
    """
    check_output(output, overwrite)
    pool = import_mat_kernels(mats, scale)
    _write(output, pool)
    return len(pool)


def check_output(output: Path, overwrite: bool) -> None:
    """Raise ``UsageError`` before the work if the pool and its overview could not be written after it."""
    if output.suffix.lower() != ".safetensors":
        raise UsageError(f"{output} must end in .safetensors, as pools do")
    if not output.parent.is_dir():
        raise UsageError(f"{output} cannot be written: there is no folder {output.parent}; create it first")
    for path in (output, output.with_suffix(".png")):
        if path.exists() and not overwrite:
            raise UsageError(f"{path} exists already; use --overwrite to replace it")


def record_path(output: Path) -> Path:
    """Path of the record of finished kernels, until the pool ``output`` is written."""
    return output.with_name(f".{output.name}.done.jsonl")


def _write(output: Path, pool: KernelPool) -> None:
    save_kernel_pool(output, pool)
    write_sheet(output.with_suffix(".png"), kernel_sheet(pool))

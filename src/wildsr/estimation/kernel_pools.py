"""Kernel pools of many photos. Estimation is slow, so finished kernels are recorded and not computed again."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from wildsr.degradations.pools import KernelPool, same_size
from wildsr.estimation.errors import EstimationError
from wildsr.estimation.fast_kernels import FastSettings, fast_kernels, start_of_photo
from wildsr.estimation.kernelgan import CropSource, KernelGANSettings, estimate_kernels, finished
from wildsr.estimation.sources import Source
from wildsr.image import ImageError, read_levels
from wildsr.image.jpeg_facts import JpegFacts, read_jpeg_facts
from wildsr.ops.estimated_kernels import SIGNIFICANT

LARGEST = 2048
"""Larger images are cropped to this side at their centre: the size of the images of RealSR's two datasets."""


@dataclass
class Estimated:
    """Kernels and failures of some images.

    Attributes:
        kernels: the raw x2 kernels (13, 13) by the names of their images.
        known: how many of them are from the record of an earlier run.
        failures: names of images without a kernel, and reasons.
    """

    kernels: dict[str, Tensor] = field(default_factory=dict)
    known: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)


class KernelRecord:
    """A file of finished kernels, one JSON object per line, written as soon as a kernel is known.

    A kernel is only reused for the same file, settings and seed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: dict[str, list[list[float]]] = {}
        if not path.is_file():
            return
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                entry = json.loads(line)
                self._known[entry["key"]] = entry["kernel"]
            except (ValueError, KeyError, TypeError):
                continue  # the incomplete last line of a killed run

    def get(self, key: str) -> Tensor | None:
        """The kernel of a key, (13, 13) float32, or None."""
        values = self._known.get(key)
        return None if values is None else torch.tensor(values, dtype=torch.float32)

    def add(self, entries: Sequence[tuple[str, str, Tensor]]) -> None:
        """Append kernels with their keys and the names of their images."""
        with self.path.open("a", encoding="utf-8") as file:
            for key, name, kernel in entries:
                # The leading newline separates it from an incomplete line of an earlier run.
                file.write("\n" + json.dumps({"key": key, "picture": name, "kernel": kernel.tolist()}) + "\n")
            file.flush()
            os.fsync(file.fileno())


def estimate_all(
    sources: Sequence[Source],
    settings: KernelGANSettings | FastSettings,
    record: KernelRecord,
    *,
    seed: int = 0,
    batch: int = 16,
    device: str = "cpu",
    on_progress: Callable[[int, int, str], None] | None = None,
) -> Estimated:
    """Estimate the kernel of every image, ``batch`` at a time.

    Args:
        sources: the images.
        settings: of KernelGAN, the original or the fast one.
        record: of finished kernels; extended after each batch.
        seed: for every image.
        batch: how many are estimated together; larger is faster, if memory allows.
        device: where to compute.
        on_progress: called with the images done before this batch, the iterations of this batch times its
            images, and a description.
    """
    result = Estimated()
    keys = {source.name: _key(source.path, settings, seed) for source in sources}
    todo = []
    for source in sources:
        kernel = record.get(keys[source.name])
        if kernel is None:
            todo.append(source)
        else:
            result.kernels[source.name] = kernel
            result.known += 1
    for group in _batches(todo, settings, seed, batch, result):
        done = len(result.kernels) + len(result.failures)

        def tell(iteration: int, done: int = done, count: int = len(group)) -> None:
            if on_progress is not None:
                on_progress(done, iteration * count, f"{count} images at once")

        crops = [one.crops for one in group]
        if isinstance(settings, FastSettings):
            starts = [one.start for one in group]
            kernels = fast_kernels(crops, starts, settings, device=device, on_iteration=tell)
        else:
            kernels = estimate_kernels(crops, settings, device=device, on_iteration=tell)
        named = [(one.source.name, kernel) for one, kernel in zip(group, kernels, strict=True)]
        record.add([(keys[name], name, kernel) for name, kernel in named])
        result.kernels.update(named)
    return result


def pooled(
    estimated: Estimated, sources: Sequence[Source], scale: int, significant: int = SIGNIFICANT
) -> KernelPool:
    """The pool for ``scale`` of estimated kernels, in the order of ``sources``; unusable ones join the failures.

    ``significant`` is for :func:`wildsr.estimation.kernelgan.finished`.

    Raises:
        EstimationError: there is no kernel.
    """
    kernels, names = [], []
    for source in sources:
        raw = estimated.kernels.get(source.name)
        if raw is None:
            continue
        try:
            kernels.append(finished(raw, scale, significant))
            names.append(source.name)
        except EstimationError as error:
            estimated.failures.append((source.name, str(error)))
    if not kernels:
        reasons = "".join(f"\n  {name}: {reason}" for name, reason in estimated.failures[:5])
        raise EstimationError(f"none of the {len(sources)} images gave a kernel:{reasons}")
    return KernelPool(same_size(kernels), scale, tuple(names))


def central_crop(levels: Tensor, largest: int = LARGEST) -> Tensor:
    """The central crop of (3, H, W), at most ``largest`` on each side."""
    height, width = levels.shape[-2:]
    top, left = (max(0, (side - largest) // 2) for side in (height, width))
    return levels[:, top : top + largest, left : left + largest]


class _Prepared(NamedTuple):
    """An image, its crops, and the kernel that the fast estimation starts from; empty for the original."""

    source: Source
    crops: CropSource
    start: Tensor


def _batches(
    sources: Sequence[Source],
    settings: KernelGANSettings | FastSettings,
    seed: int,
    size: int,
    result: Estimated,
) -> Iterator[list[_Prepared]]:
    group: list[_Prepared] = []
    for source in sources:
        try:
            levels = central_crop(read_levels(source.path)[0])
            if isinstance(settings, FastSettings):
                crops = CropSource(levels, settings.crops(), seed)
                group.append(_Prepared(source, crops, start_of_photo(levels, _jpeg_facts(source.path))))
            else:
                group.append(_Prepared(source, CropSource(levels, settings, seed), torch.empty(0)))
        except (ImageError, EstimationError) as error:
            result.failures.append((source.name, str(error)))
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group


def _jpeg_facts(path: Path) -> JpegFacts | None:
    try:
        return read_jpeg_facts(path)
    except ImageError:
        return None


def _key(path: Path, settings: KernelGANSettings | FastSettings, seed: int) -> str:
    """A digest of everything a kernel depends on."""
    try:
        status = path.stat()
    except OSError:
        return ""  # reading it will report the reason
    facts = [status.st_size, status.st_mtime_ns, str(path.resolve()), asdict(settings), seed, LARGEST]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]

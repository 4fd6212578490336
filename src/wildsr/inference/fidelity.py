"""Measures whether a network is accurate enough in half precision. Imports torch only to measure."""

import hashlib
import math
from pathlib import Path

import numpy as np

from wildsr.inference.engine import Array, Maker, NotFinite
from wildsr.storage.atomic import write_text
from wildsr.storage.caches import cache_folder

FAITHFUL = 48.0
"""PSNR in dB to float32 above which precision ``auto`` uses half precision. At 48 dB the difference has a
standard deviation of one level of 8 bits."""


def is_faithful(make: Maker, identity: str) -> bool:
    """Whether half precision keeps :data:`FAITHFUL` dB to float32 on a fixed image; the result is cached."""
    half = make(True)
    path = _cache_path(f"{half.version} {identity} {half.name}")
    try:
        return float(path.read_text()) >= FAITHFUL
    except (OSError, ValueError):
        probe = _probe()
    try:
        approximate = half.start(probe, False)()
        decibels = _compare(approximate, make(False).start(probe, False)())
    except NotFinite:
        decibels = 0.0
    _store(path, decibels)
    return decibels >= FAITHFUL


def _compare(half: Array, exact: Array) -> float:
    error = float(np.square(half.astype(np.float64) - exact).mean())
    return -10 * math.log10(max(error, 1e-12)) if math.isfinite(error) else 0.0


def _probe() -> Array:
    """An image (1, 3, 64, 64) with shading, edges, texture and noise, as photos have."""
    import torch

    generator = torch.Generator().manual_seed(1)
    axis = torch.linspace(0, 1, 64)
    shading = (axis[:, None] * 0.6 + axis[None, :] * 0.3).expand(3, 64, 64)
    edges = 0.25 * (((axis[:, None] * 9 + axis[None, :] * 5) % 2) > 1).float()
    texture = torch.nn.functional.interpolate(
        torch.rand(1, 3, 32, 32, generator=generator), size=(64, 64), mode="bilinear", align_corners=False
    )
    noise = torch.randn(1, 3, 64, 64, generator=generator)
    image: Array = (shading + edges + 0.2 * texture + 0.02 * noise - 0.1).clamp(0, 1).numpy()
    return image


def _cache_path(what: str) -> Path:
    digest = hashlib.sha256(what.encode()).hexdigest()[:32]
    return cache_folder("fidelity") / digest


def _store(path: Path, decibels: float) -> None:
    """Cache the value if possible; without a writable cache it is measured again next time."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, f"{decibels:.3f}\n")
    except OSError:
        return

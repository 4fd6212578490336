"""Measures whether a network is accurate enough in half precision."""

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
    generator = np.random.default_rng(1)
    axis = np.linspace(0, 1, 64)
    shading = axis[:, None] * 0.6 + axis * 0.3
    edges = 0.25 * ((axis[:, None] * 9 + axis * 5) % 2 > 1)
    # Smooth between random values at every second pixel.
    values = np.repeat(np.repeat(generator.random((3, 32, 32)), 2, -1), 2, -2)
    texture = sum(np.roll(values, shift, (-2, -1)) for shift in ((0, 0), (0, 1), (1, 0), (1, 1))) / 4
    noise = generator.standard_normal((3, 64, 64))
    image = shading + edges + 0.2 * texture + 0.02 * noise - 0.1
    return image.clip(0, 1).astype(np.float32)[None]


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

"""Noise patches of other photos for the training (``--noise-from``), as RWSR-EDL takes them from an auxiliary set."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from wildsr.degradations.pools import NoisePool
from wildsr.errors import UsageError
from wildsr.estimation.errors import EstimationError
from wildsr.estimation.inventory import take_inventory
from wildsr.estimation.profile import estimate_profile
from wildsr.storage.evenly import evenly

_MOST_PHOTOS = 40


def other_noise(folder: Path, seconds: float, seed: int) -> NoisePool:
    """The noise patches of the photos in ``folder``, at most 40 of them evenly chosen, for about ``seconds``.

    Raises:
        UsageError: there are no usable photos, or none has a flat area with noise.
    """
    try:
        inventory = take_inventory([folder])
        usable = inventory.usable
        if not usable:
            reasons = "; ".join(f"{name}: {reason}" for name, reason in inventory.problems[:3])
            raise UsageError(f"--noise-from: {folder} has no usable photo. {reasons}")
        pool = estimate_profile(evenly(usable, _MOST_PHOTOS), seconds=seconds, seed=seed).noise_pool
    except EstimationError as error:
        raise UsageError(f"--noise-from: {error}") from error
    if pool is None:
        count = f"{len(usable)} photo{'' if len(usable) == 1 else 's'}"
        raise UsageError(
            f"--noise-from: no flat area with noise was found in {folder} ({count}). Give photos with a sky, a wall or "
            "a background out of focus, as they come from the camera, or leave --noise-from out"
        )
    return pool


def joined(own: NoisePool | None, other: NoisePool) -> NoisePool:
    """Both pools as one; smaller patches are extended by reflection."""
    if own is None:
        return other
    side = max(own.patches.shape[-1], other.patches.shape[-1])
    patches = torch.cat([_extended(pool.patches, side) for pool in (own, other)])
    return NoisePool(patches, (*own.origins, *other.origins))


def _extended(patches: Tensor, side: int) -> Tensor:
    missing = side - patches.shape[-1]
    if not missing:
        return patches
    padded = np.pad(patches.numpy(), ((0, 0), (0, 0), (0, missing), (0, missing)), mode="symmetric")
    return torch.from_numpy(padded)

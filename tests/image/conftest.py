"""Fixtures of the image tests."""

from pathlib import Path

import numpy as np
import pytest
from image_samples import Copy

from wildsr import image


@pytest.fixture
def copy() -> Copy:
    """Read a file and write it again, unscaled: read -> paste -> write. Returns what was read."""

    def through(source: Path, target: Path, **options: object) -> "image.Image":
        decoded = image.read(source)
        _, _, height, width = decoded.rgb.shape
        with image.Canvas(height, width, decoded.traits) as canvas:
            canvas.paste(0, 0, decoded.rgb[..., : height // 2, :])
            canvas.paste(height // 2, 0, decoded.rgb[0, :, height // 2 :])
            image.write(target, canvas, alpha=decoded.alpha, **options)  # type: ignore[arg-type]
        return decoded

    return through


@pytest.fixture(scope="session")
def photograph() -> np.ndarray:
    """96 x 128 x 3 uint8 of a real photograph."""
    from skimage import data

    return np.ascontiguousarray(data.astronaut()[40:232:2, 160:416:2])

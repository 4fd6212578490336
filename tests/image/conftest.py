"""Fixtures of the picture tests."""

from pathlib import Path

import numpy as np
import pytest
from picture_samples import Copy

from wildsr import image


@pytest.fixture
def copy() -> Copy:
    """Read a file and write it again, unscaled: read -> paste -> write. Returns what was read."""

    def through(source: Path, target: Path, **options: object) -> "image.Picture":
        picture = image.read(source)
        _, _, height, width = picture.rgb.shape
        with image.Canvas(height, width, picture.traits) as canvas:
            canvas.paste(0, 0, picture.rgb[..., : height // 2, :])
            canvas.paste(height // 2, 0, picture.rgb[0, :, height // 2 :])
            image.write(target, canvas, alpha=picture.alpha, **options)  # type: ignore[arg-type]
        return picture

    return through


@pytest.fixture(scope="session")
def photograph() -> np.ndarray:
    """96 x 128 x 3 uint8 of a real photograph."""
    from skimage import data

    return np.ascontiguousarray(data.astronaut()[40:232:2, 160:416:2])

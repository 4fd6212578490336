"""8-bit levels of a file, read strip by strip."""

from pathlib import Path

import numpy as np
import pytest
import torch
from image_samples import ADOBE, icc_profile, saturated

from wildsr.image import Canvas, Traits, quantize, read, read_levels, reader, write


def saved(path: Path, traits: Traits, alpha: torch.Tensor | None = None) -> Path:
    pixels = torch.from_numpy(saturated(np.uint8)).permute(2, 0, 1).float() / 255
    canvas = Canvas(pixels.shape[1], pixels.shape[2], traits)
    canvas.paste(0, 0, pixels)
    write(path, canvas, alpha=alpha)
    return path


@pytest.mark.parametrize(
    "traits",
    [
        Traits(),
        Traits(depth="uint16", bits=16),
        Traits(grey=True),
        Traits(depth="float", bits=32),
        Traits(profile=icc_profile(ADOBE, (2.2,)), convert=True),
    ],
    ids=["8 bits", "16 bits", "grey", "float", "Adobe RGB"],
)
def test_as_read_but_rounded(tmp_path: Path, traits: Traits, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_STRIP", 300)  # strips of six rows
    path = saved(tmp_path / "image.tif", traits)
    assert torch.equal(read_levels(path), quantize(read(path).rgb))


def test_transparency_lies_over_the_background(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_STRIP", 300)
    alpha = torch.ones(1, 1, 40, 48)
    alpha[..., :20, :] = 0
    path = saved(tmp_path / "image.png", Traits(), alpha)
    levels = read_levels(path)
    assert levels.dtype == torch.uint8
    assert bool((levels[..., :20, :] == 255).all())
    assert torch.equal(levels[..., 20:, :], quantize(read(path).rgb)[..., 20:, :])
    assert bool((read_levels(path, background=0.0)[..., :20, :] == 0).all())

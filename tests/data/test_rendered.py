"""Rendered images: of every kind, determined by the generator, and mixed into training samples."""

from pathlib import Path

import numpy as np
import pytest
import torch

from image_folders import save_folder
from wildsr.data import rendered
from wildsr.data.datasets import DegradedPairs
from wildsr.data.image_sets import find_images
from wildsr.data.patches import Picker
from wildsr.data.rendered import render_image
from wildsr.degradations.presets import preset


@pytest.mark.parametrize("kind", ["_leaves", "_page", "_lines"])
def test_every_kind_draws_something(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    chosen = getattr(rendered, kind)
    for name in ("_leaves", "_page", "_lines"):
        monkeypatch.setattr(rendered, name, chosen)
    for seed in range(8):
        image = render_image(np.random.default_rng(seed), 96)
        assert image.shape == (3, 96, 96)
        assert image.dtype == torch.uint8
        assert image.float().std() > 1
        assert torch.equal(image, render_image(np.random.default_rng(seed), 96))
    assert not torch.equal(image, render_image(np.random.default_rng(8), 96))


def test_leaves_cover_each_other_in_all_sizes() -> None:
    """Few flat neighbours would mean noise, only flat ones an empty page."""
    images = [rendered._leaves(np.random.default_rng(seed), 256) for seed in range(6)]
    for image in images:
        levels = torch.from_numpy(np.array(image)).int()
        flat = float((levels[:, 1:] == levels[:, :-1]).all(-1).float().mean())
        assert 0.6 < flat < 0.995


def test_the_share_of_drawn_patches(tmp_path: Path) -> None:
    images = find_images(save_folder(tmp_path, 1), 64)

    def patches(share: float) -> list[torch.Tensor]:
        dataset = DegradedPairs(
            Picker(images, 0), preset("clean"), 64, 16, seed=0, augment="none", rendered=share
        )
        return [dataset.sample(index)["hr"] for index in range(40)]

    of_images, mixed, of_drawings = patches(0), patches(0.5), patches(1)
    known = images[0].float() / 255

    def is_cut(patch: torch.Tensor) -> bool:
        places = known.unfold(1, 64, 1).unfold(2, 64, 1)
        return bool((places == patch[:, None, None]).all(-1).all(-1).all(0).any())

    assert all(map(is_cut, of_images))
    assert not any(map(is_cut, of_drawings))
    assert 10 < sum(map(is_cut, mixed)) < 30

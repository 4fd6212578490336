"""LR patches of the whole image, and several patches of one image."""

from collections import Counter
from pathlib import Path

import numpy as np
import torch

from image_folders import photograph, save, save_folder
from wildsr.data.datasets import SHUFFLED, PairsInContext, Unpaired
from wildsr.data.image_sets import find_images
from wildsr.data.patches import Picker
from wildsr.degradations.methods.corruptions import Corruption
from wildsr.ops.resize import imresize
from wildsr.recipes.builtin import RECIPES


def test_lr_patches_are_those_of_the_whole_image(tmp_path: Path) -> None:
    save(tmp_path / "0.png", photograph(0, 131, 118))
    images = find_images(tmp_path, 96)
    whole = imresize(images[0][..., :128, :116].float()[None] / 255, 1 / 4)[0]
    settings = RECIPES["rrdb-psnr"].data.model_copy(update={"folder": tmp_path, "augment": "none"})
    dataset = settings.build(4, 0).dataset
    assert isinstance(dataset, PairsInContext)
    places = set()
    for index in range(40):
        sample = dataset.sample(index)
        assert {role: tuple(part.shape) for role, part in sample.items()} == {
            "lr": (3, 24, 24),
            "hr": (3, 96, 96),
        }
        windows = whole.unfold(1, 24, 1).unfold(2, 24, 1)
        distances = (windows - sample["lr"][:, None, None]).abs().amax((0, 3, 4))
        top, left = np.unravel_index(int(distances.argmin()), distances.shape)
        assert distances[top, left] < 1e-6
        places.add((int(top), int(left)))
        hr = images[0][:, 4 * top : 4 * top + 96, 4 * left : 4 * left + 96].float() / 255
        assert torch.equal(sample["hr"], hr)
    assert len(places) > 20
    assert {top for top, _ in places} == set(range(9)), "every row is as likely, also those at the border"


def test_values_between_and_beyond_levels_stay() -> None:
    edge = torch.zeros(1, 3, 32, 32)
    edge[..., 13:] = 1
    steps = {}
    for values in ("rounded", "clamped", "exact"):
        how = Corruption(4, values=values)
        steps[values] = how.apply(edge, [how.sample(np.random.default_rng(0), (32, 32))])
    exact = imresize(edge, 1 / 4)
    assert exact.min() < -0.01
    assert torch.equal(steps["exact"], exact)
    assert torch.equal(steps["clamped"], exact.clamp(0, 1))
    assert torch.equal(steps["rounded"], (exact.clamp(0, 1) * 255).round() / 255)
    assert RECIPES["dsgan"].data.build_degradation(4) == Corruption(4, values="clamped")


def test_sixteen_patches_of_each_image_are_shuffled(tmp_path: Path) -> None:
    for number in range(70):
        save(tmp_path / f"{number:02}.png", photograph(number, 12, 12) * 0 + number / 255)
    images = find_images(tmp_path, 12)
    images.keep()
    dataset = Unpaired(Picker(images, 5), Picker(images, 5, role=1), "lr_real", 8, 4, 5, "mirror", crops=16)
    numbers = [
        tuple(round(float(sample[role].mean()) * 255) for role in ("hr", "lr_real"))
        for sample in map(dataset.sample, range(SHUFFLED))
    ]
    for role in (0, 1):
        assert set(Counter(pair[role] for pair in numbers).values()) == {16}
    assert len({hr for hr, _ in numbers[:16]}) > 8, "a batch is not of one image"
    pairs = Counter(numbers)
    assert set(pairs.values()) == {16}, "images are zipped before patches are shuffled"


def test_the_patches_of_an_image_are_flipped_alike(tmp_path: Path) -> None:
    ramp = torch.linspace(0.1, 0.9, 40).expand(3, 40, 40)
    save(tmp_path / "ramp.png", ramp)
    images = find_images(tmp_path, 16)
    images.keep()
    dataset = Unpaired(Picker(images, 1), Picker(images, 1, role=1), "lr_real", 16, 8, 1, "mirror", crops=16)
    flipped = Counter(
        bool(sample["hr"][0, 0, 0] > sample["hr"][0, 0, -1])
        for sample in map(dataset.sample, range(SHUFFLED))
    )
    assert set(flipped) == {False, True}
    assert all(count % 16 == 0 for count in flipped.values())


def test_ddnsr_takes_sixteen_patches_of_each_image(tmp_path: Path) -> None:
    save_folder(tmp_path / "HR", 1, 160, 160)
    save_folder(tmp_path / "LR", 1, 64)
    data = RECIPES["ddnsr-track1"].data.model_copy(update={"folder": tmp_path})
    dataset = data.build(4, 0).dataset
    assert isinstance(dataset, Unpaired)
    assert dataset.crops == 16

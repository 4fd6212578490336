"""Samples depend on the seed and their number alone, and their parts belong together."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from image_folders import damage, photograph, save, save_folder, save_pairs
from wildsr.data.datasets import Dataset, DegradedPairs, FolderPairs, Unpaired
from wildsr.data.errors import DataError
from wildsr.data.image_sets import find_images
from wildsr.data.pairs import find_pairs
from wildsr.data.patches import Augment, Picker
from wildsr.degradations.methods.wild import Wild
from wildsr.degradations.pools import NoisePool
from wildsr.degradations.presets import preset


def degraded(folder: Path, seed: int = 0, kept: bool = False) -> DegradedPairs:
    images = find_images(folder, 64)
    if kept:
        images.keep()
    return DegradedPairs(Picker(images, seed), preset("light"), 64, 12, seed)


def paired(folder: Path, augment: Augment = "all", noise: NoisePool | None = None) -> FolderPairs:
    lr, hr = find_pairs(folder / "LR", folder / "HR", 4, 8)
    return FolderPairs(Picker(lr, 3), Picker(hr, 3), 4, 8, 3, augment, noise)


def equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[role], other[role]) for role in one)


def test_samples_are_pure_in_seed_and_number(tmp_path: Path) -> None:
    save_folder(tmp_path, 3)
    first, kept = degraded(tmp_path), degraded(tmp_path, kept=True)
    forwards = [first.sample(index) for index in range(5)]
    assert all(equal(degraded(tmp_path).sample(index), forwards[index]) for index in (4, 1))
    assert all(equal(kept.sample(index), forwards[index]) for index in (2, 3))
    assert not equal(degraded(tmp_path, seed=1).sample(0), forwards[0])
    assert not equal(forwards[0], forwards[3])
    assert {role: tuple(part.shape) for role, part in forwards[0].items()} == {
        "lr": (3, 12, 12),
        "hr": (3, 48, 48),
    }
    assert all(part.min() >= 0 and part.max() <= 1 for sample in forwards for part in sample.values())


def test_each_image_comes_once_before_any_comes_again(tmp_path: Path) -> None:
    picker = Picker(find_images(save_folder(tmp_path, 5), 16), seed=2)
    numbers = [picker.number(index, np.random.default_rng(0)) for index in range(20)]
    orders = [tuple(numbers[start : start + 5]) for start in range(0, 20, 5)]
    assert all(sorted(order) == [0, 1, 2, 3, 4] for order in orders)
    assert len(set(orders)) > 1


def test_large_images_weigh_more_by_area(tmp_path: Path) -> None:
    save(tmp_path / "large.png", photograph(0, 120, 120))
    save(tmp_path / "small.png", photograph(0, 40, 40))
    picker = Picker(find_images(tmp_path, 16), 0, "area")
    rng = np.random.default_rng(0)
    share = sum(picker.number(index, rng) == 0 for index in range(2000)) / 2000
    assert share == pytest.approx(0.9, abs=0.03)


@pytest.mark.parametrize("augment", ["none", "mirror", "all"])
def test_pairs_stay_in_register(tmp_path: Path, augment: Augment) -> None:
    dataset = paired(save_pairs(tmp_path, 3), augment)
    for index in range(24):
        sample = dataset.sample(index)
        assert sample["lr"].shape == (3, 8, 8)
        # LR is one pixel of every 4x4 square of HR; turned, it may be another one of the four corners
        corners = [sample["hr"][:, top::4, left::4] for top in (0, 3) for left in (0, 3)]
        assert any(torch.equal(sample["lr"], corner) for corner in corners)


def test_a_degraded_patch_lies_where_it_is_cut(tmp_path: Path) -> None:
    images = find_images(save_folder(tmp_path, 2), 64)
    dataset = DegradedPairs(Picker(images, 0), preset("bicubic"), 64, 8, 0)
    for index in range(4):
        sample = dataset.sample(index)
        means = torch.nn.functional.avg_pool2d(sample["hr"], 4)
        assert (means - sample["lr"]).abs().mean() < 0.04
        assert (means - sample["lr"].roll(2, -1)).abs().mean() > (means - sample["lr"]).abs().mean()


def test_sharpening_keeps_the_image_as_it_was(tmp_path: Path) -> None:
    images = find_images(save_folder(tmp_path, 1), 64)
    dataset = DegradedPairs(Picker(images, 0), preset("bicubic"), 64, 8, 0, sharpen=lambda image: 1 - image)
    sample = dataset.sample(0)
    assert torch.equal(sample["hr"], 1 - sample["hr_reference"])
    means = torch.nn.functional.avg_pool2d(sample["hr"], 4)
    assert (means - sample["lr"]).abs().mean() < 0.04


def test_the_original_can_be_degraded_instead_of_the_sharpened_image(tmp_path: Path) -> None:
    images = find_images(save_folder(tmp_path, 1), 64)
    dataset = DegradedPairs(
        Picker(images, 0), preset("bicubic"), 64, 8, 0, sharpen=lambda image: 1 - image, degrade_original=True
    )
    sample = dataset.sample(0)
    assert torch.equal(sample["hr"], 1 - sample["hr_reference"])
    means = torch.nn.functional.avg_pool2d(sample["hr_reference"], 4)
    assert (means - sample["lr"]).abs().mean() < 0.04


def test_defocused_patches_are_blurred_in_both_images_of_the_pair(tmp_path: Path) -> None:
    images = find_images(save_folder(tmp_path, 1), 64)

    def sample(degradation: str, share: float) -> dict[str, Tensor]:
        return DegradedPairs(
            Picker(images, 0), preset(degradation), 64, 16, 0, augment="none", defocused=share
        ).sample(0)

    def detail(image: Tensor) -> float:
        return (image[..., 1:] - image[..., :-1]).abs().mean().item()

    sharp, blurred = sample("clean", 0), sample("clean", 1)
    assert detail(blurred["hr"]) < 0.4 * detail(sharp["hr"])
    assert detail(blurred["lr"]) < 0.8 * detail(sharp["lr"])
    means = torch.nn.functional.avg_pool2d(blurred["hr"], 4)
    assert (means - blurred["lr"]).abs().mean() < 0.01


def test_strong_degradations_are_not_defocused(tmp_path: Path) -> None:
    images = find_images(save_folder(tmp_path, 1), 64)
    strong = Wild(light=0, compressed=0, clean=0)
    pairs = [DegradedPairs(Picker(images, 0), strong, 64, 12, 0, defocused=share) for share in (0, 1)]
    for index in range(3):
        sharp, other = (pair.sample(index)["hr"] for pair in pairs)
        assert torch.equal(sharp, other)


def test_noise_is_added_to_lr_alone(tmp_path: Path) -> None:
    save_pairs(tmp_path, 2)
    generator = torch.Generator().manual_seed(0)
    flat = NoisePool(torch.full((2, 3, 16, 16), 90, dtype=torch.uint8), ("a", "b"))
    rough = NoisePool(torch.randint(256, (2, 3, 16, 16), generator=generator, dtype=torch.uint8), ("a", "b"))
    plain = paired(tmp_path).sample(5)
    assert torch.allclose(paired(tmp_path, noise=flat).sample(5)["lr"], plain["lr"], atol=1e-6)
    noisy = paired(tmp_path, noise=rough).sample(5)
    assert torch.equal(noisy["hr"], plain["hr"])
    assert (noisy["lr"] - plain["lr"]).abs().mean() > 0.05
    assert noisy["lr"].min() >= 0
    assert noisy["lr"].max() <= 1


def test_unpaired_images_and_patches_of_the_same(tmp_path: Path) -> None:
    hr = find_images(save_folder(tmp_path / "HR", 3), 64)
    source = find_images(save_folder(tmp_path / "source", 2, 40, 40), 16)
    dataset = Unpaired(Picker(hr, 0), Picker(source, 0, role=1), "lr_real", 64, 16, 0)
    shapes = {role: tuple(part.shape) for role, part in dataset.sample(0).items()}
    assert shapes == {"hr": (3, 64, 64), "lr_real": (3, 16, 16)}
    dataset = Unpaired(Picker(hr, 0), None, "source", 64, 16, 0, "none", preset("bicubic"))
    sample = dataset.sample(1)
    assert sample["lr"].shape == (3, 16, 16)
    places = sample["hr"].unfold(1, 16, 1).unfold(2, 16, 1)
    assert (places == sample["source"][:, None, None]).all((0, 3, 4)).any()


def test_what_is_damaged_is_left_out_the_same_in_memory_or_not(tmp_path: Path) -> None:
    save_folder(tmp_path, 25, 64, 64)
    damage(tmp_path / "03.png")
    outside, inside = degraded(tmp_path), degraded(tmp_path, kept=True)
    assert len(inside.hr.images.unreadable) == 1
    assert "03.png" in inside.hr.images.unreadable[0]
    for index in range(25):
        assert equal(outside.sample(index), inside.sample(index))
    assert list(outside.hr.problems) == list(inside.hr.problems) == ["03.png"]


@pytest.mark.parametrize("kept", [True, False])
def test_too_much_damage_is_an_error(tmp_path: Path, kept: bool) -> None:
    save_folder(tmp_path, 6, 64, 64)
    damage(tmp_path / "03.png")

    def use(dataset: Dataset) -> None:
        for index in range(6):
            dataset.sample(index)

    with pytest.raises(DataError, match=r"1 of 6 images cannot be read, more than 5%(.|\n)*03.png"):
        use(degraded(tmp_path, kept=kept))

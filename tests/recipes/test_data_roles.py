"""Folders of unpaired data: names of NTIRE 2020, and several ``--data``."""

from pathlib import Path

import pytest

from image_folders import save_folder
from wildsr.recipes.builtin import RECIPES
from wildsr.recipes.config import Recipe
from wildsr.recipes.errors import RecipeError
from wildsr.recipes.overrides import Overrides


def mixed(*folders: Path) -> Recipe:
    small = ("data.hr_patch=64", "data.lr_patch=16", "data.memory=false")
    return Overrides(data=folders, changes=small).applied(RECIPES["ddnsr-track2-mixed"])


@pytest.mark.parametrize(
    ("source", "target"),
    [("LR", "HR"), ("Corrupted-tr-x", "Corrupted-tr-y"), ("DPEDiphone-tr-x", "DPEDiphone-tr-y")],
)
def test_folders_of_ntire_are_found(tmp_path: Path, source: str, target: str) -> None:
    save_folder(tmp_path / source, 2)
    save_folder(tmp_path / target, 3)
    images = mixed(tmp_path).data.build(4, 0).images
    assert (len(images["LR"]), len(images["HR"])) == (2, 3)


def test_layout_of_wildsr_data_serves_dsgan(tmp_path: Path) -> None:
    save_folder(tmp_path / "train-source", 2)
    save_folder(tmp_path / "train-target", 3)
    small = ("data.same=false", "data.hr_patch=64", "data.source_patch=16")
    recipe = Overrides(data=(tmp_path,), changes=small).applied(RECIPES["dsgan"])
    images = recipe.data.build(4, 0).images
    assert (len(images["source"]), len(images["HR"])) == (2, 3)


def test_two_folders_of_hr_are_mixed(tmp_path: Path) -> None:
    save_folder(tmp_path / "ntire" / "DPEDiphone-tr-x", 2)
    save_folder(tmp_path / "ntire" / "DPEDiphone-tr-y", 1)
    save_folder(tmp_path / "cleaned", 3)
    images = mixed(tmp_path / "ntire", tmp_path / "cleaned").data.build(4, 0).images
    assert (len(images["LR"]), len(images["HR"])) == (2, 4)
    only_lr = tmp_path / "phone"
    save_folder(only_lr / "LR", 1)
    images = mixed(only_lr, tmp_path / "cleaned").data.build(4, 0).images
    assert (len(images["LR"]), len(images["HR"])) == (1, 3)


def test_two_folders_of_lr_are_refused(tmp_path: Path) -> None:
    for name in "ab":
        save_folder(tmp_path / name / "LR", 1)
    with pytest.raises(RecipeError, match=r"both hold real LR images; name one with --set data\.lr"):
        mixed(tmp_path / "a", tmp_path / "b")

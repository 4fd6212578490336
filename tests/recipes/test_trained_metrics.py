"""The metrics among the losses of a recipe, as written into the header of its model."""

from pathlib import Path

import torch
from safetensors.torch import save_file

from wildsr.recipes.builtin import RECIPES
from wildsr.recipes.config import (
    FlatConfig,
    GridConfig,
    L1Config,
    L2Config,
    LossConfig,
    LpipsConfig,
    PixelObjectiveConfig,
    SSIMConfig,
    TeacherConfig,
)
from wildsr.recipes.run import run_of
from wildsr.recipes.yaml import changed


def test_metrics_among_the_losses() -> None:
    terms: dict[str, LossConfig] = {
        "pixel": L2Config(),
        "perceptual": LpipsConfig(backbone="squeeze"),
        "pattern": GridConfig(weight=3000),
        "absolute": L1Config(),
        "unused": SSIMConfig(weight=0),
    }
    assert PixelObjectiveConfig(terms=terms).trained_metrics() == ("grid", "lpips-squeeze", "psnr")
    assert PixelObjectiveConfig(terms={"absolute": L1Config()}).trained_metrics() == ()


def test_losses_against_the_output_of_a_teacher_count_too() -> None:
    teacher = TeacherConfig(model="wildsr-photo-x4", terms={"pattern": GridConfig(period=4)})
    objective = PixelObjectiveConfig(terms={"flat": FlatConfig()}, teacher=teacher)
    assert objective.trained_metrics() == ("flat-noise", "grid")


def test_the_header_of_a_trained_model_lists_them() -> None:
    header = run_of(RECIPES["wildsr-compact-x4"], Path("run")).header
    assert header["trained_on"] == "grid, lpips-alex, lpips-squeeze, psnr"
    assert "trained_on" not in run_of(RECIPES["bsrnet-x4"], Path("run")).header


def test_metrics_that_the_initial_weights_were_trained_on_are_listed_too(tmp_path: Path) -> None:
    start = tmp_path / "start.safetensors"
    save_file({"weight": torch.zeros(1)}, start, {"trained_on": "ssim"})
    recipe = changed(RECIPES["bsrnet-x4"], [f"networks.generator.start={start}"], "")
    assert run_of(recipe, tmp_path).header["trained_on"] == "ssim"
    recipe = changed(recipe, ["networks.generator.start=wildsr-compact-x4"], "")
    assert "lpips-alex" in run_of(recipe, tmp_path).header["trained_on"]
    recipe = changed(recipe, [f"networks.generator.start={tmp_path / 'missing.pth'}"], "")
    assert "trained_on" not in run_of(recipe, tmp_path).header

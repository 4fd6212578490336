"""The metrics among the losses of a recipe, as written into the header of its model."""

from pathlib import Path

from wildsr.recipes.builtin import RECIPES
from wildsr.recipes.config import (
    GridConfig,
    L1Config,
    L2Config,
    LossConfig,
    LpipsConfig,
    PixelObjectiveConfig,
    SSIMConfig,
)
from wildsr.recipes.run import run_of


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


def test_the_header_of_a_trained_model_lists_them() -> None:
    header = run_of(RECIPES["wildsr-compact-x4"], Path("run")).header
    assert header["trained_on"] == "grid, lpips-alex, lpips-squeeze, psnr"
    assert "trained_on" not in run_of(RECIPES["bsrnet-x4"], Path("run")).header

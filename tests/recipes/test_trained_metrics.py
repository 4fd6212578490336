"""The metrics among the losses of a recipe, as written into the header of its model."""

from pathlib import Path

from wildsr.recipes.building.run import run_of
from wildsr.recipes.builtin import RECIPES
from wildsr.recipes.parts.objectives import L1, L2, SSIM, Grid, Lpips, PixelObjective, trained_metrics


def test_metrics_among_the_losses() -> None:
    terms = {
        "pixel": L2(),
        "perceptual": Lpips(backbone="squeeze"),
        "pattern": Grid(weight=3000),
        "absolute": L1(),
        "unused": SSIM(weight=0),
    }
    assert trained_metrics(PixelObjective(terms=terms)) == ("grid", "lpips-squeeze", "psnr")
    assert trained_metrics(PixelObjective(terms={"absolute": L1()})) == ()


def test_the_header_of_a_trained_model_lists_them() -> None:
    header = run_of(RECIPES["wildsr-compact-x4"], Path("run")).header
    assert header["trained_on"] == "grid, lpips-alex, lpips-squeeze, psnr"
    assert "trained_on" not in run_of(RECIPES["bsrnet-x4"], Path("run")).header

"""Recipes in Python: user-defined nodes, and single values by place."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
import torch
from lightning.fabric import Fabric
from safetensors import safe_open
from safetensors.torch import load_file
from tiny import make_images, tiny
from torch import Tensor, nn

from wildsr.losses.pixel import l1
from wildsr.recipes.builtin import RECIPES
from wildsr.recipes.config import (
    LossConfig,
    NetworkConfig,
    PixelObjectiveConfig,
    PresetConfig,
    RRDBNetConfig,
)
from wildsr.recipes.errors import RecipeError
from wildsr.recipes.run import build, run_of
from wildsr.recipes.yaml import dump_recipe, parse_recipe
from wildsr.training.processes import Hardware, start

NET = RECIPES["bsrnet-x4"]


class OwnNetwork(nn.Sequential):
    pass


class OwnNetworkConfig(NetworkConfig):
    architecture: Literal["OwnNetwork"] = "OwnNetwork"
    features: int = 8

    def build(self, scale: int) -> nn.Module:
        return OwnNetwork(
            nn.Conv2d(3, self.features, 3, padding=1),
            nn.Conv2d(self.features, 3 * scale**2, 3, padding=1),
            nn.PixelShuffle(scale),
        )


class OwnLossConfig(LossConfig):
    kind: Literal["own"] = "own"
    factor: float = 2.0

    def build(self, features: Path | None) -> Callable[[Tensor, Tensor], Tensor]:
        assert features is None
        return lambda sr, hr: self.factor * l1(sr, hr)


@pytest.fixture(scope="module")
def fabric() -> Fabric:
    return start(Hardware("cpu", precision="fp32"))


def test_user_defined_nodes_train_validate_and_resume(fabric: Fabric, tmp_path: Path) -> None:
    images = make_images(tmp_path / "images")
    recipe = tiny("rrdb-psnr", images).replaced(
        {
            "name": "own",
            "networks.generator": OwnNetworkConfig(features=4),
            "objective.terms.own": OwnLossConfig(weight=0.5),
            "train.steps": 1,
            "train.ema": 0.5,
            "validation.folder": images / "HR",
        }
    )
    build(recipe).train(fabric, tmp_path / "run")
    built = build(recipe.replaced({"train.steps": 2}))
    model = built.train(fabric, tmp_path / "run")
    log = (tmp_path / "run" / "log.jsonl").read_text()
    assert "generator/own" in log
    assert "validation/psnr" in log
    with safe_open(model, "pt") as file:
        assert file.metadata()["architecture"] == "OwnNetwork"
    network = OwnNetworkConfig(features=4).build(4)
    network.load_state_dict(load_file(model))
    again = build(recipe.replaced({"networks.generator.start": str(model)})).objective.networks["generator"]
    for key, value in network.state_dict().items():
        assert torch.equal(value, again.state_dict()[key])
    assert "architecture: OwnNetwork" in (tmp_path / "run" / "recipe.yaml").read_text()
    assert run_of(recipe, tmp_path).identity["objective.terms.own.factor"] == "2.0"


def test_user_defined_nodes_cannot_be_read_from_text() -> None:
    recipe = NET.replaced({"networks.generator": OwnNetworkConfig()})
    with pytest.raises(RecipeError, match="'OwnNetwork' is not one of RRDBNet"):
        parse_recipe(dump_recipe(recipe), "text")


def test_replaced_values() -> None:
    recipe = NET.replaced({"train.steps": 7, "networks.generator.growth": 8, "data.folder": Path("a.b")})
    assert (recipe.train.steps, recipe.data.folder) == (7, Path("a.b"))
    assert recipe.networks["generator"] == RRDBNetConfig(growth=8, orthogonal=0.2)
    assert NET.train.steps == 1_000_000
    other = NET.replaced({"objective": PixelObjectiveConfig(terms={"own": OwnLossConfig()}), "scale": 2})
    assert (other.objective.kind, other.scale) == ("pixel", 2)
    assert NET.replaced({"data.degradation": PresetConfig(name="wild")}) != NET
    without = RECIPES["ddnsr-track1"].replaced({"networks.disc_up": None, "optimizers.disc_up": None})
    assert set(without.networks) == set(without.optimizers) == {"up", "down", "disc_down"}


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("train.setps", 3, r"train\.setps: there is no such key; did you mean 'steps'\?"),
        ("train.steps", 0, r"train\.steps: .*greater than or equal to 1"),
        ("train.steps.more", 0, r"there is nothing below train\.steps"),
        ("networks.generator", "RRDBNet", "networks"),
        ("foo", 1, "foo: there is no such key; there are name"),
        ("networks.none.start", "x", r"there is nothing below networks\.none"),
    ],
)
def test_wrong_replacements(place: str, value: object, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        NET.replaced({place: value})

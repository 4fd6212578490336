"""Weights that a recipe does not train, and the steps of `data.crisp` and `objective.teacher` in recipes."""

from pathlib import Path

import pytest
import torch

from image_folders import save_folder
from wildsr.recipes.config import (
    CompactConfig,
    DegradedDataConfig,
    L1Config,
    PixelObjectiveConfig,
    PresetConfig,
    TeacherConfig,
)
from wildsr.recipes.errors import RecipeError
from wildsr.recipes.initial_weights import new_network
from wildsr.training.step import training_step


def test_weights_are_frozen_by_the_prefixes_of_their_names() -> None:
    network = new_network(CompactConfig(features=4, convs=1, frozen=("body.4.",)), "generator", 4, 0)
    frozen = [name for name, weight in network.named_parameters() if not weight.requires_grad]
    assert frozen == ["body.4.weight", "body.4.bias"]


def test_a_prefix_of_no_weight_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"no weight has the prefix body\.9\."):
        new_network(CompactConfig(features=4, convs=1, frozen=("body.9.",)), "generator", 4, 0)


def test_frozen_weights_stay_in_a_step_towards_a_teacher() -> None:
    network = new_network(CompactConfig(features=4, convs=1, frozen=("body.4.",)), "generator", 4, 0)
    config = PixelObjectiveConfig(
        terms={}, teacher=TeacherConfig(model="wildsr-photo-x4", terms={"pixel": L1Config()})
    )
    objective = config.build({"generator": network}, None, 0)
    before = {name: weight.detach().clone() for name, weight in network.named_parameters()}
    batch = {"lr": torch.rand(1, 3, 16, 16), "hr": torch.rand(1, 3, 64, 64)}
    optimizers = {"generator": torch.optim.Adam(network.parameters(), 1e-2)}
    losses = training_step(objective, 0, batch, optimizers)
    assert set(losses) == {"generator/teacher-pixel"}
    changed = {name for name, weight in network.named_parameters() if not torch.equal(weight, before[name])}
    assert changed == {name for name in before if not name.startswith("body.4.")}


def test_a_teacher_that_is_missing_is_named() -> None:
    config = PixelObjectiveConfig(
        terms={}, teacher=TeacherConfig(model="nobody", terms={"pixel": L1Config()})
    )
    with pytest.raises(RecipeError, match=r"objective\.teacher\.model: .*nobody"):
        config.build({"generator": torch.nn.Identity()}, None, 0)


def test_crisp_changes_the_target_alone(tmp_path: Path) -> None:
    folder = save_folder(tmp_path, 1)
    plain = DegradedDataConfig(
        folder=folder, degradation=PresetConfig(name="bicubic"), hr_patch=64, lr_patch=16
    )
    crisp = plain.model_copy(update={"crisp": 2.0})
    ours, other = crisp.build(4, 0).dataset.sample(0), plain.build(4, 0).dataset.sample(0)
    assert torch.equal(ours["lr"], other["lr"])
    assert torch.equal(ours["hr_reference"], other["hr"])
    assert not torch.equal(ours["hr"], other["hr"])
    with pytest.raises(RecipeError, match=r"data\.sharpen and data\.crisp exclude each other"):
        crisp.model_copy(update={"sharpen": True}).build(4, 0)

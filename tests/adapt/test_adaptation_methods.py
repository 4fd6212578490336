"""Other ways to adapt: trained networks that degrade, and low-rank fine-tuning of an RRDBNet."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from camera_photos import scene, small_adaptations, write_photos, write_start
from torch import nn

from wildsr.adapt import AdaptOptions, adapt
from wildsr.adapt.errors import AdaptError
from wildsr.adapt.request import GENERAL
from wildsr.adapt.training import _CRISP, _CRISP_IF_BLURRED, adaptable, adaptation_recipe
from wildsr.adapt.tuning import _enough
from wildsr.degradations.degradation import DegradationError
from wildsr.degradations.methods.mixed import Mixed
from wildsr.degradations.presets import preset
from wildsr.errors import UsageError
from wildsr.networks import RRDBNet
from wildsr.networks.ddnsr import DegradationNetwork
from wildsr.networks.dsgan import DSGANGenerator
from wildsr.recipes.config.data import DegradedDataConfig
from wildsr.recipes.config.degradations import ProfileDegradationConfig
from wildsr.recipes.config.recipe import Recipe
from wildsr.training.export import save_model
from wildsr.zoo.header import read_metadata
from wildsr.zoo.load import load


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    small_adaptations(monkeypatch, tmp_path / "no-features")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_photos(tmp_path_factory.mktemp("photos"))


def small(path: Path, network: nn.Module) -> str:
    save_model(path, network, {"licence": "CC0-1.0"})
    return str(path)


def recipe_for_rrdbnet(
    folder: Path, *, blur: float = 0.4, faithful: bool = False, full: bool = False
) -> Recipe:
    start = small(folder / "rrdb.safetensors", RRDBNet(features=8, blocks=1, growth=4))
    return adaptation_recipe(
        start,
        adaptable(start),
        folder,
        ProfileDegradationConfig(path=folder),
        blur=blur,
        faithful=faithful,
        full=full,
        seed=0,
        features=None,
    )


@pytest.fixture
def options(tmp_path: Path) -> AdaptOptions:
    start = write_start(tmp_path / "start.safetensors")
    return AdaptOptions(minutes=10, steps=2, model=str(start), device="cpu", force=True)


@pytest.mark.parametrize(
    ("method", "network"), [("dsgan", DSGANGenerator(4, 1)), ("ddnsr", DegradationNetwork(4, 2, 1))]
)
def test_a_trained_network_degrades_the_images_of_the_training(
    method: str, network: nn.Module, photos: Path, tmp_path: Path, options: AdaptOptions
) -> None:
    degrader = small(tmp_path / f"{method}.safetensors", network)
    asked = replace(options, method=method, degrader=degrader)  # type: ignore[arg-type]
    result = adapt(photos, tmp_path / "mine.safetensors", asked)
    assert result.model is not None
    recipe = yaml.safe_load((result.work / "run" / "recipe.yaml").read_text())
    used = recipe["data"]["degradation"]
    assert (used["kind"], used["model"], used["general"]) == ("learned-mixture", degrader, GENERAL)
    # DDNSR's network takes the noise from the photos for training, DSGAN's needs none.
    references = list((result.work / "references").glob("*.png"))
    assert len(references) == (9 if method == "ddnsr" else 0)
    assert not (result.work / "degrader").exists()
    assert f"by the network {method}.safetensors" in read_metadata(result.model)["degradation"]
    with pytest.raises(AdaptError, match="--degrader"):
        adapt(photos, tmp_path / "mine.safetensors", replace(asked, degrader="another.safetensors"))


def test_a_method_and_its_network_belong_together() -> None:
    assert AdaptOptions(method="dsgan").trains_degrader
    assert not AdaptOptions(method="dsgan", degrader="dsgan.safetensors").trains_degrader
    with pytest.raises(UsageError, match="--degrader is for"):
        AdaptOptions(degrader="dsgan.safetensors")


def test_a_mixture_degrades_by_both_and_replays() -> None:
    mixed = Mixed(preset("bicubic", 4), preset("blur-3", 4), 0.5)
    hr = scene(0, 64, 64)
    samples = [mixed.sample(np.random.default_rng(seed), (64, 64)) for seed in range(12)]
    assert {one["picked"] for one in samples} == {"main", "other"}
    for one in samples[:6]:
        alone = (mixed.main if one["picked"] == "main" else mixed.other).apply(hr, [one["parameters"]])
        assert torch.equal(mixed.apply(hr, [one]), alone)
    with pytest.raises(DegradationError, match="another degradation"):
        mixed.apply(hr, [{"steps": []}])
    with pytest.raises(DegradationError, match="one scale"):
        Mixed(preset("bicubic", 4), preset("bicubic", 2), 0.5)
    with pytest.raises(DegradationError, match="from 0 to 1"):
        Mixed(preset("bicubic", 4), preset("bicubic", 4), 1.5)


def test_a_training_goes_on_if_more_is_asked_for() -> None:
    by_steps, by_time = {"steps": 60, "minutes": 20}, {"steps": None, "minutes": 20}
    assert _enough(by_steps, AdaptOptions(steps=60))
    assert not _enough(by_steps, AdaptOptions(steps=61))
    assert not _enough(by_steps, AdaptOptions(minutes=5))
    assert _enough(by_time, AdaptOptions(minutes=20))
    assert not _enough(by_time, AdaptOptions(minutes=21))
    assert not _enough(by_time, AdaptOptions(steps=10))


@pytest.mark.parametrize(("full", "kind"), [(False, "lora"), (True, "adam")])
def test_an_rrdbnet_is_trained_by_low_rank_changes_unless_all_are_asked_for(
    full: bool, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wildsr.adapt.training._RATES", {"RRDBNet": ("lora", 1e-4)})
    recipe = recipe_for_rrdbnet(tmp_path, faithful=True, full=full)
    assert recipe.optimizers["generator"].kind == kind
    assert recipe.train.batch_size == 1


@pytest.mark.parametrize(
    ("blur", "faithful", "crisp"),
    [(0.4, False, _CRISP), (0.9, False, 1.35), (1.5, False, _CRISP_IF_BLURRED), (0.4, True, 0.0)],
)
def test_edges_of_the_target_are_steepest_for_sharp_photos(
    blur: float, faithful: bool, crisp: float, tmp_path: Path
) -> None:
    recipe = recipe_for_rrdbnet(tmp_path, blur=blur, faithful=faithful)
    assert isinstance(recipe.data, DegradedDataConfig)
    assert recipe.data.crisp == pytest.approx(crisp)


def test_an_rrdbnet_is_adapted(
    photos: Path, tmp_path: Path, options: AdaptOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wildsr.adapt.training._RATES", {"RRDBNet": ("lora", 1e-3)})
    start = small(tmp_path / "rrdb.safetensors", RRDBNet(features=12, blocks=1, growth=12))
    result = adapt(photos, tmp_path / "mine.safetensors", replace(options, model=start))
    assert result.model is not None
    before, after = load(start).network.state_dict(), load(result.model).network.state_dict()
    assert before.keys() == after.keys()
    assert any(not torch.equal(value, after[name]) for name, value in before.items())

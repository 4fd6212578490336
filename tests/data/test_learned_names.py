"""Networks that have learned to degrade, by name or file: in degrade, prepare, evaluate and recipes."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from typer.testing import CliRunner, Result

from image_folders import save_folder
from wildsr.cli.main import app
from wildsr.data.learned import (
    label_of,
    learned_degradation,
    named_degradation,
    recorded_degradation,
    split_name,
)
from wildsr.degradations.degradation import DegradationError
from wildsr.degradations.methods.learned import Ddnsr, Dsgan
from wildsr.degradations.methods.profiled import Profiled
from wildsr.degradations.profile import Profile, write_profile
from wildsr.image import read_levels
from wildsr.networks.compact import SRVGGNetCompact
from wildsr.networks.ddnsr import DegradationNetwork
from wildsr.networks.dsgan import DSGANGenerator
from wildsr.recipes.config import LearnedDegradationConfig
from wildsr.recipes.errors import RecipeError

Run = Callable[..., Result]


@pytest.fixture
def run() -> Run:
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def dsgan(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "my-dsgan.safetensors"
    save_file(DSGANGenerator(features=4, blocks=1).state_dict(), path)
    return path


@pytest.fixture
def ddnsr(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "ddnsr-track1-down.safetensors"
    save_file(DegradationNetwork(features=4, blocks=1).state_dict(), path)
    return path


def test_models_are_found_by_file_and_by_name(dsgan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(named_degradation(str(dsgan)), Dsgan)
    monkeypatch.setenv("WILDSR_MODELS", str(dsgan.parent))
    assert isinstance(named_degradation("my-dsgan", 2), Dsgan)
    assert named_degradation("my-dsgan", 2).scale == 2
    assert label_of(str(dsgan)) == "my-dsgan"
    assert label_of("jpeg-30") == "jpeg-30"


def test_a_file_that_changes_is_read_again(dsgan: Path) -> None:
    first = named_degradation(str(dsgan))
    assert named_degradation(str(dsgan)) is first
    save_file(DSGANGenerator(features=8, blocks=1).state_dict(), dsgan)
    assert named_degradation(str(dsgan)) is not first


def test_ddnsr_takes_its_noise_from_a_folder(ddnsr: Path, tmp_path: Path) -> None:
    save_folder(tmp_path / "real", 2)
    assert isinstance(named_degradation(f"{ddnsr}@{tmp_path / 'real'}"), Ddnsr)
    with pytest.raises(DegradationError, match=r"give their folder, .*-down.safetensors@FOLDER"):
        named_degradation(str(ddnsr))
    with pytest.raises(DegradationError, match="missing"):
        named_degradation(f"{ddnsr}@{tmp_path / 'missing'}")


@pytest.mark.parametrize(
    ("name", "model", "rest"),
    [
        ("HOME/dsgan.safetensors", "HOME/dsgan.safetensors", ""),
        ("HOME/file@2x", "HOME/file@2x", ""),
        ("HOME/missing/profile.json", "HOME/missing/profile.json", ""),
        ("HOME/profile.json@0.3", "HOME/profile.json", "0.3"),
        ("HOME/ddnsr.safetensors@HOME/real", "HOME/ddnsr.safetensors", "HOME/real"),
        ("ddnsr.pth@HOME/real", "ddnsr.pth", "HOME/real"),
        ("ddnsr-track1@HOME/real", "ddnsr-track1", "HOME/real"),
        ("dsgan-dped", "dsgan-dped", ""),
    ],
)
def test_paths_may_contain_the_separator(tmp_path: Path, name: str, model: str, rest: str) -> None:
    home = tmp_path / "anna@corp"
    home.mkdir()
    for file in ("dsgan.safetensors", "file@2x"):
        (home / file).touch()
    wanted = (model.replace("HOME", str(home)), rest.replace("HOME", str(home)))
    assert split_name(name.replace("HOME", str(home))) == wanted


def test_a_profile_in_a_home_folder_with_the_separator(tmp_path: Path) -> None:
    home = tmp_path / "anna@corp"
    path = str(write_profile(Profile(), home))
    assert isinstance(named_degradation(path), Profiled)
    assert isinstance(named_degradation(f"{path}@0.3"), Profiled)
    assert label_of(path) == "profile"
    Path(path).unlink()
    assert isinstance(recorded_degradation(path), Profiled)


def test_what_does_not_degrade_is_refused(dsgan: Path, tmp_path: Path) -> None:
    save_file(SRVGGNetCompact(4, 1, 4).state_dict(), tmp_path / "upscaler.safetensors")
    with pytest.raises(DegradationError, match="SRVGGNetCompact, which does not degrade"):
        named_degradation(str(tmp_path / "upscaler.safetensors"))
    with pytest.raises(DegradationError, match="needs no folder"):
        learned_degradation(dsgan, 4, tmp_path)
    with pytest.raises(DegradationError, match="there is no file"):
        named_degradation(str(tmp_path / "gone.safetensors"))
    with pytest.raises(DegradationError, match="wildsr models pull dsgan-dped"):
        named_degradation("dsgan-dped")
    with pytest.raises(DegradationError, match="did you mean 'bsrgan'"):
        named_degradation("bsrgann")


def test_degrade_writes_what_the_network_makes_and_replays_it(run: Run, dsgan: Path, tmp_path: Path) -> None:
    photos = save_folder(tmp_path / "photos", 2)
    done = run("degrade", photos, "-p", dsgan, "-o", tmp_path / "out", "-w", 2)
    assert done.exit_code == 0, done.output
    hr = read_levels(photos / "00.png").float() / 255
    degradation = named_degradation(str(dsgan))
    expected = (degradation.apply(hr, [degradation.sample(None, (1, 1))]) * 255).round()  # type: ignore[arg-type]
    first = read_levels(next((tmp_path / "out").glob("00*.png")))
    assert (first - expected).abs().max() <= 1
    record = next((tmp_path / "out").glob("*degradations.json"))
    assert json.loads(record.read_text())["degradation"] == str(dsgan)
    done = run("degrade", photos, "--params", record, "-o", tmp_path / "again")
    assert done.exit_code == 0, done.output
    assert torch.equal(first, read_levels(next((tmp_path / "again").glob("00*.png"))))


def test_prepare_makes_pairs_with_a_model_of_ddnsr(run: Run, ddnsr: Path, tmp_path: Path) -> None:
    photos = save_folder(tmp_path / "photos", 2, 128, 128)
    real = save_folder(tmp_path / "real", 1, 64, 64)
    done = run("prepare", photos, "-o", tmp_path / "pairs", "--preset", f"{ddnsr}@{real}", "--workers", 2)
    assert done.exit_code == 0, done.output
    assert read_levels(tmp_path / "pairs" / "LR" / "00.png").shape[-2:] == (16, 16)


def test_evaluate_makes_inputs_with_a_model(run: Run, dsgan: Path, tmp_path: Path) -> None:
    photos = save_folder(tmp_path / "photos", 1)
    arguments = ("-m", "bicubic", "--truth", photos, "--metrics", "psnr", "-o", tmp_path / "out")
    done = run("evaluate", *arguments, "--degradation", dsgan, "--cache", tmp_path / "cache")
    assert done.exit_code == 0, done.output
    facts = json.loads((tmp_path / "out" / "results.json").read_text())["protocol"]["datasets"]["photos"]
    assert facts["degradation"] == str(dsgan)


def test_recipes_say_what_is_wrong_with_a_model(ddnsr: Path) -> None:
    with pytest.raises(RecipeError, match="real LR images"):
        LearnedDegradationConfig(model=str(ddnsr)).build(4)

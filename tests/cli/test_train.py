"""``wildsr train`` and ``wildsr recipe``: a model from photos, and messages about wrong recipes."""

import json
from collections.abc import Callable
from pathlib import Path

import yaml
from typer.testing import Result

import wildsr as library
from wildsr.image import probe

Run = Callable[..., Result]
Save = Callable[..., Path]
TINY = (
    "--set=networks.generator.features=8",
    "--set=networks.generator.blocks=1",
    "--set=networks.generator.growth=4",
    "--set=data.hr_patch=64",
    "--set=data.lr_patch=16",
    "--set=data.degradation.name=light",
    "--set=data.workers=0",
    "--set=train.batch_size=2",
    "--set=files.log_every=1",
    "--set=files.tensorboard=false",
)


def test_a_folder_of_photographs_becomes_a_model(wildsr: Run, save_photo: Save, tmp_path: Path) -> None:
    save_photo(tmp_path / "photos/a.png", 80, 90)
    save_photo(tmp_path / "photos/too small.png", 50, 50)
    command = ("train", "bsrnet-x4", "--data", tmp_path / "photos", "-o", tmp_path / "run", *TINY)
    done = wildsr(*command, "--steps", 2)
    assert done.exit_code == 0, done.output
    checkpoint = tmp_path / "run/bsrnet-x4.safetensors"
    assert str(checkpoint) in done.output
    assert "1 images are too small and left out, such as too small.png" in done.output
    model = library.load(checkpoint)
    assert (model.contract.architecture, model.contract.scale) == ("RRDBNet", 4)
    resolved = yaml.safe_load((tmp_path / "run/recipe.yaml").read_text())
    assert resolved["networks"]["generator"]["features"] == 8
    # the same command with more steps goes on
    done = wildsr(*command, "--steps", 3, "--val", tmp_path / "photos", "--set=validation.patch=64")
    assert done.exit_code == 0, done.output
    lines = [json.loads(line) for line in (tmp_path / "run/log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "generator/pixel" in line] == [1, 2, 3]
    assert lines[-1]["validation/psnr"] > 0


def test_a_run_of_another_recipe_is_not_continued(wildsr: Run, save_photo: Save, tmp_path: Path) -> None:
    save_photo(tmp_path / "photos/a.png", 80, 90)
    command = ("train", "bsrnet-x4", "--data", tmp_path / "photos", "-o", tmp_path / "run", *TINY)
    assert wildsr(*command, "--steps", 1).exit_code == 0
    done = wildsr(*command, "--steps", 2, "--set=networks.generator.growth=8")
    assert done.exit_code == 1
    assert "networks.generator.growth" in done.output


def test_a_folder_without_photographs(wildsr: Run, save_photo: Save, tmp_path: Path) -> None:
    save_photo(tmp_path / "photos/small.png", 50, 50)
    done = wildsr("train", "bsrnet-x4", "--data", tmp_path / "photos", "--out", tmp_path / "run")
    assert done.exit_code == 1
    assert "no image of at least 320x320 pixels" in done.output
    assert not (tmp_path / "run").exists()


def test_a_dry_run_says_what_would_be_done(wildsr: Run, save_photo: Save, tmp_path: Path) -> None:
    save_photo(tmp_path / "photos/a.png", 80, 90)
    data, out = tmp_path / "photos", tmp_path / "run"
    done = wildsr("train", "bsrnet-x4", "--data", data, "-o", out, *TINY, "--dry-run")
    assert done.exit_code == 0, done.output
    assert "network generator: RRDBNet, " in done.output
    assert "lr (2, 3, 16, 16), hr (2, 3, 64, 64)" in done.output
    assert [path.name for path in out.iterdir()] == ["first-batch.png"]
    assert probe(out / "first-batch.png") == (128, 128)


def test_wrong_wishes(wildsr: Run, save_photo: Save, tmp_path: Path) -> None:
    photos = save_photo(tmp_path / "photos/a.png", 80, 90).parent
    for arguments, message in [
        (("bsrmet-x4",), "did you mean 'bsrnet-x4'?"),
        (("bsrnet-x4",), "give it with --data FOLDER"),
        (
            ("bsrnet-x4", "--set", "train.setps=3"),
            "train.setps: there is no such key; did you mean 'steps'?",
        ),
        (("bsrnet-x4", "--init", "nonsense"), "networks.generator.start"),
        (("realsr-df2k", "--data", photos, "--data", photos), "give --data once"),
        (("bsrnet-x4", "--data", tmp_path / "nothere"), "there is no"),
        (("bsrgan-x4", "--data", photos, "--set=networks.generator.start=null"), "vgg19.pth"),
    ]:
        done = wildsr("train", *arguments, "-o", tmp_path / "run")
        assert done.exit_code == 2, done.output
        assert message in done.output.replace("\n", " "), done.output
    assert not (tmp_path / "run").exists()


def test_recipes_are_listed_and_shown(wildsr: Run, tmp_path: Path) -> None:
    assert "realsr-dped" in wildsr("recipe", "list").output
    shown = wildsr("recipe", "show", "bsrgan-x4", "--set", "train.steps=7")
    assert yaml.safe_load(shown.output)["train"]["steps"] == 7
    (tmp_path / "mine.yaml").write_text(shown.output)
    assert wildsr("recipe", "show", tmp_path / "mine.yaml").output == shown.output
    schema = json.loads(wildsr("recipe", "show", "--schema").output)
    assert "objective" in schema["properties"]
    assert wildsr("recipe", "show").exit_code == 2
    done = wildsr("recipe", "show", "bsrgan-x5")
    assert done.exit_code == 2
    assert "did you mean 'bsrgan-x" in done.output

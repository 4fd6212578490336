"""Old names of keys and values in recipes stay accepted, with a warning that names the new one."""

import warnings
from pathlib import Path

import pytest
from typer.testing import CliRunner

from wildsr.cli.main import app
from wildsr.recipes.builtin import RECIPES
from wildsr.recipes.overrides import Overrides, choose_recipe
from wildsr.recipes.renamed import RenamedKey, current_identity
from wildsr.recipes.run import run_of
from wildsr.recipes.yaml import changed, dump_recipe, flat, load_recipe

RECIPE = RECIPES["wildsr-faithful-x4"]


def test_a_file_with_old_names_is_read(tmp_path: Path) -> None:
    text = dump_recipe(RECIPE).replace("weighing: area", "weighing: picture")
    old = text.replace("  rendered:", "  drawn:").replace("  images:", "  pictures:")
    assert old != text
    path = tmp_path / "old.yaml"
    path.write_text(old)
    with pytest.warns(RenamedKey) as caught:
        found = load_recipe(path)
    assert found == RECIPE.replaced({"data.weighing": "image"})
    told = " ".join(str(warning.message) for warning in caught)
    assert "data.drawn is now called data.rendered" in told
    assert "validation.pictures is now called validation.images" in told
    assert "data.weighing: 'picture' is now called 'image'" in told


def test_a_change_with_an_old_name() -> None:
    with pytest.warns(RenamedKey, match=r"objective\.contest is now called objective\.adversarial"):
        recipe = changed(RECIPES["realsr-df2k"], ["objective.contest.weight=0.5"], "")
    assert flat(recipe)["objective.adversarial.weight"] == 0.5
    with pytest.warns(RenamedKey):
        assert changed(RECIPE, ["data.weighing=picture"], "").data.weighing == "image"


def test_present_names_cause_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", RenamedKey)
        choose_recipe("realsr-df2k", Overrides(changes=("objective.adversarial.weight=0.5",)))


def test_the_command_prints_a_note() -> None:
    done = CliRunner().invoke(
        app, ["recipe", "show", "realsr-df2k", "--set", "objective.contest.weight=0.5", "--set", "seed=3"]
    )
    assert done.exit_code == 0, done.output
    assert done.stderr.count("Note: ") == 1
    assert "objective.contest is now called objective.adversarial" in done.stderr
    assert "Note" not in done.stdout
    assert "adversarial:" in done.stdout


def test_a_checkpoint_with_old_names_has_the_same_identity(tmp_path: Path) -> None:
    for recipe in (RECIPES["realsr-df2k"], RECIPE.replaced({"data.weighing": "image"})):
        identity = run_of(recipe, tmp_path).identity
        old = {
            key.replace("objective.adversarial.", "objective.contest.").replace(
                "data.rendered", "data.drawn"
            ): "picture" if key == "data.weighing" else value
            for key, value in identity.items()
        }
        assert old != identity
        with warnings.catch_warnings():
            warnings.simplefilter("error", RenamedKey)
            assert current_identity(old) == identity

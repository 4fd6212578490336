"""Recipes as YAML: reading, writing, changes, and error messages."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from wildsr.recipes.builtin import RECIPES
from wildsr.recipes.config import Recipe
from wildsr.recipes.errors import RecipeError
from wildsr.recipes.overrides import Overrides, choose_recipe
from wildsr.recipes.yaml import changed, dump_recipe, flat, load_recipe, parse_recipe

NET = RECIPES["bsrnet-x4"]


def test_names_and_order() -> None:
    assert all(name == recipe.name for name, recipe in RECIPES.items())
    assert all(recipe.about for recipe in RECIPES.values())


@pytest.mark.parametrize("name", RECIPES)
def test_dumped_recipes_are_read_back(name: str) -> None:
    assert parse_recipe(dump_recipe(RECIPES[name]), "text") == RECIPES[name]


def test_numbers_of_the_originals() -> None:
    """Values copied from the originals' options, independently of the recipes."""
    for name, steps, batch, rate in [
        ("realsr-df2k", 60_001, 16, 1e-4),
        ("realsr-dped", 60_001, 16, 1e-4),
        ("edl-ntire", 150_000, 16, 1e-4),
        ("edl-aim", 350_000, 16, 1e-4),
        ("srrescgan", 51_000, 16, 1e-4),
        ("ddnsr-track1", 307_200, 16, 1e-4),
        ("real-esrgan", 400_000, 48, 1e-4),
    ]:
        recipe = RECIPES[name]
        assert (recipe.train.steps, recipe.train.batch_size) == (steps, batch)
        assert {optimizer.rate for optimizer in recipe.optimizers.values()} == {rate}
    assert {RECIPES[name].train.ema for name in ("bsrnet-x4", "bsrgan-x4", "bsrgan-x2", "real-esrgan")} == {
        0.999
    }
    values = flat(RECIPES["edl-aim"])
    assert values["objective.pixel_terms.pixel.weight"] == 0.1
    assert values["objective.adversarial.weight"] == 0.001
    values = flat(RECIPES["ddnsr-track1"])
    assert [values[f"objective.{part}.weight"] for part in ("content", "cycle", "terms.pixel")] == [
        0.1,
        10.0,
        0.01,
    ]


def test_schema_has_all_kinds() -> None:
    text = json.dumps(Recipe.model_json_schema())
    for word in ("exclusionary", "SRVGGNetCompact", "milestones", "unpaired", "keras-adam"):
        assert f'"{word}"' in text


def test_schema_describes_every_key() -> None:
    schema = Recipe.model_json_schema()
    for name, node in (("Recipe", schema), *schema["$defs"].items()):
        assert node["description"], name
        for key, field in node["properties"].items():
            # A constant tells the kinds apart, and a node describes itself.
            assert "description" in field or "const" in field or "$ref" in field, f"{name}.{key}"


def test_reading_recipes_loads_no_torch() -> None:
    code = "import sys, wildsr.recipes.overrides; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_changes() -> None:
    recipe = changed(
        NET, ["train.steps=7", "optimizers.generator.rate=1e-5", "data.folder=a b/ö", "train.clip=null"], ""
    )
    assert recipe.train.steps == 7
    assert recipe.optimizers["generator"].rate == 1e-5
    assert recipe.data.folder == Path("a b/ö")
    # another kind has its own fields
    recipe = changed(
        NET, ["optimizers.generator.schedule.kind=milestones", "optimizers.generator.schedule.at=[3, 5]"], ""
    )
    assert flat(recipe)["optimizers.generator.schedule.at"] == [3, 5]
    assert "optimizers.generator.schedule.final" not in flat(recipe)


def test_null_removes_entries() -> None:
    taken = ["networks.disc_up=null", "optimizers.disc_up=null", "objective.terms.features=null"]
    recipe = changed(RECIPES["ddnsr-track1"], taken, "")
    assert set(recipe.networks) == set(recipe.optimizers) == {"up", "down", "disc_down"}
    assert "objective.terms.features.weight" not in flat(recipe)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("train.setps=3", "train.setps: there is no such key; did you mean 'steps'?"),
        ("train.steps=3.5", "train.steps: input should be a valid integer, not 3.5"),
        ("train.steps='3'", "train.steps: input should be a valid integer, not '3'"),
        ("train.steps=true", "train.steps: input should be a valid integer, not True"),
        ("train.steps=0", "train.steps: input should be greater than or equal to 1, not 0"),
        ("train.steps", "write a key and a value"),
        ("train.steps.more=1", "steps is a single value and has nothing below it"),
        ("train.steps=[1", "not proper YAML"),
        ("foo=1", "foo: there is no such key; there are name, about, scale"),
        ("networks.generator.architecture=RRDBNte", "'RRDBNte' is not one of RRDBNet, EDLNet"),
        ("networks.generator.grwoth=3", "did you mean 'growth'?"),
        ("data.degradation.nmae=wild", "did you mean 'name'?"),
        ("data.degradation.options.clean=[]", "data.degradation.options.clean"),
        ("objective.terms.pixel.kind=l3", "objective.terms.pixel.kind: 'l3' is not one of l1, l2"),
        ("objective.terms.more.weight=1", "objective.terms.more.kind: is missing"),
        ("objective.terms.pixel.wieght=1", "did you mean 'weight'?"),
        ("optimizers.generator.schedule.kind=linear", "optimizers.generator.schedule.begin: is missing"),
        ("optimizers.generator.betas=[1]", "optimizers.generator.betas"),
        ("name=../x", "name: string should match pattern"),
    ],
)
def test_wrong_changes(change: str, message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        changed(NET, [change], "net")
    assert message in str(caught.value), str(caught.value)
    assert change in str(caught.value)


def test_errors_in_a_file_have_line_numbers(tmp_path: Path) -> None:
    text = dump_recipe(NET)
    number = next(index for index, line in enumerate(text.splitlines(), 1) if line.startswith("  steps:"))
    path = tmp_path / "mine.yaml"
    path.write_text(text.replace("  steps:", "  setps:").replace("growth:", "grwoth:"))
    with pytest.raises(RecipeError) as caught:
        load_recipe(path)
    assert f"mine.yaml, line {number}: train.setps: there is no such key; did you mean 'steps'?" in str(
        caught.value
    )
    assert "train.steps: is missing" in str(caught.value)
    assert "networks.generator.grwoth: there is no such key; did you mean 'growth'?" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not a recipe"),
        ("- a\n- b", "is not a recipe"),
        ("name: [", "is not proper YAML: line 1"),
        ("name: a\nscale: 4\nname: b", "is not proper YAML: line 3: the key 'name' stands twice"),
        ("name: !!python/object:os.system {}", "is not proper YAML"),
        ("name: a", "networks: is missing"),
    ],
)
def test_files_that_are_not_recipes(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(RecipeError) as caught:
        choose_recipe(str(path))
    assert message in str(caught.value), str(caught.value)
    assert "mine.yaml" in str(caught.value)


def test_numbers_with_exponents_are_numbers() -> None:
    values = yaml.safe_load(dump_recipe(NET))
    text = yaml.safe_dump(values).replace("rate: 0.0001", "rate: 1e-4")
    assert "1e-4" in text
    assert parse_recipe(text, "text") == NET


def test_overrides(tmp_path: Path) -> None:
    recipe = choose_recipe(
        "realsr-df2k", Overrides((tmp_path,), tmp_path / "val", ("own.pth", "discriminator=d.pth"), 9)
    )
    values = flat(recipe)
    assert values["data.folder"] == str(tmp_path)
    assert values["validation.folder"] == str(tmp_path / "val")
    assert values["networks.generator.start"] == "own.pth"
    assert values["networks.discriminator.start"] == "d.pth"
    assert values["train.steps"] == 9
    assert flat(choose_recipe("ddnsr-track1", Overrides(init=("own.pth",))))["networks.up.start"] == "own.pth"
    compact = ("networks.generator.architecture=SRVGGNetCompact",)
    other = flat(choose_recipe("bsrgan-x4", Overrides(init=("own.pth",), changes=compact)))
    assert other["networks.generator.start"] == "own.pth"
    several = choose_recipe("bsrnet-x4", Overrides((tmp_path / "a", tmp_path / "b")))
    assert flat(several)["data.hr"] == [str(tmp_path / "a"), str(tmp_path / "b")]
    with pytest.raises(RecipeError, match="give --data once"):
        choose_recipe("realsr-df2k", Overrides((tmp_path, tmp_path)))
    with pytest.raises(RecipeError, match="there is no recipe 'realsr'; did you mean"):
        choose_recipe("realsr")
    with pytest.raises(RecipeError, match=r"ddnsr-track2-canon\. A file must end in \.yaml"):
        choose_recipe("qqqq")


def _bomb() -> str:
    levels = [f"l{index}: &l{index} [{', '.join([f'*l{index - 1}'] * 10)}]" for index in range(1, 12)]
    return "\n".join(["l0: &l0 [1, 2, 3]", *levels])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (_bomb(), "its aliases make it far too large"),
        ("a: &a [*a]", "an alias refers to itself"),
        ("a: &a {b: *a}", "an alias refers to itself"),
        ("a: " + "[" * 100_000, "nested too deeply"),
        ("{" * 5000, "nested too deeply"),
        ("[1, 2]: 3", "a key is a list"),
        ("name: 2020-01-01\nseed: x", "seed"),
        ("seed: " + "9" * 5000, "a number has 5000 digits"),
        ("seed: !!binary aGVsbG8=", "no values of type"),
        ("seed: !!python/object/apply:os.system [ls]", "no values of type"),
        ("seed: !!set {a}", "no values of type"),
        ("seed: .nan", "seed"),
        ("\x00", "not proper YAML"),
    ],
)
def test_hostile_yaml(text: str, said: str) -> None:
    with pytest.raises(RecipeError, match=re.escape(said)):
        parse_recipe(text, "recipe.yaml")
    if text.startswith("seed: "):
        with pytest.raises(RecipeError, match=re.escape(said)):
            changed(NET, [f"seed={text.removeprefix('seed: ')}"], "recipe.yaml")


def test_a_leading_zero_is_no_octal_number() -> None:
    assert changed(NET, ["seed=010"], "recipe").seed == 10

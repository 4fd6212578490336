"""docs/originals.md names commands, options, models, recipes and tests that exist."""

import re
import shlex
from pathlib import Path

import click
import pytest
import typer.main

from wildsr.cli.main import app
from wildsr.data.catalogue.published import PUBLISHED_SETS
from wildsr.evaluation.benchmark import PROTOCOLS
from wildsr.recipes.builtin import RECIPES
from wildsr.zoo.catalogue import PUBLISHED
from wildsr.zoo.features.files import FILES

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "originals.md").read_text(encoding="utf-8")
HEADS = ("|---", "| their", "| step")
ROWS = [line for line in TEXT.splitlines() if line.startswith("|") and not line.startswith(HEADS)]
COMMANDS = re.findall(r"`(wildsr [^`]*)`", TEXT)


def test_every_original_has_its_rows() -> None:
    assert len(re.findall("^## ", TEXT, re.MULTILINE)) == 6
    assert len(ROWS) > 60
    assert len(COMMANDS) > 30


@pytest.mark.parametrize("row", ROWS)
def test_every_row_names_a_test_that_exists(row: str) -> None:
    path, name = re.search(r"\| (tests/\S+)::(\w+)[^|]*\|$", row).groups()  # type: ignore[union-attr]
    assert re.search(rf"^def {name}\(", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE), row


@pytest.mark.parametrize("command", sorted(set(COMMANDS)))
def test_every_command_exists_with_its_options(command: str) -> None:
    words = shlex.split(command)[1:]
    found: click.Command = typer.main.get_command(app)
    context = click.Context(found)
    while hasattr(found, "get_command") and words:
        found = found.get_command(context, words.pop(0))
        assert found is not None, command
    options = {name for parameter in found.params for name in parameter.opts}
    assert {word for word in words if word.startswith("-")} <= options, command


def test_names_are_those_of_the_catalogues() -> None:
    for command in COMMANDS:
        words = shlex.split(command)
        if words[1:3] in (["models", "pull"], ["models", "show"]):
            assert set(words[3:]) <= set(PUBLISHED) | {Path(name).stem for name in FILES}, command
        if words[1:3] == ["data", "pull"]:
            assert set(words[3:]) <= set(PUBLISHED_SETS), command
        if words[1] == "train":
            assert words[2] in RECIPES, command
        if words[1] == "benchmark":
            assert set(words[2 : words.index("--data")]) <= set(PROTOCOLS), command
        if "--base" in words:
            assert words[words.index("--base") + 1] in RECIPES

"""The generated pages of the documentation, and the commands that the pages show."""

import re
import shlex
import sys
from pathlib import Path

import click
import pytest
from typer.main import get_command

from wildsr.cli.main import app

ROOT = Path(__file__).parents[1]


def test_the_reference_of_recipes_has_all_recipes_and_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mkdocs", reason="the extra 'docs' is not installed")
    pytest.importorskip("pydantic")
    monkeypatch.syspath_prepend(str(ROOT))
    from mkdocs_hooks import recipes_page

    from wildsr.recipes import RECIPES
    from wildsr.recipes.config import Recipe

    page = recipes_page()
    for name in RECIPES:
        assert f"| `{name}` |" in page
    for node in Recipe.model_json_schema()["$defs"].values():
        for key, one in node.get("properties", {}).items():
            assert "const" in one or f"| `{key}` |" in page, key
    sys.modules.pop("mkdocs_hooks", None)


def commands() -> list[tuple[str, list[str]]]:
    """The lines of all shell examples that call wildsr, split into words."""
    found = []
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
        for block in re.findall(r"```(?:sh|bash)\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                for part in line.split("&&"):
                    words = shlex.split(part, comments=True)
                    if words[:1] == ["wildsr"]:
                        found.append((path.name, words[1:]))
    return found


def test_examples_use_options_that_exist() -> None:
    root = get_command(app)
    examples = commands()
    assert len(examples) > 50
    for page, words in examples:
        command, rest = root, words
        while rest and hasattr(command, "get_command"):
            inner = command.get_command(click.Context(command), rest[0])
            if inner is None:
                break
            command, rest = inner, rest[1:]
        assert command is not root or rest[:1] in ([], ["--help"], ["--version"]) or rest[0].isupper(), (
            f"{page}: wildsr {' '.join(words)}"
        )
        known = {option for parameter in command.params for option in parameter.opts}
        for word in rest:
            if re.match(r"--?[a-z]", word):
                assert word.split("=")[0] in known | {"--help"}, f"{page}: wildsr {' '.join(words)}"


def test_examples_train_recipes_that_exist() -> None:
    pytest.importorskip("pydantic")
    from wildsr.recipes import RECIPES

    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))):
        for name in re.findall(r"wildsr train ([a-z0-9-]+)(?![\w.])", path.read_text(encoding="utf-8")):
            assert name in RECIPES, f"{path.name}: wildsr train {name}"

"""The package as it is built and installed: the same bytes each time, all its files, shell completion."""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ("src", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "ARCHITECTURE.md")


def build(folder: Path, modified: int) -> dict[str, Path]:
    """Build wheel and sdist from a copy whose files were all modified at that time."""
    folder.mkdir()
    for name in PARTS:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder / name)
    for path in folder.rglob("*"):
        os.utime(path, (modified, modified))
    environment = os.environ | {"SOURCE_DATE_EPOCH": "1767225600"}
    command = [sys.executable, "-m", "hatchling", "build", "-d", "out"]
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    return {path.suffix: path for path in (folder / "out").iterdir()}


@pytest.mark.skipif(importlib.util.find_spec("hatchling") is None, reason="hatchling is not installed")
def test_two_builds_are_equal(tmp_path: Path) -> None:
    first, second = build(tmp_path / "one", 10**9), build(tmp_path / "two", 15 * 10**8)
    assert first.keys() == second.keys() == {".whl", ".gz"}
    for suffix, path in first.items():
        digests = {hashlib.sha256(each.read_bytes()).hexdigest() for each in (path, second[suffix])}
        assert len(digests) == 1, f"{path.name} differs"
    names = set(zipfile.ZipFile(first[".whl"]).namelist())
    source = ROOT / "src"
    kept = {path for path in source.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert {str(path.relative_to(source)) for path in kept} <= names


def test_the_lowest_versions_are_the_bounds() -> None:
    """`.ci/lowest.txt`, which the checks install, has exactly the lower bounds of the package's own dependencies."""
    text = (ROOT / "pyproject.toml").read_text()
    section = text[text.index("\ndependencies = [") : text.index("[project.optional-dependencies]")]
    bounds = dict(re.findall(r'"([a-z]+)(?:\[binary\])?>=([0-9.]+)', section))
    lines = (ROOT / ".ci" / "lowest.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    assert pins.keys() == bounds.keys()
    for name, bound in bounds.items():
        assert f"{pins[name]}.".startswith(f"{bound}."), f"{name}: {pins[name]} is not {bound}"


@pytest.mark.parametrize(
    ("words", "expected"),
    [("wildsr conv", {"convert"}), ("wildsr convert x --for c", {"chainner", "comfyui"})],
)
def test_shell_completion(words: str, expected: set[str]) -> None:
    environment = os.environ | {
        "_WILDSR_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    code = "from wildsr.cli.main import app; app(prog_name='wildsr')"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert set(done.stdout.split()) == expected

"""The examples of docs/researchers.md run as they stand, with shorter runs and smaller networks."""

import re
from pathlib import Path

import pytest
from safetensors import safe_open

from image_folders import photograph, save

PAGE = Path(__file__).parents[2] / "docs" / "researchers.md"
LONGEST = 30
"""Largest number of lines of an example, not counting blank ones."""
SMALLER = {
    '"train.steps": 10_000': '"train.steps": 1, "train.batch_size": 1, "files.tensorboard": False, '
    '"data.workers": 0',
    'RECIPES["bsrnet-x4"]': 'RECIPES["bsrnet-x4"].replaced({"networks.generator.blocks": 1, '
    '"data.hr_patch": 64, "data.lr_patch": 16})',
    'RECIPES["rrdb-psnr"]': 'RECIPES["rrdb-psnr"].replaced({"networks.generator.blocks": 1})',
}


def blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def test_examples_are_short() -> None:
    assert len(blocks()) == 4
    for block in blocks():
        assert len([line for line in block.splitlines() if line]) <= LONGEST


def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path / "photos" / "0.png", photograph(0, 128, 128))
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in blocks():
        for old, new in SMALLER.items():
            block = block.replace(old, new)
        exec(compile(block, str(PAGE), "exec"), names)
    architectures = {}
    for path in tmp_path.glob("*/*-x4.safetensors"):
        with safe_open(path, "pt") as file:
            architectures[path.stem] = file.metadata()["architecture"]
    assert architectures == {"plain-x4": "PlainNet", "edges-x4": "RRDBNet", "gain-x4": "RRDBNet"}
    assert "generator/edges" in (tmp_path / "edges" / "log.jsonl").read_text()
    assert "darkest: 0.6" in (tmp_path / "gain" / "recipe.yaml").read_text()

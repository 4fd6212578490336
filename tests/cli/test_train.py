"""``wildsr train``: photographs in, a model out."""

from collections.abc import Callable
from pathlib import Path

from typer.testing import Result

import wildsr as library

Run = Callable[..., Result]
Save = Callable[..., Path]


def test_a_folder_of_photographs_becomes_a_model(wildsr: Run, save_photo: Save, tmp_path: Path) -> None:
    save_photo(tmp_path / "photos/a.png", 200, 220)
    save_photo(tmp_path / "photos/too small.png", 50, 50)
    done = wildsr("train", "--data", tmp_path / "photos", "--out", tmp_path / "run", "--steps", 2)
    assert done.exit_code == 0, done.output
    checkpoint = tmp_path / "run/wildsr-compact-x4.safetensors"
    assert str(checkpoint) in done.output
    model = library.load(checkpoint)
    assert (model.contract.architecture, model.contract.scale) == ("SRVGGNetCompact", 4)


def test_a_folder_without_photographs(wildsr: Run, save_photo: Save, tmp_path: Path) -> None:
    save_photo(tmp_path / "photos/small.png", 50, 50)
    done = wildsr("train", "--data", tmp_path / "photos", "--out", tmp_path / "run")
    assert done.exit_code == 1
    assert "no photograph of at least 192x192 pixels" in done.output
    assert not (tmp_path / "run").exists()

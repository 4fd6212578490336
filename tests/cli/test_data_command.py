"""``wildsr data``: exit codes and what is printed."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from wildsr.data.catalogue.published import PUBLISHED_SETS

Run = Callable[..., Result]


def test_list_names_every_set(wildsr: Run) -> None:
    output = wildsr("data", "list")
    assert output.exit_code == 0
    assert all(f"\n{name} " in f"\n{output.stdout}" for name in PUBLISHED_SETS)
    assert [one["name"] for one in json.loads(wildsr("data", "list", "--json").stdout)] == [*PUBLISHED_SETS]


def test_show_says_what_is_unknown(wildsr: Run) -> None:
    output = wildsr("data", "show", "ntire2020-track1").stdout
    assert "Corrupted-tr-x.zip" in output
    assert "unknown" in output
    assert "realsr-df2k" in output
    assert wildsr("data", "show", "nothing").exit_code == 2


def test_pull_by_hand_ends_with_its_steps(wildsr: Run, tmp_path: Path) -> None:
    output = wildsr("data", "pull", "dped", "--to", tmp_path / "dped")
    assert output.exit_code == 1
    assert "1. Open http://people.ee.ethz.ch/~ihnatova/#dataset" in output.stdout


def test_one_folder_for_several_sets_is_wrong_usage(wildsr: Run, tmp_path: Path) -> None:
    output = wildsr("data", "pull", "set5", "set14", "--to", tmp_path)
    assert output.exit_code == 2
    assert "one data set" in output.stderr


def test_check_and_layout(
    wildsr: Run, save_photo: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for index in range(1, 25):
        save_photo(tmp_path / "kodak" / f"kodim{index:02}.png", 512 // 16, 768 // 16)
    assert wildsr("data", "check", "kodak", "kodak").exit_code == 0
    assert wildsr("data", "layout", "kodak", "kodak", "-o", "data").exit_code == 0
    assert len(list((tmp_path / "data" / "testsets" / "Kodak24").iterdir())) == 24
    (tmp_path / "kodak" / "kodim07.png").unlink()
    output = wildsr("data", "check", "kodak", "kodak", "--json")
    assert output.exit_code == 1
    assert "23 images are there, 24 were published" in json.loads(output.stdout)["problems"][0]

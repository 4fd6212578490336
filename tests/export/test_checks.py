"""The measures of the checks, and files that are added to a folder or not at all."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from wildsr.export import checks
from wildsr.storage.folders import adding_to


def double(image: Tensor) -> Tensor:
    return F.interpolate(image, scale_factor=2, mode="nearest")


def test_psnr() -> None:
    image = torch.full((1, 3, 4, 4), 0.5)
    assert checks.psnr(image + 0.01, image) == pytest.approx(40, abs=1e-3)
    assert checks.psnr(10 * image + 0.05, 10 * image) == pytest.approx(40, abs=1e-3), "5 is the peak"
    assert checks.psnr(image, image) == float("inf")
    assert checks.psnr(image[..., :2], image) == -float("inf")
    assert checks.psnr(image * float("nan"), image) == -float("inf")


def test_tiles_of_a_network_without_neighbours_have_no_seams() -> None:
    image = checks.probe_image(25, 37)
    assert torch.equal(checks.tiled(double, image, 10, 3, 2), double(image))


def test_seam_levels() -> None:
    whole = torch.full((1, 3, 20, 30), 0.5)
    shifted = whole.clone()
    shifted[..., 10:] += 2 / 255
    mean, largest = checks.seam_levels(shifted, whole, 10)
    assert largest == pytest.approx(2, abs=1e-3)
    assert mean == pytest.approx(2 * 20 / (20 + 20 + 30), abs=1e-3), "one of two columns and a row"
    assert checks.seam_levels(whole + 0.1, whole, 10) == (pytest.approx(0), pytest.approx(0))


def add(folder: Path, contents: dict[str, str], *, fail: bool = False) -> None:
    with adding_to(folder, overwrite=True) as new:
        for name, content in contents.items():
            (new / name).parent.mkdir(exist_ok=True)
            (new / name).write_text(content)
        if fail:
            raise KeyError


def test_files_are_added_beside_others(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    for content in ("one", "two"):
        add(folder, {"sub/file": content})
        (folder / "other").write_text("other")
        assert (folder / "sub" / "file").read_text() == content
    assert sorted(path.name for path in folder.iterdir()) == ["other", "sub"]


def test_an_error_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        add(tmp_path / "a" / "b", {"file": "half"}, fail=True)
    assert list(tmp_path.iterdir()) == []


def test_existing_files_stay(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("old")

    def add_both() -> None:
        with adding_to(tmp_path) as new:
            (new / "a").write_text("new")
            (new / "b").write_text("new")

    with pytest.raises(FileExistsError):
        add_both()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"b": "old"}


def test_an_error_while_moving_undoes_what_was_moved(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    (tmp_path / "c").write_text("a file where a folder is needed")
    with pytest.raises(OSError):
        add(tmp_path, {"a": "new", "c/d": "new"})
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "a": "old",
        "c": "a file where a folder is needed",
    }

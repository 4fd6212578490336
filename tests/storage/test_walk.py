"""The walk through folders."""

import os
from pathlib import Path

import pytest

from wildsr.storage.walk import files_below


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.png", "a.PNG", "a.txt", ".c.png", "sub/z.png", "sub/.d/e.png", "out/f.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def names(folder: Path, excluded: Path | None = None) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in files_below(folder, {".png"}, excluded=excluded)]


def test_order_suffixes_and_hidden_files(folder: Path) -> None:
    assert names(folder) == ["a.PNG", "b.png", "out/f.png", "sub/z.png"]
    assert names(folder, folder / "out") == ["a.PNG", "b.png", "sub/z.png"]


@pytest.mark.skipif(os.name != "posix", reason="special files and links of POSIX")
def test_special_files_and_links(folder: Path) -> None:
    os.mkfifo(folder / "pipe.png")
    (folder / "broken.png").symlink_to(folder / "none.png")
    (folder / "linked.png").symlink_to(folder / "b.png")
    (folder / "loop").symlink_to(folder)
    (folder / "out" / "more").symlink_to(folder / "sub")
    assert names(folder) == ["a.PNG", "b.png", "broken.png", "linked.png", "out/f.png", "sub/z.png"]
    followed = [
        path.relative_to(folder).as_posix()
        for path in files_below(folder, {".png"}, follow_links=True)
        if path.parent != folder
    ]
    assert followed == ["out/f.png", "out/more/z.png", "sub/z.png"]


def test_folders_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(files_below(tmp_path / "none", {".png"}))
    errors: list[OSError] = []
    assert list(files_below(tmp_path / "none", {".png"}, on_error=errors.append)) == []
    assert [error.filename for error in errors] == [str(tmp_path / "none")]


def test_links_to_themselves_are_listed_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "loop.png").symlink_to("loop.png")
    (tmp_path / "folder").symlink_to("folder")
    assert list(files_below(tmp_path, {".png"}, follow_links=True)) == [tmp_path / "loop.png"]

"""Atomic writes: the old file or the new one, and no temporary file left behind."""

import os
from pathlib import Path

import pytest

from wildsr.storage.atomic import PREFIX, SUFFIX, remove_stale, replacing, write_bytes, write_text


def test_an_error_keeps_the_old_file_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(IsADirectoryError), replacing(path) as temporary:
        (temporary.write_text("half"), tmp_path.read_text())
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_new_file_replaces_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "ä")
    assert path.read_bytes() == "ä".encode()
    write_bytes(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_text(tmp_path / "none" / "a.txt", "")


@pytest.mark.skipif(os.name != "posix", reason="permissions and links of POSIX")
def test_permissions_and_links_are_kept(tmp_path: Path) -> None:
    path, link = tmp_path / "a.txt", tmp_path / "link.txt"
    mask = os.umask(0o027)
    try:
        write_text(path, "one")
    finally:
        os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o640
    path.chmod(0o600)
    link.symlink_to(path)
    write_text(link, "two")
    assert link.is_symlink()
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("two", 0o600)


def test_without_overwriting_the_first_of_two_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with pytest.raises(FileExistsError), replacing(path, overwrite=False) as second:
        (write_text(path, "first"), second.write_text("second"))
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


def test_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise PermissionError("no links")

    monkeypatch.setattr(os, "link", none)
    path = tmp_path / "a.txt"
    with replacing(path, overwrite=False) as first:
        first.write_text("first")
    with pytest.raises(FileExistsError), replacing(path, overwrite=False) as second:
        second.write_text("second")
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes of POSIX")
def test_only_regular_files_are_replaced(tmp_path: Path) -> None:
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for path in (pipe, link, Path("/dev/null")):
        with pytest.raises(OSError, match="not a regular file"):
            write_text(path, "text")
    assert pipe.is_fifo()
    assert link.is_symlink()


def test_stale_files_of_killed_processes_are_removed(tmp_path: Path) -> None:
    old, new, other = (tmp_path / name for name in (f"{PREFIX}0{SUFFIX}", f"{PREFIX}1{SUFFIX}", "old.txt"))
    for path in (old, new, other):
        path.write_text("text")
    for path in (old, other):
        os.utime(path, (0, 0))
    remove_stale(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([new, other])
    remove_stale(tmp_path / "none")

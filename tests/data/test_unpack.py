"""Untrusted archives: unpacked whole, or refused without leaving files behind."""

import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from archives import make_tar, make_zip
from wildsr.data.errors import DataError
from wildsr.data.sets.unpack import ArchiveLimits, stem_of, unpack


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


USUAL = ArchiveLimits()
FILES = {"HR/0001.png": b"one", "HR/deep/0002.png": b"two"}


@pytest.mark.parametrize(
    ("name", "mode"), [("set.tar", "w"), ("set.tar.gz", "w:gz"), ("SET.TGZ", "w:gz"), ("set.zip", "")]
)
def test_unpacks_every_kind(tmp_path: Path, name: str, mode: str) -> None:
    archive = make_tar(tmp_path / name, FILES, mode) if mode else make_zip(tmp_path / name, FILES)
    assert unpack(archive, tmp_path / "out") == 2
    assert tree(tmp_path / "out") == FILES


def test_top_folder_of_the_same_name_is_not_repeated(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "DIV2K_valid_HR.zip", {"DIV2K_valid_HR/0801.png": b"x"})
    unpack(archive, tmp_path / stem_of(archive.name))
    assert tree(tmp_path / "DIV2K_valid_HR") == {"0801.png": b"x"}


def test_what_systems_add_is_left_out(tmp_path: Path) -> None:
    files = {"a.png": b"a", "__MACOSX/._a.png": b"junk", "x/.DS_Store": b"junk", "x/._b.png": b"junk"}
    unpack(make_zip(tmp_path / "set.zip", files), tmp_path / "out")
    assert tree(tmp_path / "out") == {"a.png": b"a"}


def test_unpacked_folders_have_usual_permissions(tmp_path: Path) -> None:
    unpack(make_zip(tmp_path / "set.zip", FILES), tmp_path / "out")
    (tmp_path / "usual").mkdir()
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "usual").stat().st_mode


def refused(archive: Path, target: Path, limits: ArchiveLimits = USUAL) -> str:
    """The message of a refusal; checks that no file is left."""
    before = set(target.parent.rglob("*"))
    with pytest.raises(DataError) as caught:
        unpack(archive, target, limits=limits)
    assert set(target.parent.rglob("*")) == before
    assert str(archive) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "name", ["../evil.png", "a/../../evil.png", "/evil.png", "..\\evil.png", "C:\\evil.png", "C:/evil.png"]
)
def test_places_outside_are_refused(tmp_path: Path, name: str) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    files = {"good.png": b"good", name: b"evil"}
    for archive in (make_zip(tmp_path / "a.zip", files), make_tar(tmp_path / "a.tar", files)):
        assert "outside of its folder" in refused(archive, inside / "out")
    assert not list(tmp_path.rglob("evil*"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_tars_are_refused(tmp_path: Path, kind: bytes) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo("link.png")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
    assert "link or a device" in refused(path, tmp_path / "out")


def test_links_in_zips_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("link.png")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    assert "link or a device" in refused(path, tmp_path / "out")


def test_bombs_are_refused_while_they_unpack(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "bomb.zip", {"zeros.png": bytes(1 << 22)})
    assert "is refused" in refused(archive, tmp_path / "out", ArchiveLimits(ratio=20, floor=1 << 16))
    many = make_zip(tmp_path / "many.zip", {f"{index}.png": b"" for index in range(5)})
    assert "more than 4 files" in refused(many, tmp_path / "out", ArchiveLimits(files=4))


def test_one_place_twice_is_refused(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"a.png": b"1", "A.PNG": b"2"})
    assert "twice" in refused(archive, tmp_path / "out")


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_archives_that_break_off_are_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a.{kind}"
    files = {f"{index}.png": os.urandom(5000) for index in range(4)}
    make_zip(path, files) if kind == "zip" else make_tar(path, files, "w:gz" if kind == "tar.gz" else "w")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    assert "damaged or incomplete" in refused(path, tmp_path / "out")


def test_changed_bytes_in_a_zip_are_noticed(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("a.png", b"content" * 100)
    content = bytearray(archive.read_bytes())
    content[200] ^= 1
    archive.write_bytes(content)
    assert "damaged" in refused(archive, tmp_path / "out")


def test_encrypted_zips_are_refused(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"a.png": b"content"})
    content = bytearray(archive.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.find(signature) + offset] |= 1
    archive.write_bytes(content)
    assert "cannot be unpacked" in refused(archive, tmp_path / "out")


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    for name, content in (("a.zip", b"<html>"), ("a.tar.gz", b"no"), ("a.tar", b"no"), ("a.rar", b"Rar!")):
        (tmp_path / name).write_bytes(content)
        refused(tmp_path / name, tmp_path / "out")
    assert "holds no file" in refused(make_zip(tmp_path / "empty.zip", {}), tmp_path / "out")


def test_a_folder_that_is_there_is_never_touched(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.png").write_bytes(b"mine")
    with pytest.raises(DataError, match="exists already"):
        unpack(make_zip(tmp_path / "a.zip", FILES), tmp_path / "out")
    assert tree(tmp_path / "out") == {"mine.png": b"mine"}

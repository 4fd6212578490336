"""Which images are found, paired, left out, and kept in a store."""

import json
from pathlib import Path
from shutil import copy
from typing import Any

import lmdb
import pytest
import torch

from image_folders import photograph, save, save_folder, save_pairs
from wildsr.data.errors import DataError
from wildsr.data.image_sets import find_images, open_source
from wildsr.data.pairs import find_pairs
from wildsr.data.store import Store, contents, write_store
from wildsr.image import ImageError


def test_subfolders_small_and_hidden_images(tmp_path: Path) -> None:
    save(tmp_path / "b/deep/1.png", photograph(1, 40, 50))
    save(tmp_path / "a.jpg", photograph(2, 40, 40))
    save(tmp_path / "small.png", photograph(2, 40, 20))
    save(tmp_path / ".thumbnails/a.png", photograph(2, 40, 40))
    (tmp_path / "notes.txt").write_text("no image")
    images = find_images(tmp_path, 32)
    assert images.names == ["a.jpg", "b/deep/1.png"]
    assert images.small == ["small.png"]
    assert images[1].shape == (3, 40, 50)
    assert images.bytes == 3 * 40 * 90


def test_several_folders_are_one_set(tmp_path: Path) -> None:
    one, other = save_folder(tmp_path / "one", 2), save_folder(tmp_path / "other", 1)
    images = find_images((one, other), 16)
    assert images.names == [f"{one}/00.png", f"{one}/01.png", f"{other}/00.png"]
    assert torch.equal(images[2], images[0])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda _: None, "does not exist"),
        (lambda folder: folder.mkdir(), "holds no image"),
        (lambda folder: folder.write_text("x"), "neither a folder nor a store"),
        (lambda folder: save_folder(folder, 1, 20, 20), "no image of at least 32x32"),
    ],
)
def test_unfit_folders(tmp_path: Path, make: object, message: str) -> None:
    make(tmp_path / "folder")  # type: ignore[operator]
    with pytest.raises(DataError, match=message):
        find_images(tmp_path / "folder", 32)


def test_a_few_broken_files_are_listed_and_many_are_an_error(tmp_path: Path) -> None:
    save_folder(tmp_path, 20, 32, 32)
    (tmp_path / "00.png").write_bytes(b"no image at all")
    images = find_images(tmp_path, 32)
    assert len(images) == 19
    assert "00.png" in images.unreadable[0]
    (tmp_path / "01.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"2 of 20 images cannot be read(.|\n)*00.png(.|\n)*01.png"):
        find_images(tmp_path, 32)


def test_pairs_by_name(tmp_path: Path) -> None:
    save_pairs(tmp_path, 3)
    (tmp_path / "LR/01.png").rename(tmp_path / "LR/01x4.png")
    (tmp_path / "LR/02.png").rename(tmp_path / "LR/02_x4.png")
    for side in ("LR", "HR"):
        for name in ("baby", "box1"):
            copy(tmp_path / side / "00.png", tmp_path / side / f"{name}.png")
    (tmp_path / "LR/baby.png").rename(tmp_path / "LR/babyx4.png")
    (tmp_path / "HR/00.png").rename(tmp_path / "HR/00_HR.png")
    lr, hr = find_pairs(tmp_path / "LR", tmp_path / "HR", 4, 8)
    assert list(zip(lr.names, hr.names, strict=True)) == [
        ("00.png", "00_HR.png"),
        ("01x4.png", "01.png"),
        ("02_x4.png", "02.png"),
        ("babyx4.png", "baby.png"),
        ("box1.png", "box1.png"),
    ]


def test_pairs_without_partners_are_listed(tmp_path: Path) -> None:
    save_pairs(tmp_path, 3)
    (tmp_path / "LR/01.png").rename(tmp_path / "LR/other.png")
    with pytest.raises(DataError, match=r"2 images have no partner(.|\n)*LR/other.png(.|\n)*HR/01.png"):
        find_pairs(tmp_path / "LR", tmp_path / "HR", 4, 8)


def test_two_images_of_one_name_are_no_pair(tmp_path: Path) -> None:
    save_pairs(tmp_path, 1)
    save(tmp_path / "HR/00.jpg", photograph(0, 64, 96))
    with pytest.raises(
        DataError, match=r"ambiguous(.|\n)*LR: 00\.png might belong to .*HR: 00\.jpg, 00\.png"
    ):
        find_pairs(tmp_path / "LR", tmp_path / "HR", 4, 8)


def test_pairs_of_another_scale_are_told_with_their_sizes(tmp_path: Path) -> None:
    save_pairs(tmp_path, 3)
    save(tmp_path / "HR/01.png", photograph(1, 60, 96))
    with pytest.raises(DataError, match=r"1 of 3 pairs(.|\n)*LR/01.png is 24x16, .*HR/01.png is 96x60"):
        find_pairs(tmp_path / "LR", tmp_path / "HR", 4, 8)


def test_a_pair_that_cannot_be_read_is_no_mismatch(tmp_path: Path) -> None:
    save_pairs(tmp_path, 21, 32)
    (tmp_path / "HR/07.png").write_bytes(b"")
    lr, hr = find_pairs(tmp_path / "LR", tmp_path / "HR", 4, 8)
    assert len(lr) == len(hr) == 20
    assert "07.png" in hr.unreadable[0]


def test_a_store_holds_what_the_folder_does(tmp_path: Path) -> None:
    folder, path = save_folder(tmp_path / "photos", 4), tmp_path / "photos.lmdb"
    names = [f"{number:02}.png" for number in range(4)]
    assert write_store(path, contents(folder, names)) == 4
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["photos.lmdb"]
    stored, plain = find_images(path, 16), find_images(folder, 16)
    assert stored.names == plain.names
    assert stored.sizes == plain.sizes
    assert all(torch.equal(stored[index], plain[index]) for index in range(4))
    # written again while it is open
    write_store(path, contents(folder, names[1:2]))
    assert torch.equal(Store(path).read("01.png"), plain[1])
    assert find_images(path, 16).names == ["01.png"]


def test_stores_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        open_source(tmp_path / "none.lmdb")
    (tmp_path / "text.lmdb").write_text("not a store" * 1000)
    with pytest.raises(DataError, match="cannot be read as a store"):
        open_source(tmp_path / "text.lmdb")
    photo = save(tmp_path / "a.png", photograph(0, 20, 20)).read_bytes()
    with pytest.raises(DataError, match=r"a\.png occurs twice"):
        write_store(tmp_path / "twice.lmdb", [("a.png", photo), ("a.png", photo)])
    with pytest.raises(ImageError, match=r"b\.png"):
        write_store(tmp_path / "bad.lmdb", [("a.png", photo), ("b.png", b"no image")])
    with pytest.raises(DataError, match=r"must end in \.lmdb"):
        write_store(tmp_path / "store", [])
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.png", "text.lmdb"]


@pytest.mark.parametrize("index", [{"version": None}, {"pictures": [["a.png", "wide", 2]]}])
def test_stores_with_a_damaged_index(tmp_path: Path, index: dict[str, Any]) -> None:
    path = tmp_path / "damaged.lmdb"
    write_store(path, [])
    with lmdb.open(str(path), subdir=False) as environment, environment.begin(write=True) as transaction:
        (key,) = [bytes(key) for key, _ in transaction.cursor()]
        content = json.loads(transaction.get(key)) | index
        transaction.put(
            key, json.dumps({name: value for name, value in content.items() if value is not None}).encode()
        )
    with pytest.raises(DataError, match="is not a store"):
        Store(path)


def test_cut_off_store_is_refused(tmp_path: Path) -> None:
    """LMDB maps the file into memory: reading beyond its end killed the process."""
    path = tmp_path / "photos.lmdb"
    write_store(
        path, contents(save_folder(tmp_path / "photos", 4), [f"{index:02}.png" for index in range(4)])
    )
    sound = path.read_bytes()
    for kept in (9000, len(sound) // 2, len(sound) - 1):
        path.write_bytes(sound[:kept])
        with pytest.raises(DataError, match="cannot be read as a store of images"):
            open_source(path)


def test_damaged_pages_of_a_store_are_explained(tmp_path: Path) -> None:
    path = tmp_path / "photos.lmdb"
    names = [f"{index:02}.png" for index in range(4)]
    write_store(path, contents(save_folder(tmp_path / "photos", 4), names))
    sound = path.read_bytes()
    refused = 0
    for page in range(2, len(sound) // 4096):
        path.write_bytes(sound[: page * 4096] + b"\xff" * 4096 + sound[(page + 1) * 4096 :])
        try:
            source = open_source(path)
        except DataError:
            refused += 1
            continue
        for name in source.names:
            try:
                source.read(name)
            except ImageError:
                refused += 1
    assert refused


def test_names_that_lead_out_of_the_folder_are_not_packed(tmp_path: Path) -> None:
    save(tmp_path / "secret.png", photograph(1, 40, 40))
    (tmp_path / "LR").mkdir()
    for name in ("../secret.png", str(tmp_path / "secret.png")):
        with pytest.raises(DataError, match="within a folder"):
            write_store(tmp_path / "photos.lmdb", contents(tmp_path / "LR", [name]))
    assert not (tmp_path / "photos.lmdb").exists()

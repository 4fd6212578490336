"""The inventory of a folder of photos."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from wildsr.errors import UsageError
from wildsr.estimation.errors import NoImages
from wildsr.estimation.inventory import take_inventory
from wildsr.image.jpeg_facts import jpeg_facts, standard_tables

CAT = Image.fromarray(data.chelsea())


def photo(path: Path, make: str = "", model: str = "", turn: int = 0, **options: object) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = make, model
    path.parent.mkdir(exist_ok=True, parents=True)
    CAT.rotate(turn, expand=True).crop((0, 0, 200, 160)).save(path, exif=exif, **options)  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for index in range(8):
        photo(tmp_path / f"a{index}.jpg", "Acme", "Acme 1 (pro)", index + 1, quality=70 + index)
    photo(tmp_path / "b.jpg", "Other", "Two", 40)
    (tmp_path / "copy.jpg").write_bytes((tmp_path / "a0.jpg").read_bytes())
    (tmp_path / "broken.jpg").write_bytes((tmp_path / "a1.jpg").read_bytes()[:600])
    (tmp_path / "empty.png").touch()
    (tmp_path / "film.mp4").write_bytes(b"film")
    (tmp_path / "text.txt").write_text("no photo")
    Image.new("RGB", (100, 100)).save(tmp_path / "black.png")
    Image.new("RGB", (20, 100), (1, 90, 9)).save(tmp_path / "small.png")
    screen = np.full((200, 200, 3), 240, np.uint8)
    screen[20:30, 10:60] = 0
    Image.fromarray(screen).save(tmp_path / "window.png")
    CAT.save(tmp_path / "Screenshot 1.png")
    return tmp_path


def test_what_cannot_be_used_is_named_with_its_reason(folder: Path) -> None:
    found = take_inventory([folder])
    assert found.cameras == {"Acme 1 (pro)": 8, "Other Two": 1}
    reasons = dict(found.problems)
    expected = {
        "copy.jpg": "the same as a0.jpg", "broken.jpg": "unreadable", "empty.png": "unreadable", "film.mp4": "a video",
        "black.png": "black", "small.png": "too small", "window.png": "screenshot", "Screenshot 1.png": "screenshot",
    }  # fmt: skip
    assert set(reasons) == set(expected)
    for name, reason in expected.items():
        assert reason in reasons[name]


def test_one_camera_can_be_chosen(folder: Path) -> None:
    assert take_inventory([folder], only="acme 1 (PRO)").cameras == {"Acme 1 (pro)": 8}
    with pytest.raises(UsageError, match="Other Two"):
        take_inventory([folder], only="Nikon")
    with pytest.raises(NoImages, match="does not exist"):
        take_inventory([folder / "missing"])


def test_a_split_depends_on_names_only(folder: Path) -> None:
    training, held_out = take_inventory([folder]).split(0.25)
    assert len(training) == 7
    assert len(held_out) == 2
    assert not {photo.name for photo in training} & {photo.name for photo in held_out}
    alone = take_inventory([photo.path for photo in (*held_out, *training)])
    assert {photo.name for photo in alone.split(0.25)[1]} == {photo.name for photo in held_out}


def test_photos_of_two_cards_are_told_apart(tmp_path: Path) -> None:
    cards = [tmp_path / card / "DCIM" for card in ("a", "b")]
    for index, card in enumerate(cards):
        photo(card / "1.jpg", turn=10 * index)
        (card / "1.mp4").touch()
    found = take_inventory(cards)
    assert [one.name for one in found.usable] == ["a/DCIM/1.jpg", "b/DCIM/1.jpg"]
    assert [name for name, _ in found.others] == ["a/DCIM/1.mp4", "b/DCIM/1.mp4"]
    assert [len(part) for part in found.split(0.5)] == [1, 1]


@pytest.mark.parametrize(("quality", "subsampling"), [(60, "4:2:0"), (85, "4:2:2"), (95, "4:4:4")])
def test_compression_is_read_from_the_tables(tmp_path: Path, quality: int, subsampling: str) -> None:
    photo(tmp_path / "a.jpg", quality=quality, subsampling=subsampling)
    facts = take_inventory([tmp_path]).usable[0].jpeg
    assert facts is not None
    assert (facts.quality, facts.subsampling, facts.standard) == (quality, subsampling, True)
    tables = [[min(step * 3 // 2, 255) for step in one] for one in standard_tables(quality)]
    photo(tmp_path / "b.jpg", qtables=tables)
    own = jpeg_facts((tmp_path / "b.jpg").read_bytes())
    assert not own.standard
    assert [list(own.luma), list(own.chroma)] == tables


def test_damaged_headers_are_errors(tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg")
    content = (tmp_path / "a.jpg").read_bytes()
    frame = content.index(b"\xff\xc0")
    for length in range(2, frame + 8, 7):
        with pytest.raises(ValueError, match=r"\w"):
            jpeg_facts(content[:length])

"""Blind comparisons: pairs, sides, crops, and reading votes."""

import base64
import json
from collections import Counter
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from evaluation_images import photograph, save_folder
from PIL import Image

from wildsr.evaluation.compare.contenders import Collected, collect, open_contenders, split_arguments
from wildsr.evaluation.compare.page import write_page
from wildsr.evaluation.compare.sheet import GAP, write_sheet
from wildsr.evaluation.compare.trials import Key, Trial, encoded, load_key, plan
from wildsr.evaluation.compare.votes import load_votes
from wildsr.evaluation.compare.windows import Comparison, prepare
from wildsr.evaluation.evaluate import RunOptions
from wildsr.evaluation.pairing import PairingError
from wildsr.evaluation.preference import Vote
from wildsr.image import read_levels


def all_of(images: int, contenders: int = 2) -> dict[str, list[bool]]:
    return {f"image {number}": [True] * contenders for number in range(images)}


def test_every_two_contenders_meet_once_on_every_image() -> None:
    key = plan(["a", "b", "c"], all_of(7, 3), seed=3)
    met = [(pair.image, *sorted((pair.left, pair.right))) for pair in key.pairs]
    assert sorted(met) == [
        (image, one, other) for image in range(7) for one, other in [(0, 1), (0, 2), (1, 2)]
    ]
    assert [pair.image for pair in key.pairs] != sorted(pair.image for pair in key.pairs)
    assert plan(["a", "b", "c"], all_of(7, 3), seed=3) == key
    assert plan(["a", "b", "c"], all_of(7, 3), seed=4) != key


@pytest.mark.parametrize("seed", range(5))
def test_sides_are_balanced(seed: int) -> None:
    key = plan(["a", "b"], all_of(11), seed)
    left = sum(pair.left == 0 for pair in key.pairs)
    assert left in (5, 6)
    # Not by turns.
    swaps = [pair.left for pair in sorted(key.pairs, key=lambda pair: pair.image)]
    assert swaps not in ([0, 1] * 5 + [0], [1, 0] * 5 + [1])


def test_a_limit_takes_as_many_of_every_pairing() -> None:
    key = plan(["a", "b", "c"], all_of(50, 3), seed=0, most=30)
    counted = Counter(tuple(sorted((pair.left, pair.right))) for pair in key.pairs)
    assert counted == {(0, 1): 10, (0, 2): 10, (1, 2): 10}


def test_what_a_contender_lacks_is_left_out() -> None:
    key = plan(["a", "b", "c"], {"x": [True, False, True], "y": [False, False, True]}, seed=0)
    assert [(pair.image, {pair.left, pair.right}) for pair in key.pairs] == [(0, {0, 2})]
    with pytest.raises(ValueError, match="two contenders"):
        plan(["a", "b"], {"x": [True, False]}, seed=0)


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    photo = photograph(96, 120)
    lr = photo[..., ::4, ::4]
    save_folder(tmp_path / "in", one=lr, two=lr.flip(3), three=lr.flip(2))
    save_folder(tmp_path / "ours", one_x4=photo, two_x4=photo.flip(3), three_x4=photo.flip(2))
    save_folder(tmp_path / "theirs", one=photo / 2, two=photo.flip(3) / 2)
    return tmp_path


def test_the_last_argument_is_the_inputs(folders: Path) -> None:
    ours, theirs, photos = (str(folders / name) for name in ("ours", "theirs", "in"))
    assert split_arguments([ours, theirs], None) == ([ours, theirs], None)
    assert split_arguments(["default", ours, photos], None) == (["default", ours], folders / "in")
    assert split_arguments(["default", ours, f"x={photos}"], None) == (["default", ours, f"x={photos}"], None)
    assert split_arguments(["a", "b", "default"], None) == (["a", "b", "default"], None)
    photo = str(folders / "in" / "one.png")
    assert split_arguments([ours, theirs, photo], None) == ([ours, theirs], Path(photo))
    assert split_arguments([ours, theirs, theirs], Path(photos)) == ([ours, theirs, theirs], Path(photos))
    with pytest.raises(ValueError, match="at least two"):
        split_arguments([ours], None)


def test_names_of_contenders(folders: Path) -> None:
    found = open_contenders([str(folders / "ours"), f"x={folders / 'theirs'}", "bicubic", "y=default"])
    assert [one.name for one in found] == ["ours", "x", "bicubic", "y"]
    with pytest.raises(ValueError, match="two contenders are called 'ours'"):
        open_contenders([str(folders / "ours"), str(folders / "ours")])


def gathered(folders: Path, *given: str, inputs: str | None = "in") -> Collected:
    contenders = open_contenders([str(folders / one) if (folders / one).is_dir() else one for one in given])
    return collect(contenders, folders / inputs if inputs else None, RunOptions(cache=folders / "cache"))


def test_models_and_folders_meet_by_name(folders: Path) -> None:
    found = gathered(folders, "bicubic", "ours", "theirs")
    one, three, two = found.subjects
    assert (one.name, three.name, two.name) == ("one", "three", "two")
    assert [None if path is None else path.stem for path in (*two.results[1:], three.results[2])] == [
        "two_x4",
        "two",
        None,
    ]
    bicubic = two.results[0]
    assert bicubic is not None
    assert read_levels(bicubic).shape == (1, 3, 96, 120)
    assert found.notes == ("theirs has no result for three",)


def test_folders_need_no_inputs_and_models_do(folders: Path) -> None:
    found = gathered(folders, "ours", "theirs", inputs=None)
    assert [(one.name, one.lr, None not in one.results) for one in found.subjects] == [
        ("one_x4", None, True),
        ("three_x4", None, False),
        ("two_x4", None, True),
    ]
    with pytest.raises(ValueError, match="needs images"):
        gathered(folders, "ours", "bicubic", inputs=None)
    single = gathered(folders, "bicubic", "theirs", inputs="in/two.png")
    assert [(one.name, None in one.results) for one in single.subjects] == [("two", False)]
    save_folder(folders / "strangers", four=photograph(96, 120))
    with pytest.raises(PairingError):
        gathered(folders, "ours", "strangers")


def test_an_addition_is_removed_from_all_folders(folders: Path) -> None:
    for name in ("ours", "theirs"):
        for path in (folders / name).iterdir():
            path.rename(path.with_name(f"{path.stem.removesuffix('_x4')}-mine.png"))
    contenders = open_contenders([str(folders / "ours"), str(folders / "theirs")])
    found = collect(contenders, None, RunOptions(cache=folders / "cache"), suffix="-mine")
    assert [(one.name, None not in one.results) for one in found.subjects] == [
        ("one", True),
        ("three", False),
        ("two", True),
    ]
    assert found.notes == ("theirs has no result for three",)


def test_inputs_that_differ_by_their_format_stay_apart(folders: Path) -> None:
    photo = photograph(24, 30)
    Image.fromarray((photo[0].permute(1, 2, 0) * 200).byte().numpy()).save(folders / "in" / "one.jpg")
    found = gathered(folders, "bicubic", "theirs")
    assert [one.name for one in found.subjects] == ["one.jpg", "one.png", "three", "two"]
    first, second, *_ = (one.results[0] for one in found.subjects)
    assert first is not None
    assert second is not None
    assert read_levels(first).float().mean() != read_levels(second).float().mean()
    assert any("might belong to" in note for note in found.notes)


def made(folders: Path, side: int = 768, seed: int = 0) -> Comparison:
    return prepare(["ours", "theirs"], gathered(folders, "ours", "theirs").subjects, side=side, seed=seed)


def opened(content: bytes) -> torch.Tensor:
    return torch.from_numpy(np.array(Image.open(BytesIO(content)))).permute(2, 0, 1)[None]


def test_windows_hold_the_pixels_of_the_results(folders: Path) -> None:
    comparison = made(folders)
    one = comparison.key.images.index("one")
    assert torch.equal(opened(comparison.windows[one, 0]), read_levels(folders / "ours" / "one_x4.png"))
    assert torch.equal(opened(comparison.inputs[one]), read_levels(folders / "in" / "one.png"))
    assert comparison.sizes[one] == (120, 96)


def test_of_large_images_the_place_where_they_differ_is_shown(folders: Path) -> None:
    whole = read_levels(folders / "ours" / "one_x4.png").float() / 255
    changed = whole.clone()
    changed[..., 60:90, 80:110] = 0
    save_folder(folders / "theirs", one=changed, two=photograph(96, 120))
    comparison = made(folders, side=48)
    one = comparison.key.images.index("one")
    ours, theirs = (opened(comparison.windows[one, side]) for side in (0, 1))
    assert ours.shape == theirs.shape == (1, 3, 48, 48)
    assert (ours != theirs).any(1).sum() >= 30 * 30 * 0.7
    assert opened(comparison.inputs[one]).shape == (1, 3, 12, 12)


def test_equal_pixels_and_other_sizes_make_no_pair(folders: Path) -> None:
    save_folder(folders / "theirs", one=photograph(96, 120))
    comparison = made(folders)
    assert [comparison.key.images[pair.image] for pair in comparison.key.pairs] == ["two"]
    assert any("same pixels" in note for note in comparison.notes)
    save_folder(folders / "theirs", two=photograph(48, 60))
    with pytest.raises(ValueError, match="nothing to compare"):
        made(folders)


def test_a_damaged_result_costs_its_pairs_only(folders: Path) -> None:
    path = folders / "theirs" / "one.png"
    path.write_bytes(path.read_bytes()[:-2000])
    comparison = made(folders)
    assert [comparison.key.images[pair.image] for pair in comparison.key.pairs] == ["two"]
    assert any("one is left out" in note for note in comparison.notes)


def test_other_pixels_are_another_comparison(folders: Path) -> None:
    """Otherwise a browser would continue with the votes on an older model of the same name."""
    first = made(folders)
    assert made(folders).identity == first.identity
    save_folder(folders / "theirs", two=photograph(96, 120) / 3)
    second = made(folders)
    assert second.key == first.key
    assert second.identity != first.identity


def test_the_page_does_not_show_the_key(folders: Path) -> None:
    subjects = gathered(folders, "ours", "theirs").subjects
    comparison = prepare(["contender-1", "contender-2"], subjects)
    write_page(comparison, folders / "page.html", question="Which <b> is better?")
    content = (folders / "page.html").read_text(encoding="utf-8")
    assert "contender-" not in content
    assert '"two"' not in content
    assert "Which &lt;b&gt; is better?" in content
    assert "http://" not in content
    assert "https://" not in content


def test_encoding_is_undone_by_itself() -> None:
    text = encoded({"a": "ü", "b": [1, 2]}, 7)
    assert "ü" not in text
    again = encoded(json.loads(json.dumps({"a": "ü", "b": [1, 2]})), 7)
    assert text == again != encoded({"a": "ü", "b": [1, 2]}, 8)
    state, plain = 7, bytearray()
    for value in base64.b64decode(text):
        state = (state * 1664525 + 1013904223) % 2**32
        plain.append(value ^ (state >> 24))
    assert json.loads(plain) == {"a": "ü", "b": [1, 2]}


def test_a_sheet_is_images_without_names_and_a_key_apart(folders: Path) -> None:
    comparison = made(folders)
    key_path = write_sheet(comparison, folders / "sheet")
    assert key_path == folders / "sheet-key.json"
    assert sorted(path.name for path in (folders / "sheet").iterdir()) == [
        "README.txt",
        "answers.csv",
        "pair-001.png",
        "pair-002.png",
    ]
    key = load_key(key_path)
    assert key == comparison.key
    first = key.pairs[0]
    sides = opened((folders / "sheet" / "pair-001.png").read_bytes())
    left, right = (opened(comparison.windows[first.image, one]) for one in (first.left, first.right))
    assert torch.equal(sides[..., :120], left)
    assert torch.equal(sides[..., 120 + GAP :], right)
    for path in (folders / "sheet").iterdir():
        assert b"theirs" not in path.read_bytes()
        assert path.suffix != ".png" or not Image.open(path).info
    with pytest.raises(ValueError, match="new or an empty folder"):
        write_sheet(comparison, folders / "sheet")


KEY = Key(("ours", "theirs"), ("one", "two"), (Trial(1, 1, 0), Trial(0, 0, 1)), 5)


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    (tmp_path / "sheet").mkdir()
    (tmp_path / "sheet-key.json").write_text(json.dumps(KEY.as_json()))
    return tmp_path / "sheet" / "answers.csv"


def test_answers_are_counted_by_the_key(answers: Path) -> None:
    answers.write_text("pair,choice\npair-001, Left\npair-002.png,\n2,=\n", encoding="utf-8-sig")
    found = load_votes([answers])
    assert found.votes == (Vote("two", "theirs", "ours", "left"), Vote("one", "ours", "theirs", "tie"))
    assert found.contenders == ("ours", "theirs")
    elsewhere = answers.with_name("moved.json")
    (answers.parent.parent / "sheet-key.json").rename(elsewhere)
    with pytest.raises(ValueError, match="--key"):
        load_votes([answers])
    assert load_votes([answers], elsewhere) == found


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("pair,choice\n3,left\n", "there is no pair '3'"),
        ("pair,choice\n1,both\n", "'both' is not a choice"),
        ("number,choice\n1,left\n", "columns pair and choice"),
        ("pair,choice\n", "there are no votes"),
    ],
)
def test_answers_that_cannot_be_counted(answers: Path, content: str, message: str) -> None:
    answers.write_text(content)
    with pytest.raises(ValueError, match=message):
        load_votes([answers])


def test_votes_of_the_page(tmp_path: Path) -> None:
    vote = {"image": "a", "left": "x", "right": "y", "choice": "right", "seconds": 2}
    content = {"wildsr_votes": 1, "contenders": ["x", "y", "z"], "votes": [vote]}
    paths = [tmp_path / "1.json", tmp_path / "2.json"]
    paths[0].write_text(json.dumps(content))
    paths[1].write_text(json.dumps(content | {"judge": "B"}))
    found = load_votes(paths)
    assert found.votes == (Vote("a", "x", "y", "right"),) * 2
    assert found.contenders == ("x", "y", "z")
    paths[1].write_text(json.dumps(content))
    with pytest.raises(ValueError, match="same votes"):
        load_votes(paths)
    for wrong in ("{}", "[]", "no JSON", json.dumps(content | {"wildsr_votes": 9})):
        paths[1].write_text(wrong)
        with pytest.raises(ValueError, match="holds no votes"):
            load_votes(paths)
    paths[1].write_text(json.dumps({"wildsr_comparison": 1}))
    with pytest.raises(ValueError, match="not the key"):
        load_key(paths[1])

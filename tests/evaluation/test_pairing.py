"""Pairing of results and references by name."""

from pathlib import Path

import pytest

from wildsr.evaluation.pairing import PairingError, pair_folders


def folders(root: Path, results: list[str], truths: list[str]) -> tuple[Path, Path]:
    for folder, names in (("sr", results), ("hr", truths)):
        for name in names:
            path = root / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    return root / "sr", root / "hr"


def names(root: Path, results: list[str], truths: list[str], suffix: str = "") -> dict[str, str]:
    sr, hr = folders(root, results, truths)
    pairing = pair_folders(sr, hr, suffix)
    return {
        pair.second.relative_to(hr).as_posix(): pair.first.relative_to(sr).as_posix()
        for pair in pairing.pairs
    }


def test_equal_names_whatever_the_format_and_the_order(tmp_path: Path) -> None:
    found = names(tmp_path, ["b.png", "a.jpg", "deep/a.png", "notes.txt"], ["a.png", "b.tif", "deep/a.png"])
    assert found == {"a.png": "a.jpg", "b.tif": "b.png", "deep/a.png": "deep/a.png"}


@pytest.mark.parametrize(
    ("result", "truth"),
    [
        ("a_x4.png", "a.png"),
        ("0801x4.png", "0801.png"),
        ("a_SR.png", "a_HR.png"),
        ("a_x4_out.png", "a.png"),
        ("A-sr.png", "a.png"),
        ("Canon_001_LR4.png", "Canon_001_HR.png"),
        ("img_SRF_4_LR.png", "img_SRF_4_HR.png"),
        ("deep/a_fake.png", "deep/a_real.png"),
    ],
)
def test_labels_are_seen_through(tmp_path: Path, result: str, truth: str) -> None:
    assert names(tmp_path, [result, "z.png"], [truth, "z.png"])[truth] == result


@pytest.mark.parametrize(
    ("result", "truth"), [("a1.png", "a.png"), ("ax4.png", "a.png"), ("deep/a.png", "a.png")]
)
def test_other_names_are_other_images(tmp_path: Path, result: str, truth: str) -> None:
    assert names(tmp_path, [result, "z.png"], [truth, "z.png"]) == {"z.png": "z.png"}


def test_a_missing_image_shifts_nothing(tmp_path: Path) -> None:
    sr, hr = folders(tmp_path, ["b.png", "c.png", "x.png"], ["a.png", "b.png", "c.png"])
    pairing = pair_folders(sr, hr)
    assert [(pair.first.name, pair.second.name) for pair in pairing.pairs] == [("b.png",) * 2, ("c.png",) * 2]
    assert pairing.mismatches() == {
        "without_truth": [str(sr / "x.png")],
        "without_result": [str(hr / "a.png")],
    }


def test_what_is_ambiguous_is_not_paired(tmp_path: Path) -> None:
    sr, hr = folders(tmp_path, ["a_x2.png", "a_x4.png", "b.png"], ["a.png", "b.png"])
    pairing = pair_folders(sr, hr)
    assert [pair.name for pair in pairing.pairs] == ["b"]
    assert "a_x2.png" in pairing.ambiguous[0]
    assert "a_x4.png" in pairing.ambiguous[0]


def test_the_exact_name_wins_over_a_label(tmp_path: Path) -> None:
    assert names(tmp_path, ["a.png", "a_x4.png"], ["a.png"]) == {"a.png": "a.png"}


def test_what_was_added_can_be_said(tmp_path: Path) -> None:
    assert names(tmp_path, ["a_mine.png"], ["a.png"], "_mine") == {"a.png": "a_mine.png"}


def test_nothing_to_pair(tmp_path: Path) -> None:
    sr, hr = folders(tmp_path, ["a.png"], ["b.png"])
    with pytest.raises(PairingError, match="'a' and 'b'"):
        pair_folders(sr, hr)
    with pytest.raises(PairingError, match="no folder"):
        pair_folders(tmp_path / "nowhere", hr)
    (tmp_path / "empty").mkdir()
    with pytest.raises(PairingError, match="no image"):
        pair_folders(sr, tmp_path / "empty")

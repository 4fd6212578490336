"""``wildsr compare`` from the command line."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

Run = Callable[..., Result]
Save = Callable[..., Path]


@pytest.fixture
def photos(tmp_path: Path, save_photo: Save) -> Path:
    for name in ("a", "b"):
        save_photo(tmp_path / "photos" / f"{name}.png")
    return tmp_path / "photos"


def test_models_on_photos(wildsr: Run, photos: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    done = wildsr("compare", "bicubic", "tiny", photos, "-o", page, "--cache", tmp_path / "cache")
    assert done.exit_code == 0, done.output
    assert "2 pairs of bicubic, tiny" in done.output
    assert page.read_text(encoding="utf-8").lower().startswith("<!doctype html>")


def test_a_sheet_and_its_answers(wildsr: Run, photos: Path, tmp_path: Path) -> None:
    sheet, found = tmp_path / "sheet", tmp_path / "found.json"
    done = wildsr("compare", "bicubic", "tiny", "-i", photos, "--sheet", sheet, "--cache", tmp_path / "cache")
    assert done.exit_code == 0, done.output
    assert "sheet-key.json" in done.output
    key = json.loads((tmp_path / "sheet-key.json").read_text())
    wanted = ["left" if key["contenders"][left] == "tiny" else "right" for _, left, _ in key["pairs"]]
    lines = [f"pair-00{number},{choice}" for number, choice in enumerate(wanted, start=1)]
    (sheet / "answers.csv").write_text("\n".join(["pair,choice", *lines]))
    counted = wildsr("compare", "--tally", sheet / "answers.csv", "-o", found)
    assert counted.exit_code == 0, counted.output
    assert "2 votes on 2 images" in counted.output
    (match,) = json.loads(found.read_text())["preferences"]
    assert (match["first"], match["wins"], match["losses"]) == ("bicubic", 0, 2)


def test_three_contenders_get_strengths(wildsr: Run, tmp_path: Path) -> None:
    votes = [
        {"image": str(number), "left": left, "right": right, "choice": "left"}
        for number in range(4)
        for left, right in (("x", "y"), ("y", "z"), ("x", "z"))
    ]
    content = {"wildsr_votes": 1, "contenders": ["z", "y", "x"], "votes": votes}
    (tmp_path / "votes.json").write_text(json.dumps(content))
    done = wildsr("compare", "--tally", tmp_path / "votes.json")
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    places = [
        next(index for index, line in enumerate(lines) if line.strip().startswith(f"{name} "))
        for name in "xyz"
    ]
    assert places == sorted(places)
    assert "average contender" in done.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("bicubic", "{photos}"), "needs images"),
        (("bicubic", "tiny"), "needs images"),
        (("tiny",), "at least two"),
        (("nonsense", "tiny", "{photos}"), "no model named 'nonsense'"),
        (("bicubic", "tiny", "-i", "nowhere"), "there is no nowhere"),
        (("bicubic", "tiny", "{photos}", "-o", "{photos}"), "is a folder"),
        (("bicubic", "tiny", "{photos}", "-o", "{photos}/no/page.html"), "there is no folder"),
        (("bicubic", "tiny", "{photos}", "-o", "p.html", "--sheet", "s"), "use one of them"),
        (("bicubic", "tiny", "{photos}", "--sheet", "{photos}"), "a new or an empty folder"),
        (("x=bicubic", "x={photos}", "{photos}"), "two contenders are called 'x'"),
        (("--tally", "{photos}/a.png"), "no votes"),
        (("--tally", "nowhere.json"), "nowhere.json"),
    ],
)
def test_wrong_usage(wildsr: Run, photos: Path, arguments: tuple[str, ...], message: str) -> None:
    given = (text.format(photos=photos) for text in arguments)
    done = wildsr("compare", *given)
    assert done.exit_code == 2, done.output
    assert message in " ".join(done.output.split())

"""The page of a blind comparison in a real browser: votes, undo, zoom, results, the saved file."""

import json
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from evaluation_images import save_folder
from PIL import Image

from chromium_pipe import Chromium, chromium, executable
from wildsr.evaluation.compare.contenders import Subject
from wildsr.evaluation.compare.page import write_page
from wildsr.evaluation.compare.votes import load_votes
from wildsr.evaluation.compare.windows import Comparison, prepare
from wildsr.evaluation.preference import tally

NAMES = ("red", "green", "blue <b>&</script>")
IMAGES = ("one", "two", "three", "four")


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """Contenders whose results have the colour of their name, with stripes of one pixel; and inputs in grey."""
    folder = tmp_path_factory.mktemp("compare")
    stripes = torch.zeros(1, 3, 200, 300)
    stripes[..., ::2] = 0.4
    subjects = []
    for name in IMAGES:
        paths = []
        for index in range(len(NAMES)):
            image = stripes.clone()
            image[:, index] = 1
            paths.append(save_folder(folder / str(index), **{name: image}) / f"{name}.png")
        lr = save_folder(folder / "in", **{name: torch.full((1, 3, 50, 75), 0.5)}) / f"{name}.png"
        subjects.append(Subject(name, lr, tuple(paths)))
    return prepare(NAMES, subjects, seed=1)


@pytest.fixture(scope="module")
def page(comparison: Comparison, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "compare.html"
    write_page(comparison, path)
    return path


@pytest.fixture(scope="module")
def program(page: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    found = executable()
    if found is None:
        pytest.skip("no Chromium here: install one, or name it in WILDSR_CHROMIUM")
    with chromium(found, tmp_path_factory.mktemp("profile")) as browser:
        browser.open(page)
        yield browser


@pytest.fixture
def browser(program: Chromium, page: Path) -> Chromium:
    """The page without votes, just started."""
    begin(program, page)
    return program


def begin(browser: Chromium, page: Path, **how: Any) -> None:
    browser.open(page, **how)
    browser.run("localStorage.clear()")
    browser.open(page, **how)
    browser.run(
        "document.querySelector('#judge').value = 'Ann O. Nym'; document.querySelector('#begin').requestSubmit()"
    )
    shown(browser)


def shown(browser: Chromium) -> None:
    """Wait until both images are loaded and painted."""
    ready = (
        "Promise.all([...document.querySelectorAll('.pane img')].map(i => i.decode()))"
        ".then(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))))"
    )
    browser.run(ready)


def screen(browser: Chromium) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(browser.screenshot())).convert("RGB")).astype(int)


def colours(browser: Chromium) -> list[int]:
    """Which channel is saturated in the middle of each pane."""
    image = screen(browser)
    found = []
    for side in ("left", "right"):
        x, y = (round(value) for value in browser.middle(f".pane[data-side={side}]"))
        found.append(int(image[y, x - 4 : x + 4].mean(0).argmax()))
    return found


def count(browser: Chromium) -> str:
    text: str = browser.run("document.querySelector('#count').textContent")
    return text


def test_the_page_shows_the_pairs_of_the_key_and_asks_for_nothing(
    browser: Chromium, page: Path, comparison: Comparison
) -> None:
    for number, pair in enumerate(comparison.key.pairs, start=1):
        assert count(browser) == f"{number} of 12"
        shown(browser)
        assert colours(browser) == [pair.left, pair.right]
        browser.key("ArrowLeft")
    assert browser.complaints() == []
    asked = {address for address in browser.requests() if not address.startswith(("data:", "blob:"))}
    assert asked <= {page.as_uri(), "about:blank"}


def test_votes_by_key_and_button_undo_and_resume(browser: Chromium, page: Path) -> None:
    browser.key("b", "b")
    browser.key("ArrowDown")
    browser.run("document.querySelector('.vote[data-choice=left]').click()")
    assert count(browser) == "4 of 12"
    browser.key("u", "u")
    assert count(browser) == "3 of 12"
    browser.open(page)  # as after closing it
    assert count(browser) == "3 of 12"
    browser.run("document.querySelector('#undo').click(); document.querySelector('#undo').click()")
    assert count(browser) == "1 of 12"
    assert browser.run("document.querySelector('#undo').disabled") is True


def saved(browser: Chromium, folder: Path) -> Path:
    browser.send("Page.setDownloadBehavior", behavior="allow", downloadPath=str(folder))
    browser.run("document.querySelector('#save').click()")
    for _ in range(200):
        if found := list(folder.glob("votes-*.json")):
            return found[0]
        time.sleep(0.05)
    raise TimeoutError("nothing was saved")


def test_saved_votes_and_results_are_those_of_the_command(
    browser: Chromium, tmp_path: Path, comparison: Comparison
) -> None:
    keys = ["ArrowLeft", "ArrowRight", "ArrowDown"]
    order = [0, 1, 0, 2, 0, 1, 1, 0, 2, 0, 0, 1]
    for one in order:
        browser.key(keys[one])
    assert browser.run("document.querySelector('#end').hidden") is False
    assert browser.run("document.querySelector('#results').hidden") is True
    path = saved(browser, tmp_path)
    assert path.name == f"votes-{comparison.identity[:6]}-Ann-O-Nym.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    assert [vote["choice"] for vote in content["votes"]] == [("left", "right", "tie")[one] for one in order]
    for vote, pair in zip(content["votes"], comparison.key.pairs, strict=True):
        assert (vote["image"], vote["left"], vote["right"]) == (
            comparison.key.images[pair.image],
            NAMES[pair.left],
            NAMES[pair.right],
        )
    votes = load_votes([path])
    ours, theirs = tally(votes.votes, votes.contenders).as_json(), content["results"]
    for strength in ("bradley_terry",):
        assert list(theirs[strength]) == list(ours[strength])
        for name in NAMES:
            assert theirs[strength][name] == pytest.approx(ours[strength][name], abs=1e-9)
    assert len(theirs["preferences"]) == len(ours["preferences"]) == 3
    for mine, other in zip(ours["preferences"], theirs["preferences"], strict=True):
        assert other.pop("share") == pytest.approx(mine.pop("share"), abs=1e-12)
        assert other.pop("p") == pytest.approx(mine.pop("p"), abs=1e-12)
        assert other == mine
    assert {name: theirs[name] for name in ("contenders", "votes", "images")} == {
        name: ours[name] for name in ("contenders", "votes", "images")
    }
    browser.run("document.querySelector('#reveal').click()")
    text = browser.run("document.querySelector('#results').innerText")
    assert all(name in text for name in NAMES)
    assert browser.run("document.querySelector('#back').hidden") is True
    assert browser.complaints() == []


def test_names_are_nowhere_before_the_end(browser: Chromium) -> None:
    text = browser.run("document.documentElement.outerHTML")
    assert not any(name in text.replace("colour-scheme", "") for name in ("green", "blue <b>", "blue &lt;b"))


def test_zoom_to_pixels(browser: Chromium) -> None:
    browser.key("3", "3")
    shown(browser)
    assert browser.run("document.querySelector('#pixels').textContent") == "300 %"
    image = screen(browser)
    for side in ("left", "right"):
        x, y = (round(value) for value in browser.middle(f".pane[data-side={side}]"))
        row = image[y, x - 60 : x + 60].min(1)
        changes = np.flatnonzero(np.diff(row))
        # Stripes of one pixel are three wide, with nothing in between: no blur.
        assert set(np.diff(changes).tolist()) == {3}
        assert len(set(row.tolist())) == 2
    at = browser.middle(".pane[data-side=left]")
    place = "new DOMMatrix(getComputedStyle(document.querySelector('.pane img')).transform).e"
    before = browser.run(place)
    browser.mouse(at, (at[0] + 30, at[1]), (at[0] + 60, at[1]))
    assert browser.run(place) - before == pytest.approx(60, abs=1)
    both = browser.run("[...document.querySelectorAll('.pane img')].map(i => i.style.transform)")
    assert both[0] == both[1]
    browser.key("0", "0")
    assert browser.run("document.querySelector('#pixels').textContent") == "200 %"


def test_one_place_and_the_input(browser: Chromium, comparison: Comparison) -> None:
    pair = comparison.key.pairs[0]
    browser.key("v", "v")
    shown(browser)
    assert colours(browser) == [pair.left, pair.left]
    browser.key(" ", " ")
    shown(browser)
    assert colours(browser) == [pair.right, pair.right]
    browser.run("document.querySelector('#flip').click()")
    shown(browser)
    assert colours(browser) == [pair.left, pair.left]
    browser.key("i", "i")
    shown(browser)
    x, y = (round(value) for value in browser.middle(".pane"))
    assert np.ptp(screen(browser)[y, x]) == 0  # grey
    browser.key("ArrowLeft")
    shown(browser)
    following = comparison.key.pairs[1]
    assert colours(browser)[0] in (following.left, following.right)


def test_on_a_phone(browser: Chromium, page: Path, comparison: Comparison) -> None:
    begin(browser, page, width=390, height=844, touch=True)
    assert browser.run("document.documentElement.scrollWidth") <= 390
    assert browser.run("document.documentElement.scrollHeight") <= 844
    boxes = browser.run("[...document.querySelectorAll('.pane')].map(p => p.getBoundingClientRect().top)")
    assert boxes[1] > boxes[0] + 200
    pair = comparison.key.pairs[0]
    assert colours(browser) == [pair.left, pair.right]
    zoom = "new DOMMatrix(getComputedStyle(document.querySelector('.pane img')).transform).a"
    before = browser.run(zoom)
    x, y = browser.middle(".pane")
    browser.touch(*[[(x - spread, y), (x + spread, y)] for spread in (10, 20, 30, 40)])
    assert browser.run(zoom) > 2 * before
    assert browser.complaints() == []

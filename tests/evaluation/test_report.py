"""The report: content, positions of crops, spectra, bad input; and the page in a real browser."""

import base64
import json
import math
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from torch import Tensor

from chromium_pipe import Chromium, chromium, executable
from wildsr.evaluation.report import crops, spectra, write_report
from wildsr.evaluation.report.charts import ticks
from wildsr.evaluation.report.scenes import downscaled, gather
from wildsr.evaluation.results import Metric, Results, Row

METRICS = (
    Metric("psnr", "PSNR", True, "dB", "on RGB <all>", True),
    Metric("niqe", "NIQE", False, "", "BasicSR's", False, 3),
)
METHODS = ("bicubic", "one <b>&\"'", "two</script>")
HOSTILE = 'cat <img src=x onerror="alert(1)"></script><!--'


def save(image: Tensor, path: Path) -> str:
    Image.fromarray(image[0].permute(1, 2, 0).contiguous().numpy()).save(path)
    return str(path)


def photograph(height: int, width: int, shift: int = 0) -> Tensor:
    pixels = data.astronaut()[shift : shift + height, shift : shift + width].copy()
    return torch.from_numpy(pixels).permute(2, 0, 1)[None]


def made_results(folder: Path) -> Results:
    """Three images, three methods; one number infinite, one missing, and one file missing."""
    rows = []
    for number, image in enumerate((HOSTILE, "b", "c")):
        hr = photograph(192, 256, 40 * number)
        common = {
            "lr": save(hr[..., ::4, ::4].contiguous(), folder / f"{number}-lr.png"),
            "hr": save(hr, folder / f"{number}-hr.png"),
            "bicubic": save(hr // 4 * 4, folder / f"{number}-0.png"),
        }
        for index, method in enumerate(METHODS):
            sr = hr.clone()
            sr[..., 48:144, 96 : 96 + 40 * index] //= 2
            path = common["bicubic"] if index == 0 else save(sr, folder / f"{number}-{index}.png")
            if (number, index) == (2, 2):
                path = str(folder / "gone.png")
            values = {"psnr": 20.0 + index + number, "niqe": 5.0 - index / 8 + number}
            if number == 1:
                values["psnr"] = math.inf if index == 1 else 30.0
                values.pop("niqe") if index == 2 else None
            rows.append(Row(image, method, values, "set & co", 0.5 * index, 1 << 28, sr=path, **common))
    protocol = {"scale": 4, "wildsr": "0.1.0", "weights": [f"<{index}>" for index in range(9)], "methods": {}}
    return Results(protocol, METRICS, METHODS, tuple(rows))


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return made_results(tmp_path_factory.mktemp("pictures"))


@pytest.fixture(scope="module")
def page(results: Results, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "out.html"
    write_report(results, path)
    return path


def content_of(page: Path) -> list[dict[str, Any]]:
    found = re.search(
        r'<script type="application/json" id="data">(.*?)</script>',
        page.read_text(encoding="utf-8"),
        re.DOTALL,
    )
    assert found
    scenes: list[dict[str, Any]] = json.loads(found.group(1))["scenes"]
    return scenes


def decoded(source: str) -> np.ndarray:
    head, _, coded = source.partition(",")
    assert head == "data:image/webp;base64"
    return np.asarray(Image.open(BytesIO(base64.b64decode(coded))).convert("RGB"))


class Tags(HTMLParser):
    """The elements with their attributes, and the text outside of scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.found[-1:] and self.found[-1][0] not in ("script", "style"):
            self.text.append(data)


def test_names_from_outside_stay_text(page: Path) -> None:
    tags = Tags()
    tags.feed(page.read_text(encoding="utf-8"))
    assert sum(tag == "script" for tag, _ in tags.found) == 2
    assert not [1 for tag, _ in tags.found if tag == "b" and "one" in "".join(tags.text[-1:])]
    assert not [key for _, attributes in tags.found for key in attributes if key.startswith("on")]
    assert not [attributes["src"] for _, attributes in tags.found if attributes.get("src")]
    shown = "".join(tags.text)
    assert all(name in shown for name in (*METHODS, HOSTILE, "set & co", "on RGB <all>", "<8>"))
    assert content_of(page)[0]["image"] == HOSTILE


def test_scenes_hold_every_version_and_name_what_is_missing(page: Path, results: Results) -> None:
    scenes = content_of(page)
    assert [scene["image"] for scene in scenes] == [HOSTILE, "b", "c"]
    labels = [layer["label"] for layer in scenes[0]["layers"]]
    assert labels == ["Input (LR)", *METHODS, "Ground truth (HR)"]
    assert scenes[0]["problems"] == []
    assert len(scenes[2]["problems"]) == 1
    assert "gone.png" in scenes[2]["problems"][0]
    shapes = [decoded(layer["src"]).shape for layer in scenes[0]["layers"]]
    assert shapes == [(48, 64, 3), *[(192, 256, 3)] * 4]
    assert scenes[1]["values"]["rows"][1]["texts"] == ["∞", "5.875"]
    assert scenes[1]["values"]["rows"][2]["texts"] == ["30.00", "–"]
    assert [row["best"] for row in scenes[0]["values"]["rows"]] == [
        [False, False],
        [False, False],
        [True, True],
    ]
    assert len(gather(results)) == 3


def test_crops_are_exact_and_lie_where_the_methods_differ(page: Path, results: Results) -> None:
    scene = content_of(page)[0]
    first = scene["crops"][0]
    assert (first["top"], first["left"], first["width"]) == (48, 96, crops.SIDE)
    tiles = {tile["label"]: decoded(tile["src"]) for tile in first["tiles"]}
    truth = np.asarray(Image.open(results.rows[0].hr))
    assert np.array_equal(tiles["Ground truth (HR)"], truth[48:144, 96:192])
    assert np.array_equal(tiles["Input (LR)"], truth[::4, ::4][12:36, 24:48])


def test_choice_of_crops() -> None:
    base = torch.full((1, 3, 300, 400), 100, dtype=torch.uint8)
    other = base.clone()
    other[..., 120:216, 240:336] += 20
    other[..., 0:96, 0:96] += 9
    found = crops.choose([base, other])
    assert [(crop.left, crop.top) for crop in found[:2]] == [(240, 120), (0, 0)]
    assert len(found) == 2
    assert crops.choose([base, base.clone()]) == []
    assert crops.choose([base]) == []
    small = base[..., :50, :70]
    assert crops.choose([small, small + 1]) == [crops.Crop(0, 0, 70, 50)]
    noise = torch.randint(0, 255, (1, 3, 300, 400), generator=torch.Generator().manual_seed(0)).byte()
    boxes = crops.choose([base, noise])
    assert len(boxes) == 3
    for index, one in enumerate(boxes):
        for two in boxes[:index]:
            assert abs(one.left - two.left) >= crops.SIDE or abs(one.top - two.top) >= crops.SIDE


def test_spectra() -> None:
    generator = torch.Generator().manual_seed(0)
    noise = (128 + 20 * torch.randn(1, 1, 256, 256, generator=generator)).expand(1, 3, -1, -1)
    power = spectra.radial_power(noise.round().clamp(0, 255).to(torch.uint8))
    assert power is not None
    # White noise: the same power everywhere, its variance; Y has 219/255 of the range.
    assert power[2:] == pytest.approx(10 * math.log10((20 * 219 / 255) ** 2), abs=2)
    assert abs(power[2:].mean() - 10 * math.log10((20 * 219 / 255) ** 2)) < 0.1
    wave = torch.cos(2 * math.pi * 0.25 * torch.arange(256)) * 50 + 128
    power = spectra.radial_power(wave.round().byte().expand(1, 3, 256, 256))
    assert power is not None
    assert abs((power.argmax() + 0.5) / (2 * spectra.BINS) - 0.25) <= 0.5 / spectra.BINS
    assert spectra.radial_power(torch.zeros(1, 3, 95, 300, dtype=torch.uint8)) is None


def test_images_are_brought_to_size() -> None:
    image = photograph(480, 501)
    assert downscaled(image, 501) is image
    assert max(downscaled(image, 500).shape) == 500
    small = downscaled(image, 100)
    assert tuple(small.shape[2:]) == (96, 100)
    assert (small.float().mean() - image.float().mean()).abs() < 1


@pytest.mark.parametrize("span", [(0.0, 1.0), (27.3, 33.9), (0.9811, 0.9814), (-40.0, 70.0), (5.0, 5.0)])
def test_ticks_are_few_and_round(span: tuple[float, float]) -> None:
    found = ticks(*span)
    assert len(found) <= 7
    assert all(span[0] - 1e-9 <= tick <= span[1] + 1e-9 for tick in found)
    if span[0] < span[1]:
        assert len(found) >= 2


def test_nothing_to_report_and_nothing_half_written(results: Results, tmp_path: Path) -> None:
    path = tmp_path / "out.html"
    path.write_text("before")
    with pytest.raises(ValueError, match="no rows"):
        write_report(Results({}, METRICS, METHODS, ()), path)
    with pytest.raises(ValueError, match="no method 'three'"):
        write_report(results, path, against="three")

    def interrupt(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_report(results, path, on_image=interrupt)
    assert [file.read_text() for file in tmp_path.iterdir()] == ["before"]


def test_numbers_without_images(tmp_path: Path) -> None:
    rows = tuple(Row("a", "bicubic", {"niqe": value}) for value in (4.0,))
    write_report(Results({}, METRICS, ("bicubic",), rows), tmp_path / "out.html")
    assert content_of(tmp_path / "out.html") == []
    assert 'id="look"' not in (tmp_path / "out.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def browser(page: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    program = executable()
    if program is None:
        pytest.skip("no Chromium here: install one, or name it in WILDSR_CHROMIUM")
    with chromium(program, tmp_path_factory.mktemp("profile")) as found:
        found.open(page)
        yield found


def colour(browser: Chromium, at: tuple[float, float]) -> np.ndarray:
    """The marks drawn for a point."""
    image = np.asarray(Image.open(BytesIO(browser.screenshot())).convert("RGB")).astype(float)
    x, y = (round(value) for value in at)
    return image[y - 4 : y + 4, x - 4 : x + 4].mean((0, 1))


def test_the_page_asks_for_nothing_and_complains_of_nothing(browser: Chromium, page: Path) -> None:
    browser.open(page)
    assert browser.run("document.querySelectorAll('#strip button').length") == 3
    assert browser.run("[...document.images].every(i => !i.src || i.complete && i.naturalWidth)") is True
    assert browser.complaints() == []
    asked = {address for address in browser.requests() if not address.startswith("data:")}
    assert asked <= {page.as_uri(), "about:blank"}


def test_the_slider_shows_one_image_or_the_other(browser: Chromium, page: Path) -> None:
    browser.open(page)
    browser.run("document.querySelector('#outline').click()")
    for side, method in (("left", METHODS[0]), ("right", METHODS[2])):
        box = f"document.querySelector('#{side}-layer')"
        browser.run(f"{box}.value = {method!r}; {box}.dispatchEvent(new Event('change'))")
    place = browser.middle("#stage", 120 / 256, 96 / 192)  # darker by the third method
    browser.mouse(browser.middle("#stage", 0.95), browser.middle("#stage", 0.95))
    left = colour(browser, place)
    browser.mouse(
        browser.middle("#stage", 0.95), browser.middle("#stage", 0.5), browser.middle("#stage", 0.05)
    )
    assert browser.run("Number(document.querySelector('#slider').value)") < 10
    right = colour(browser, place)
    assert left.mean() > right.mean() + 15
    browser.run("document.querySelector('#slider').focus()")
    before = browser.run("Number(document.querySelector('#slider').value)")
    for _ in range(5):
        browser.key("ArrowRight")
    assert browser.run("Number(document.querySelector('#slider').value)") > before
    browser.run("document.querySelector('#swap').click()")
    assert browser.run("document.querySelector('#left-layer').value") == METHODS[2]
    assert browser.complaints() == []


def linked(browser: Chromium) -> np.ndarray:
    """Scale and shift, in pixels, of all crops, which are the same but for hundredths of a pixel of their panes."""
    of_each = (
        "[...document.querySelectorAll('.pane img')].map(i => {"
        "const m = new DOMMatrix(getComputedStyle(i).transform); return [m.a, m.e, m.f]; })"
    )
    found = np.array(browser.run(of_each))
    assert len(found) >= 5
    assert np.ptp(found, axis=0).max() < 0.2
    mean: np.ndarray = found.mean(0)
    return mean


def test_crops_zoom_and_move_together(browser: Chromium, page: Path) -> None:
    browser.open(page)
    pane = ".crop:nth-child(1) .tile:nth-child(2) .pane"
    assert linked(browser).tolist() == [1, 0, 0]
    at = browser.middle(pane)
    browser.mouse(at)
    browser.mouse(at, clicks=2)
    zoomed = linked(browser)
    assert zoomed[0] == 2
    browser.mouse(at, (at[0] + 20, at[1] + 10), (at[0] + 40, at[1] + 20))
    assert linked(browser) - zoomed == pytest.approx([0, 40, 20], abs=1)
    browser.run("document.querySelector('#crops').focus()")
    browser.key("+", "+")
    assert browser.run("document.querySelector('#factor').textContent") == "3×"
    browser.key("0", "0")
    assert browser.run("document.querySelector('#factor').textContent") == "1×"


def test_the_table_sorts_and_filters(browser: Chromium, page: Path) -> None:
    browser.open(page)
    column = "[...document.querySelectorAll('#images tbody tr')].map(r => r.cells[3].textContent)"
    browser.run("document.querySelectorAll('#images th button')[3].click()")
    ascending = browser.run(column)
    assert ascending[0] == "20.00"
    assert ascending[-1] == "∞"
    browser.run("document.querySelectorAll('#images th button')[3].click()")
    assert browser.run(column) == ["∞", *sorted(ascending[:-1], reverse=True)]
    empty = "[...document.querySelectorAll('#images tbody tr')].map(r => r.cells[4].textContent).at(-1)"
    for _ in range(2):  # what has no number stays last
        browser.run("document.querySelectorAll('#images thead th')[4].querySelector('button').click()")
        assert browser.run(empty) == "–"
    browser.run(
        "document.querySelector('[name=text]').value = 'CAT'; document.querySelector('#filter').requestSubmit()"
    )
    browser.run("document.querySelector('#filter').dispatchEvent(new Event('input'))")
    assert browser.run("document.querySelector('#count').textContent") == "3 of 9 rows"
    browser.run("document.querySelector('#images tbody tr:not([hidden]) .link').click()")
    assert browser.run("document.querySelector('#name').textContent") == f"set & co · {HOSTILE}"


def test_on_a_phone(browser: Chromium, page: Path) -> None:
    browser.open(page, 390, 844, touch=True)
    assert browser.run("document.documentElement.scrollWidth") <= 390
    start = browser.middle("#stage", 0.5)
    browser.touch([start], [browser.middle("#stage", 0.3)], [browser.middle("#stage", 0.1)])
    assert browser.run("Number(document.querySelector('#slider').value)") < 20
    x, y = browser.middle(".pane")
    fingers = [[(x - spread, y), (x + spread, y)] for spread in (10, 20, 30, 40)]
    browser.touch(*fingers)
    assert linked(browser)[0] > 2
    before = browser.run("document.documentElement.dataset.theme ?? ''")
    browser.run("document.querySelector('#theme').click()")
    assert browser.run("document.documentElement.dataset.theme") != before
    assert browser.complaints() == []


def test_the_page_may_not_ask_for_anything(browser: Chromium, page: Path) -> None:
    browser.open(page)
    assert (
        browser.run("fetch('http://127.0.0.1:9/').then(() => 'came', error => error.message)")
        == "Failed to fetch"
    )
    said = [
        entry["params"]["entry"]["text"]
        for entry in browser.events
        if entry.get("method") == "Log.entryAdded"
    ]
    assert any("Content Security Policy" in text for text in said)

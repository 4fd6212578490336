"""The page in a real browser: photos in, results out, viewer, keyboard, phone, accessibility."""

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import web_images
from accessibility import findings
from running_service import Running

from chromium_pipe import Chromium, executable

pytestmark = pytest.mark.skipif(executable() is None, reason="there is no Chromium here")

SHIFT = 8
ZOOM = "new DOMMatrix(document.querySelector('#image-right').style.transform).a"
ENDED = "[...document.querySelectorAll('.card')].every(c => ['finished', 'failed'].includes(c.dataset.state))"


@pytest.fixture
def page(browser: Chromium, service: Running) -> Iterator[Chromium]:
    """The page, without photos and with its default settings."""
    empty(service)
    browser.open(service.address + "/")
    browser.run("localStorage.clear()")
    browser.open(service.address + "/")
    ready(browser)
    yield browser
    assert browser.complaints() == []
    assert [url for url in browser.requests() if not url.startswith((service.address, "about:"))] == []
    empty(service)


def empty(service: Running) -> None:
    for job in service.http.get("/v1/jobs").json()["jobs"]:
        if job["state"] in ("queued", "running"):
            service.http.delete(job["links"]["self"])
    deadline = time.monotonic() + 60
    while service.http.get("/v1/jobs").json()["jobs"]:  # a running job ends a moment after it is cancelled
        assert time.monotonic() < deadline
        service.http.delete("/v1/jobs")
        time.sleep(0.02)


def ready(page: Chromium) -> None:
    page.until("document.querySelectorAll('#model option').length > 1")


def saved(folder: Path, **contents: bytes) -> list[Path]:
    paths = []
    for name, content in contents.items():
        path = folder / name.replace("__", ".")
        path.write_bytes(content)
        paths.append(path)
    return paths


def add(page: Chromium, *paths: Path, cards: int | None = None) -> None:
    page.choose_files("#files", *paths)
    wanted = len(paths) if cards is None else cards
    # A job's first event may come before the answer to its upload, which has a card of its own until then.
    page.until(
        f"document.querySelectorAll('.card[data-state]').length === {wanted}"
        " && !document.querySelector('.card[data-state=uploading]')"
    )


def finished(page: Chromium, count: int) -> None:
    page.until(
        f"document.querySelectorAll('.card[data-state=finished]').length === {count}"
        " && !document.querySelector('.card[data-state=uploading]')",
        seconds=120,
    )


def card(name: str, part: str = "") -> str:
    """JavaScript for the card of a photo, or a part of it."""
    cards = "[...document.querySelectorAll('.card')]"
    found = f"{cards}.find(c => c.querySelector('h3').textContent === {json.dumps(name)})"
    return f"{found}.querySelector('[data-{part}]')" if part else found


def open_viewer(page: Chromium, name: str) -> None:
    page.run(f"{card(name, 'compare')}.click()")
    page.until("document.querySelector('#viewer').open")
    page.until(
        "['left', 'right'].every(s => document.querySelector('#image-' + s).complete"
        " && document.querySelector('#image-' + s).naturalWidth)"
    )


def divider(page: Chromium) -> float:
    return float(page.run("parseFloat(document.querySelector('#divider').style.left)"))


def zoom(page: Chromium) -> float:
    return float(page.run(ZOOM))


def test_every_kind_of_photo_in_and_out(page: Chromium, service: Running, tmp_path: Path) -> None:
    contents = {
        "a__jpg": web_images.jpeg_with_everything(),
        "b__tif": web_images.tiff_16(),
        "c__png": web_images.png_with_alpha(),
    }
    with contextlib.suppress(ImportError):
        contents["d__heic"] = web_images.heic()
    add(page, *saved(tmp_path, **contents))
    finished(page, len(contents))
    downloads = tmp_path / "downloads"
    page.send("Page.setDownloadBehavior", behavior="allow", downloadPath=str(downloads))
    results = {job["name"]: job for job in service.http.get("/v1/jobs").json()["jobs"]}
    for key in contents:
        name = key.replace("__", ".")
        page.until(f"{card(name)}.querySelector('img').naturalWidth > 0")  # the thumbnail
        page.run(f"{card(name, 'download')}.click()")
        target = downloads / results[name]["result"]["name"]
        deadline = time.monotonic() + 60
        while not target.exists():
            assert time.monotonic() < deadline, name
            time.sleep(0.05)
        assert target.read_bytes() == service.http.get(results[name]["links"]["result"]).content
    chips = page.run(f"{card('a.jpg', 'chips')}.innerText")
    assert "ICC profile kept" in chips
    assert "EXIF kept" in chips
    assert "16 bit kept" in page.run(f"{card('b.tif', 'chips')}.innerText")
    assert "Transparency kept" in page.run(f"{card('c.png', 'chips')}.innerText")
    assert "20 × 30 → 80 × 120" in page.run(f"{card('a.jpg')}.innerText")
    for name in ("b.tif", "c.png"):  # the browser shows no TIFF itself
        open_viewer(page, name)
        page.key("Escape")


def test_settings_reach_the_job(page: Chromium, service: Running, tmp_path: Path) -> None:
    page.run(
        "const f = document.querySelector('#options').elements;"
        "f.model.value = 'other'; f.sizing.value = 'pixels'; f.width.value = 70; f.height.value = 50;"
        "f.fit.value = 'crop'; f.strength.value = 60; f.toward.value = 'tiny'; f.format.value = 'webp';"
        "f.quality.value = 70; document.querySelector('#options').dispatchEvent(new Event('input'))"
    )
    add(page, *saved(tmp_path, a__png=web_images.photo()))
    finished(page, 1)
    (job,) = service.http.get("/v1/jobs").json()["jobs"]
    expected = {"model": "other", "width": 70, "height": 50, "fit": "crop", "strength": 0.6, "toward": "tiny"}
    assert expected.items() <= job["options"].items()
    assert (job["result"]["width"], job["result"]["height"], job["result"]["format"]) == (70, 50, "webp")
    page.open(service.address + "/")  # and are remembered
    ready(page)
    assert page.run("document.querySelector('#options').elements.width.value") == "70"
    page.run("document.querySelector('#options').elements.width.value = '-3'")
    page.choose_files("#files", *saved(tmp_path, b__png=web_images.photo()))
    page.until("!document.querySelector('#options-error').hidden")
    assert page.run("document.activeElement.name") == "width"


def test_viewer_divider_zoom_and_second_model(page: Chromium, service: Running, tmp_path: Path) -> None:
    add(page, *saved(tmp_path, a__png=web_images.photo("PNG", 60, 80)))
    finished(page, 1)
    open_viewer(page, "a.png")
    width = page.run("document.querySelector('#stage').clientWidth")
    middle = divider(page)
    assert abs(middle - width / 2) < 2
    page.mouse(page.middle("#divider"), page.middle("#stage", 0.4))
    dragged = divider(page)
    assert dragged < middle - 50
    page.key("ArrowRight")
    assert divider(page) > dragged

    page.key("1")
    assert zoom(page) == 1
    fit = page.run("document.querySelector('#image-right').getBoundingClientRect().width")
    assert fit == 320
    page.key("0")
    assert zoom(page) > 1
    for _ in range(4):
        page.key("+")
    zoomed = page.run("document.querySelector('#image-right').style.transform")
    assert page.run("document.querySelector('#stage').classList.contains('pixelated')")
    x, y = page.middle("#stage", 0.2, 0.7)
    page.mouse((x, y), (x + 90, y))
    assert page.run("document.querySelector('#image-right').style.transform") != zoomed
    page.key("ArrowLeft", modifiers=SHIFT)
    page.run(
        "document.querySelector('#stage').dispatchEvent(new WheelEvent('wheel', {deltaY: -200, cancelable: true}))"
    )
    page.key("0")

    page.run(
        "const t = document.querySelector('#try'); t.value = 'other'; t.dispatchEvent(new Event('change'))"
    )
    page.until("document.querySelector('#tag-right').textContent.startsWith('other')", seconds=120)
    assert page.run("document.querySelector('#tag-left').textContent").startswith("tiny")
    assert page.run("new Set([...document.querySelectorAll('.layer img')].map(i => i.src)).size") == 2
    jobs = service.http.get("/v1/jobs").json()["jobs"]
    assert [job["options"]["model"] for job in jobs] == ["tiny", "other"]
    page.key("Escape")
    page.until("!document.querySelector('#viewer').open")


def slow(page: Chromium) -> None:
    page.run(
        "const f = document.querySelector('#options').elements; f.tile.value = 32; f.ensemble.checked = true;"
        "document.querySelector('#options').dispatchEvent(new Event('input'))"
    )


def test_progress_cancel_reload_and_retry(page: Chromium, service: Running, tmp_path: Path) -> None:
    slow(page)
    paths = saved(tmp_path, a__png=web_images.photo("PNG", 500, 500), b__png=web_images.photo())
    add(page, *paths)
    page.until(f"{card('a.png', 'progress')}.value > 0")
    assert "Tile" in page.run(f"{card('a.png', 'status')}.textContent")
    assert page.run(f"{card('b.png', 'status')}.textContent") == "Waiting, 1 before it"

    page.open(service.address + "/")
    page.until("document.querySelectorAll('.card').length === 2")
    before = page.run(f"{card('a.png', 'progress')}.value")
    page.until(f"{card('a.png', 'progress')}.value > {before}")  # events go on

    page.run(f"{card('a.png', 'cancel')}.click()")
    page.until(f"{card('a.png')}.dataset.state === 'cancelled'")
    finished(page, 1)
    page.run(f"{card('a.png', 'retry')}.click()")
    page.until(f"{card('a.png')}.dataset.state === 'running'")
    page.run(f"{card('a.png', 'cancel')}.click()")
    page.until(f"{card('a.png')}.dataset.state === 'cancelled'")
    page.run(f"{card('a.png', 'remove')}.click()")
    page.until("document.querySelectorAll('.card').length === 1")
    page.run("document.querySelector('#clear').click()")
    page.until("document.body.classList.contains('empty')")


def test_a_dropped_folder(page: Chromium, tmp_path: Path) -> None:
    folder = tmp_path / "album"
    (folder / "inner").mkdir(parents=True)
    saved(folder, one__png=web_images.photo(), notes__txt=b"no image", __hidden=b"")
    saved(folder / "inner", two__jpg=web_images.photo("JPEG"))
    x, y = page.middle("#drop")
    data = {"items": [], "files": [str(folder)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        page.send("Input.dispatchDragEvent", type=kind, x=x, y=y, data=data)
    finished(page, 2)
    names = page.run("[...document.querySelectorAll('.card h3')].map(h => h.textContent)")
    assert sorted(names) == ["one.png", "two.jpg"]
    assert "notes.txt" in page.run("document.querySelector('#notice').textContent")


def test_hostile_names_and_broken_photos(page: Chromium, tmp_path: Path) -> None:
    hostile = tmp_path / "<img src=x onerror=alert(1)>.png"
    hostile.write_bytes(web_images.photo())
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(600))
    add(page, hostile, broken)
    finished(page, 1)
    assert page.run(f"{card(hostile.name)} !== undefined")
    assert page.run("document.querySelectorAll('h3 img').length") == 0
    assert "broken.png" in page.run(f"{card('broken.png', 'status')}.textContent")
    page.run(f"{card('broken.png', 'remove')}.click()")
    page.events[:] = [e for e in page.events if e.get("method") != "Log.entryAdded"]  # the 422 is logged


def test_keyboard_only(page: Chromium, tmp_path: Path) -> None:
    add(page, *saved(tmp_path, a__png=web_images.photo()))
    finished(page, 1)
    page.run("document.activeElement.blur()")
    reached: list[str] = []
    for _ in range(40):
        page.key("Tab")
        reached.append(
            page.run(
                "(e => e.id || e.name || e.getAttribute('aria-label') || e.textContent)(document.activeElement)"
            )
        )
        style = "getComputedStyle(document.activeElement)"
        inner = "getComputedStyle(document.activeElement.nextElementSibling ?? document.body)"
        assert page.run(f"{style}.outlineStyle !== 'none' || {inner}.outlineStyle !== 'none'"), reached[-1]
        if reached[-1] == "Compare a.png":
            break
    assert "Skip to your photos" in reached
    assert "choose-files" in reached
    assert reached[-1] == "Compare a.png"
    page.key("Enter", "\r")
    page.until("document.querySelector('#viewer').open")
    page.until("document.querySelector('#image-right').naturalWidth")
    before = divider(page)
    page.key("ArrowLeft")
    assert divider(page) < before
    page.key("Escape")
    page.until("!document.querySelector('#viewer').open")
    assert page.run("document.activeElement.getAttribute('aria-label')") == "Compare a.png"


def test_phone(browser: Chromium, service: Running, tmp_path: Path) -> None:
    empty(service)
    browser.open(service.address + "/", 375, 700, touch=True)
    ready(browser)
    name = "a-very-long-name-" * 6
    add(browser, *saved(tmp_path, **{name + "__png": web_images.photo("PNG", 60, 80)}))
    finished(browser, 1)
    assert browser.run("document.documentElement.scrollWidth") == 375
    assert not browser.run("document.querySelector('#settings').open")
    heights = browser.run(
        "[...document.querySelectorAll('button, .button, select')].filter(e => e.offsetParent)"
        ".map(e => e.getBoundingClientRect().height)"
    )
    assert min(heights) >= 40
    open_viewer(browser, name + ".png")
    assert browser.run("document.querySelector('#stage').clientWidth") == 375
    before = zoom(browser)
    left, right = browser.middle("#stage", 0.4), browser.middle("#stage", 0.6)
    far_left, far_right = browser.middle("#stage", 0.1), browser.middle("#stage", 0.9)
    browser.touch([left, right], [far_left, far_right])
    browser.until(f"{ZOOM} > {before * 1.5}")
    assert browser.complaints() == []
    browser.send("Emulation.setTouchEmulationEnabled", enabled=False)
    empty(service)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessibility(scheme: str, page: Chromium, service: Running, axe: str, tmp_path: Path) -> None:
    wanted = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
    page.send("Emulation.setEmulatedMedia", features=[{"name": n, "value": v} for n, v in wanted.items()])
    seen: dict[str, list[Any]] = {"empty": findings(page, axe)}
    slow(page)
    broken = web_images.photo("JPEG", 90, 90)[:-400]
    add(page, *saved(tmp_path, a__png=web_images.photo(), b__jpg=broken))
    page.until(ENDED, seconds=120)
    add(page, *saved(tmp_path, c__png=web_images.photo("PNG", 500, 500)), cards=3)
    page.until(f"{card('c.png', 'progress')}.value > 0")
    page.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    seen["working"] = findings(page, axe)
    page.run(f"{card('c.png', 'cancel')}.click()")
    open_viewer(page, "a.png")
    seen["viewer"] = findings(page, axe)
    for path in ("/docs", "/login"):
        page.open(service.address + path)
        seen[path] = findings(page, axe)
    page.send("Emulation.setEmulatedMedia", features=[])
    assert {where: found for where, found in seen.items() if found} == {}

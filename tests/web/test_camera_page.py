"""The tab "My camera" in a real browser: photos in, curves and verdict, keyboard, phone, accessibility."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import web_images
from accessibility import findings
from running_service import LONG, Running

from chromium_pipe import Chromium, executable

pytestmark = pytest.mark.skipif(executable() is None, reason="there is no Chromium here")

PANEL = "document.querySelector('#adaptations article')"
READY = "document.querySelectorAll('#model option').length > 1"


def part(name: str) -> str:
    """JavaScript for a part of the newest adaptation."""
    return f"{PANEL}.querySelector('[data-{name}]')"


def open_tab(page: Chromium, service: Running, *size: Any) -> None:
    page.open(service.address + "/login")  # another page: a change of the hash alone loads nothing
    page.open(service.address + "/#camera", *size)
    page.until(READY)


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    paths = []
    for number, content in enumerate(web_images.camera_photos(12)):
        paths.append(tmp_path / f"IMG_{number}.jpg")
        paths[-1].write_bytes(content)
    return paths


@pytest.fixture
def page(browser: Chromium, service: Running) -> Iterator[Chromium]:
    open_tab(browser, service, 1280, 900)
    yield browser
    assert browser.complaints() == []
    assert [url for url in browser.requests() if not url.startswith(service.address)] == []


def test_from_photos_to_a_running_adaptation_and_back(
    page: Chromium, service: Running, photos: list[Path]
) -> None:
    text = photos[0].with_name("notes.txt")
    text.write_bytes(b"text")
    page.choose_files("#camera-files", *photos[:3], text)
    page.until("!document.querySelector('#camera-chosen').hidden")
    assert page.run("document.querySelector('#camera-start').disabled")
    assert "add 7 more" in page.run("document.querySelector('#camera-chosen-note').textContent")
    assert "notes.txt" in page.run("document.querySelector('#camera-notice').textContent")
    page.choose_files("#camera-files", *photos)  # the first three are not taken twice
    page.until("document.querySelector('#camera-chosen-title').textContent.startsWith('12 photos')")
    page.run(
        "document.querySelector('#minutes').value = '0'; document.querySelector('#camera-start').click()"
    )
    page.until("document.activeElement.id === 'minutes'")
    assert not page.run("document.querySelector('#camera-error').hidden")
    page.run(
        "const f = document.querySelector('#camera-options').elements; f.minutes.value = '300';"
        "f.style.value = 'faithful'; f.model.value = 'tiny'; document.querySelector('#camera-start').click()"
    )
    page.until(f"Boolean({PANEL}?.querySelector('[aria-current=step]'))", seconds=LONG)
    (adaptation,) = service.http.get("/v1/adaptations").json()["adaptations"]
    assert adaptation["options"]["faithful"]
    assert (adaptation["options"]["minutes"], adaptation["options"]["model"]) == (300, "tiny")

    open_tab(page, service)  # as after a reload
    page.until(f"{PANEL}?.dataset.state === 'running'")
    page.run(f"{part('cancel')}.click()")
    page.until(f"{PANEL}.dataset.state === 'cancelled'")
    assert "Continue" in page.run(f"{part('status')}.textContent")
    page.run(f"{part('retry')}.click()")
    page.until(f"['queued', 'running'].includes({PANEL}.dataset.state)")
    page.run(f"{part('cancel')}.click()")
    page.until(f"{PANEL}.dataset.state === 'cancelled'")
    page.run(f"{part('remove')}.click()")
    page.until(f"{PANEL} === null")
    assert service.http.get("/v1/adaptations").json() == {"adaptations": []}


def test_tabs_by_keyboard(page: Chromium) -> None:
    page.run("document.querySelector('#tab-camera').focus()")
    page.key("ArrowLeft")
    assert page.run("document.activeElement.id") == "tab-upscale"
    assert not page.run("document.querySelector('#panel-upscale').hidden")
    assert page.run("location.hash") == ""
    page.key("ArrowRight")
    assert page.run("location.hash") == "#camera"
    reached = []
    for _ in range(12):
        page.key("Tab")
        reached.append(page.run("document.activeElement.id"))
    assert reached[:2] == ["camera-choose-folder", "camera-choose-files"]
    assert "minutes" in reached


@pytest.fixture
def done(browser: Chromium, adapted: Running) -> Chromium:
    """The page of a service with an adaptation that has finished."""
    open_tab(browser, adapted, 1280, 900)
    browser.until(f"{PANEL}?.dataset.state === 'finished'")
    return browser


def test_curves_verdict_report_and_use(done: Chromium, adapted: Running) -> None:
    (adaptation,) = adapted.http.get("/v1/adaptations").json()["adaptations"]
    curves = done.run("[...document.querySelectorAll('.curve svg')].map(s => s.getAttribute('aria-label'))")
    assert curves[0].startswith("PSNR gain over 1 point")
    assert any(text.startswith("Loss psnr over") for text in curves[1:])
    assert adaptation["outcome"]["reason"] in done.run(f"{part('verdict')}.textContent")
    assert done.run(f"{part('download')}.href").endswith(adaptation["links"]["result"])
    assert "notes.txt" in done.run(f"{part('notes')}.textContent")

    done.run(f"{part('use')}.elements.name.value = 'of-the-page'; {part('use')}.requestSubmit()")
    done.until("!document.querySelector('#panel-upscale').hidden")
    assert done.run("document.querySelector('#model').value") == "of-the-page"
    assert done.complaints() == []

    report = adapted.address + done.run(f"{part('report')}.getAttribute('href')")
    done.open(report)
    assert done.run("document.querySelectorAll('.charts svg').length") > 0
    done.until("[...document.images].some(i => i.complete && i.naturalWidth > 1)")
    assert done.run("self.origin") == "null"
    blocked = f"fetch({adapted.address + '/v1/jobs'!r}).then(() => 'sent', () => 'blocked')"
    assert done.run(blocked) == "blocked"
    assert done.run("fetch('http://127.0.0.1:9/').then(() => 'sent', () => 'blocked')") == "blocked"


def test_phone(browser: Chromium, adapted: Running) -> None:
    open_tab(browser, adapted, 375, 700, True)
    browser.until(f"{PANEL}?.dataset.state === 'finished'")
    assert browser.run("document.documentElement.scrollWidth") == 375
    assert not browser.run("document.querySelector('#camera-settings').open")
    heights = browser.run(
        "[...document.querySelectorAll('button, .button, select')].filter(e => e.offsetParent)"
        ".map(e => e.getBoundingClientRect().height)"
    )
    assert min(heights) >= 40
    browser.send("Emulation.setTouchEmulationEnabled", enabled=False)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessibility(scheme: str, done: Chromium, axe: str, photos: list[Path]) -> None:
    wanted = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
    done.send("Emulation.setEmulatedMedia", features=[{"name": n, "value": v} for n, v in wanted.items()])
    done.choose_files("#camera-files", *photos)
    done.until("!document.querySelector('#camera-chosen').hidden")
    done.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    found = findings(done, axe)
    done.send("Emulation.setEmulatedMedia", features=[])
    assert found == []

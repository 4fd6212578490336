"""Adaptations over HTTP: photos in; curves, report and model out; cancelled, continued, killed, expired."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import web_images
from running_service import LONG, Running

import wildsr
from wildsr.web.adaptations.record import add_point
from wildsr.web.adaptations.uploads import file_name

WORKER = "wildsr.web.adaptations.worker"
PHOTOS = web_images.camera_photos(12)
LASTING = {"minutes": 600, "model": "tiny"}
needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")


def the_one(service: Running) -> dict[str, Any]:
    (found,) = service.http.get("/v1/adaptations").json()["adaptations"]
    return dict(found)


def test_photos_become_a_model_with_a_report(adapted: Running, tmp_path: Path) -> None:
    done = the_one(adapted)
    assert (done["state"], done["reason"]) == ("finished", None)
    assert (done["photos"], done["sharp"], done["camera"]) == (12, 0, "Maker One")
    assert done["left_out"] == ["notes.txt: not an image that wildsr reads"]
    assert done["outcome"]["model_written"]
    psnr = next(gain for gain in done["outcome"]["gains"] if gain["metric"] == "psnr")
    assert psnr["after"] == pytest.approx(psnr["before"] + psnr["mean"])
    assert done["curves"]["gain"][0] == [0, 0]
    assert all(points for points in done["curves"]["losses"].values())
    assert "psnr" in done["curves"]["losses"]

    answer = adapted.http.get(done["links"]["result"])
    model = tmp_path / "mine.safetensors"
    model.write_bytes(answer.content)
    assert wildsr.load(model).contract.scale == 4
    part = adapted.http.get(done["links"]["result"], headers={"Range": "bytes=8-15"})
    assert (part.status_code, part.content) == (206, answer.content[8:16])
    unchanged = adapted.http.get(done["links"]["result"], headers={"If-None-Match": answer.headers["etag"]})
    assert unchanged.status_code == 304
    assert adapted.http.get(f"{done['links']['self']}/samples/12345").status_code == 404
    assert str(adapted.folder) not in adapted.http.get("/v1/adaptations").text
    assert "wildsr_adaptations_total" in adapted.http.get("/metrics").text
    assert adapted.metric("running_adaptations") == 0
    snapshot = adapted.http.get("/v1/events", headers={"Accept": "application/json"}).json()["events"][0]
    assert [one["id"] for one in snapshot["data"]["adaptations"]] == [done["id"]]


def test_the_report_can_run_but_reach_nothing(adapted: Running) -> None:
    answer = adapted.http.get(the_one(adapted)["links"]["report"])
    assert answer.status_code == 200
    assert b"IMG_0" in answer.content
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "sandbox allow-scripts" in policy
    for forbidden in ("'self'", "allow-same-origin", "http:", "https:", "connect-src", "unsafe-eval"):
        assert forbidden not in policy


def test_the_model_can_be_used_by_name(adapted: Running) -> None:
    links = the_one(adapted)["links"]
    for taken in ("wildsr-photo-x4", "default", "tiny", "TINY"):
        answer = adapted.http.post(f"{links['self']}/install", json={"name": taken})
        assert (answer.status_code, answer.json()["code"]) == (409, "name-taken")
    for wrong in ("../up", "a/b", "", ".hidden", "a" * 99):
        assert adapted.http.post(f"{links['self']}/install", json={"name": wrong}).status_code == 422
    name = adapted.http.post(f"{links['self']}/install", json={}).json()["installed"]
    assert name == "maker-one-x4"
    assert name in [model["name"] for model in adapted.http.get("/v1/models").json()]
    assert len(adapted.result(adapted.job(web_images.photo(), {"model": name}))) > 100
    again = adapted.http.post(f"{links['self']}/install", json={}).json()["installed"]
    assert again == "maker-one-x4-2"


def refused(
    service: Running, files: list[tuple[str, tuple[str, bytes]]], options: str = ""
) -> tuple[int, str]:
    answer = service.http.post("/v1/adaptations", files=files, data={"options": options} if options else {})
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["detail"]


def test_what_cannot_be_adapted_is_refused_at_once(service: Running) -> None:
    photos = [("photo", (f"{number}.jpg", photo)) for number, photo in enumerate(PHOTOS)]
    status, text = refused(
        service, [*photos[:3], ("photo", ("broken.png", b"\x89PNG\r\n\x1a\n" + bytes(600)))]
    )
    assert status == 422
    assert "3 photos" in text
    assert "broken.png" in text
    assert refused(service, [("photo", ("a.txt", b"text"))])[0] == 415
    assert refused(service, [("image", ("a.jpg", PHOTOS[0]))])[0] == 422
    for options in ("{", '{"minutes": 0}', '{"minuets": 3}', '{"model": "../x"}', '{"only": 3}'):
        assert refused(service, photos, options)[0] == 422, options
    body = service.http.post("/v1/adaptations", content=b"x", headers={"Content-Type": "application/zip"})
    assert body.status_code == 415
    assert service.http.get("/v1/adaptations").json() == {"adaptations": []}
    assert list((service.folder / "adaptations").iterdir()) == []


@needs_proc
def test_nothing_is_lost_when_the_service_or_its_worker_is_killed(
    start: Callable[..., Running], tmp_path: Path
) -> None:
    folder = tmp_path / "kept"
    first = start(folder=folder)
    key = {"Idempotency-Key": "once"}
    one = first.post_photos(PHOTOS, LASTING, headers=key).json()
    replay = first.post_photos(PHOTOS, LASTING, headers=key)
    assert (replay.json()["id"], replay.headers["idempotent-replayed"]) == (one["id"], "true")
    other = first.post_photos(PHOTOS[1:], LASTING, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "key-reused")
    waiting = first.post_photos(PHOTOS, LASTING).json()
    first.until(one, "stage")
    assert first.get(waiting)["position"] == 0
    assert len(first.result(first.job(web_images.photo()))) > 100  # upscaling does not wait
    assert first.get(one)["state"] == "running"
    first.end(signal.SIGKILL)

    second = start(folder=folder)
    second.until(one, "stage")
    (worker,) = second.children(WORKER)
    os.kill(worker, signal.SIGKILL)
    deadline = time.monotonic() + LONG
    while second.children(WORKER) in ([], [worker]):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert second.get(one)["state"] in ("queued", "running")

    for adaptation in (waiting, one):
        answer = second.http.delete(adaptation["links"]["self"])
        assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    assert second.children(WORKER) == []
    assert second.http.get(f"{one['links']['self']}/report").status_code == 409
    again = second.http.post(f"{waiting['links']['self']}/retry", json={"minutes": 700})
    assert (again.status_code, again.json()["options"]["minutes"]) == (202, 700)
    assert second.http.post(f"{waiting['links']['self']}/retry", json={}).status_code == 409
    second.http.delete(waiting["links"]["self"])
    for adaptation in (waiting, one):
        assert second.http.delete(adaptation["links"]["self"]).status_code == 204
        assert second.http.get(adaptation["links"]["self"]).status_code == 404
    assert list((folder / "adaptations").iterdir()) == []


def test_photos_of_several_cameras_ask_which(start: Callable[..., Running]) -> None:
    service = start("--keep", "1s", "--max-folder", "1M")
    large = [("photo", (f"{number}.jpg", PHOTOS[0] + bytes(1 << 17))) for number in range(10)]
    assert refused(service, large)[0] == 413
    photos = web_images.camera_photos(10, "One") + web_images.camera_photos(7, "Three")
    adaptation = service.post_photos(photos, LASTING).json()
    last, seen = 0, []
    deadline = time.monotonic() + LONG
    while not any(one["state"] == "failed" for one in seen):
        assert time.monotonic() < deadline
        answer = service.http.get(
            "/v1/events", params={"after": last, "wait": 5}, headers={"Accept": "application/json"}
        ).json()
        last = answer["last"]
        seen += [event["data"] for event in answer["events"] if event["event"] == "adaptation"]
    assert seen[-1]["id"] == adaptation["id"]
    assert seen[-1]["cameras"] == {"Maker One": 10, "Maker Three": 7}
    assert "choose which" in seen[-1]["reason"]
    while service.http.get(adaptation["links"]["self"]).status_code == 200:  # it expires
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert list((service.folder / "adaptations").iterdir()) == []


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("IMG_1.JPG", "IMG_1.jpg"),
        ("Straße 7.heic", "Straße 7.heic"),
        ("<b>&\"'.png", "_b____.png"),
        ("no suffix", "no suffix.jpg"),
        ("...jpg", "photo.jpg"),
        ("x" * 300 + ".tif", "x" * 60 + ".tif"),
    ],
)
def test_names_on_the_disk_are_plain(given: str, name: str) -> None:
    taken: set[str] = set()
    assert file_name(given, "jpeg", taken) == name
    stem, _, suffix = name.rpartition(".")
    assert file_name(given, "jpeg", taken) == f"{stem}-2.{suffix}"


def test_curves_stay_small_and_forget_what_was_repeated() -> None:
    points: list[tuple[int, float]] = []
    for step in range(5000):
        add_point(points, step, float(step))
    assert len(points) < 250
    assert (points[0], points[-1]) == ((0, 0.0), (4999, 4999.0))
    add_point(points, 100, 1.0)
    assert points[-1] == (100, 1.0)
    assert all(step < 100 for step, _ in points[:-1])

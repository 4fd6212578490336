"""Uploads: limits, hostile contents, and errors as problem details."""

import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import web_images
from running_service import Running

from wildsr.web.options import JobOptions

BAD_OPTIONS = {
    "not JSON": "{",
    "a list": "[1]",
    "unknown": '{"sclae": 2}',
    "zero": '{"scale": 0}',
    "NaN": '{"scale": NaN}',
    "infinite": '{"scale": 1e999}',
    "text for a number": '{"scale": "2"}',
    "two sizes": '{"scale": 2, "width": 10}',
    "format": '{"format": "heic"}',
    "quality": '{"quality": 101}',
    "strength": '{"strength": 1.5}',
    "too small a tile": '{"tile": 8}',
    "not written": '{"format": "webp", "width": 20000}',
}


@pytest.mark.parametrize("case", BAD_OPTIONS)
def test_bad_options_are_explained(case: str, service: Running) -> None:
    answer = service.http.post(
        "/v1/jobs", files={"image": ("a.png", web_images.photo())}, data={"options": BAD_OPTIONS[case]}
    )
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert {"type", "title", "status", "code", "detail"} <= set(problem)
    assert len(problem["detail"]) > 10


def test_options_default_to_those_of_the_command() -> None:
    import inspect

    from wildsr.cli.upscale import upscale

    command = inspect.signature(upscale).parameters
    for name, field in JobOptions.model_fields.items():
        if name not in ("model", "fit", "precision"):
            assert field.default == command[name].default, name


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 422),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>" * 20, 415),
        (b"%PDF-1.4" + bytes(500), 415),
        (b"\x89PNG\r\n\x1a\n" + bytes(500), 422),
        (b"\xff\xd8\xff" + os.urandom(5000), 422),
        (b"II*\0" + bytes(range(256)) * 20, 422),
    ],
    ids=["empty", "svg", "pdf", "broken png", "broken jpeg", "broken tiff"],
)
def test_what_is_no_image_is_rejected_at_once(content: bytes, status: int, service: Running) -> None:
    before = service.metric("stored_jobs")
    answer = service.post(content)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert str(service.folder) not in answer.text
    assert service.metric("stored_jobs") == before
    assert not list((service.folder / "uploads").iterdir())


def test_wrong_media_types(service: Running) -> None:
    for kind in ("text/plain", "application/json", "application/x-www-form-urlencoded", ""):
        answer = service.http.post("/v1/jobs", content=web_images.photo(), headers={"Content-Type": kind})
        assert answer.status_code == 415
    answer = service.http.post(
        "/v1/jobs", content=b"nonsense", headers={"Content-Type": "multipart/form-data; boundary=x"}
    )
    assert answer.status_code == 400
    cut = (
        b'--x\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n' + web_images.photo()
    )
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    assert service.http.post("/v1/jobs", content=cut, headers=kind).status_code == 422
    twice = [("image", ("a.png", web_images.photo())), ("image", ("b.png", web_images.photo()))]
    assert service.http.post("/v1/jobs", files=twice).json()["code"] == "one-image"


@pytest.mark.parametrize("side", [50_000, 20_000])
def test_pixels_are_checked_before_decoding(side: int, service: Running) -> None:
    """50,000 is beyond what wildsr reads, 20,000 beyond this service's limit."""
    bomb = web_images.png_claiming(side, side)
    assert len(bomb) < 1 << 20
    answer = service.post(bomb)
    assert answer.status_code == 413
    assert answer.json()["code"] == "too-many-pixels"
    assert f"{side}x{side}" in answer.json()["detail"]


def test_limits_of_body_and_result(start: Callable[..., Running]) -> None:
    service = start("--max-body", "100K", "--max-output", "0.05", "--max-pixels", "0.01")
    assert service.post(web_images.photo("BMP", 300, 300)).json()["code"] == "body-too-large"

    def parts() -> Iterator[bytes]:  # no Content-Length
        yield from (web_images.photo("BMP", 300, 300)[at : at + 9000] for at in range(0, 270_000, 9000))

    kind = {"Content-Type": "image/bmp"}
    assert service.http.post("/v1/jobs", content=parts(), headers=kind).status_code == 413
    assert service.post(web_images.photo("PNG", 101, 100)).json()["code"] == "too-many-pixels"
    answer = service.post(web_images.photo("PNG", 100, 100))
    assert (answer.status_code, answer.json()["code"]) == (413, "output-too-large")
    assert service.post(web_images.photo("PNG", 100, 100), {"scale": 2}).status_code == 202
    assert not list((service.folder / "uploads").iterdir())


def test_limits_of_queue_and_disk(start: Callable[..., Running]) -> None:
    service = start("--max-jobs", "2", "--max-disk", "1M")
    slow = service.job(web_images.photo("PNG", 500, 500), {"tile": 32, "ensemble": True})
    service.until(slow, "running")
    waiting = [service.job(web_images.photo()) for _ in range(2)]
    full = service.post(web_images.photo())
    assert (full.status_code, full.json()["code"]) == (429, "queue-full")
    assert int(full.headers["retry-after"]) > 0
    for job in (*waiting, slow):
        service.http.delete(job["links"]["self"])
    answer = service.post(web_images.photo("BMP", 600, 600))
    assert (answer.status_code, answer.json()["code"]) == (507, "disk-limit")
    assert "retry-after" in answer.headers
    assert not list((service.folder / "uploads").iterdir())


def test_memory_stays_bounded_while_a_large_body_comes(service: Running) -> None:
    """64 MB here; a gigabyte is measured by benchmarks/web.py."""
    status = Path(f"/proc/{service.process.pid}/status")
    if not status.exists():
        pytest.skip("needs /proc")

    def peak() -> int:
        return int(status.read_text().split("VmHWM:")[1].split()[0]) << 10

    service.post(web_images.photo())
    before, size = peak(), 64 << 20
    head = web_images.photo("BMP", 8, 8)

    def parts() -> Iterator[bytes]:
        yield head
        yield from (bytes(1 << 20) for _ in range(size >> 20))

    answer = service.http.post("/v1/jobs", content=parts(), headers={"Content-Type": "image/bmp"})
    assert answer.status_code in (202, 422)
    assert peak() - before < 16 << 20


def test_an_upload_that_breaks_off_leaves_nothing(service: Running) -> None:
    host, _, port = service.address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as connection:
        head = f"POST /v1/jobs HTTP/1.1\r\nHost: {host}\r\nContent-Type: image/png\r\nContent-Length: 99999\r\n\r\n"
        connection.sendall(head.encode() + web_images.photo())
    before = service.metric("stored_jobs")
    service.result(service.job(web_images.photo()))  # by now the service has noticed
    assert service.metric("stored_jobs") == before + 1
    assert not list((service.folder / "uploads").iterdir())


def test_idempotency_key(service: Running) -> None:
    image, key = web_images.photo(), {"Idempotency-Key": "one", "Wildsr-Client": "me"}
    first = service.post(image, {"scale": 2}, headers=key)
    again = service.post(image, {"scale": 2}, headers=key)
    assert again.status_code == 202
    assert again.json()["id"] == first.json()["id"]
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["idempotent-replayed"] == "true"
    other = service.post(image, {"scale": 3}, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "key-reused")
    stranger = service.post(image, {"scale": 2}, headers={**key, "Wildsr-Client": "somebody-else"})
    assert stranger.json()["id"] != first.json()["id"]
    refused = service.post(image, {"scale": 2}, headers={"Idempotency-Key": "with spaces"})
    assert refused.status_code == 422


def test_hostile_files_cost_no_service(service: Running) -> None:
    """Cut and flipped files of every format: each is refused or its job fails, and the next one works."""
    import random

    dice = random.Random(0)
    jobs = []
    for made in (
        web_images.jpeg_with_everything,
        web_images.tiff_16,
        web_images.png_with_alpha,
        lambda: web_images.photo("WEBP"),
        lambda: web_images.photo("GIF"),
    ):
        good = made()
        for _ in range(4):
            bad = bytearray(good)
            for _ in range(6):
                bad[dice.randrange(12, len(bad))] = dice.randrange(256)
            answer = service.post(bytes(bad[: dice.randrange(len(bad) // 2, len(bad))]))
            assert answer.status_code in (202, 413, 415, 422), answer.text
            if answer.status_code == 202:
                jobs.append(answer.json())
    for job in jobs:
        service.until(job, "finished", "failed")
    assert len(service.result(service.job(web_images.photo()))) > 100


def test_unknown_addresses_and_methods(service: Running) -> None:
    for method, path, status in (
        ("GET", "/v1/jobs/nothing", 404),
        ("GET", "/v1/jobs/..%2f..%2fetc", 404),
        ("GET", "/static/../settings.py", 404),
        ("GET", "/static/..%2fsettings.py", 404),
        ("PUT", "/v1/jobs", 405),
        ("GET", "/v1/jobs?limit=0", 422),
        ("GET", "/v1/jobs?after=nothing", 404),
    ):
        answer = service.http.request(method, path)
        assert answer.status_code == status, path
        assert answer.headers["content-type"] == "application/problem+json"
    job = service.job(web_images.photo("PNG", 400, 400), {"tile": 32, "ensemble": True})
    assert service.http.get(f"{job['links']['self']}/result").status_code == 409
    assert service.http.post(f"{job['links']['self']}/retry").status_code == 409
    assert (
        service.http.post(f"{job['links']['self']}/again", content=json.dumps({"model": "?"})).status_code
        == 422
    )
    service.http.delete(job["links"]["self"])

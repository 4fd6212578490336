"""Results equal those of the command, and list the properties that were kept."""

import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import web_images
from PIL import Image
from running_service import Running
from typer.testing import CliRunner

from wildsr.cli.main import app

CASES: dict[str, tuple[Any, str, dict[str, Any]]] = {
    "jpeg": (web_images.jpeg_with_everything, "holiday photo.JPG", {}),
    "jpeg to avif": (web_images.jpeg_with_everything, "a.jpeg", {"format": "avif", "quality": 70}),
    "16-bit tiff": (web_images.tiff_16, "scan.tif", {"scale": 1.5}),
    "alpha": (web_images.png_with_alpha, "logo.png", {"width": 90, "height": 40, "fit": "crop"}),
    "heic": (web_images.heic, "phone.heic", {}),
    "webp": (lambda: web_images.photo("WEBP"), "ünï 'quote\".webp", {"strength": 0.5, "toward": "other"}),
    "larger than the model": (web_images.photo, "big.png", {"scale": 6, "ensemble": True}),
    "wrong suffix": (lambda: web_images.photo("JPEG"), "a.dat", {"format": "tiff"}),
}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_bytes_are_those_of_the_command(case: str, service: Running, tmp_path: Path) -> None:
    made, name, options = CASES[case]
    if case == "heic":
        pytest.importorskip("pillow_heif")
    content = made()
    source = tmp_path / name
    source.write_bytes(content)
    command = ["upscale", str(source), "--model", "tiny", "-o", str(tmp_path / "out") + "/"]
    for option, value in options.items():
        command += [f"--{option}"] if value is True else [f"--{option}", str(value)]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    expected = next((tmp_path / "out").iterdir())

    job = service.job(content, {"model": "tiny", **options}, name=name)
    assert service.result(job) == expected.read_bytes()
    result = service.get(job)["result"]
    assert Path(result["name"]).suffix == expected.suffix
    assert result["name"].startswith(Path(name).stem)
    assert result["bytes"] == expected.stat().st_size


def test_raw_body_and_form_give_the_same(service: Running) -> None:
    content = web_images.photo("JPEG")
    answer = service.http.post(
        "/v1/jobs",
        params={"name": "a.jpg", "options": '{"scale": 2}'},
        content=content,
        headers={"Content-Type": "image/jpeg"},
    )
    assert answer.status_code == 202
    assert answer.headers["location"] == answer.json()["links"]["self"]
    assert service.result(answer.json()) == service.result(service.job(content, {"scale": 2}, name="a.jpg"))
    assert service.get(answer.json())["result"]["name"] == "a_x2.jpg"


def test_what_was_kept(service: Running) -> None:
    job = service.job(web_images.jpeg_with_everything(), {"format": "png"}, name="a.jpg")
    service.result(job)
    done = service.get(job)
    assert (done["source"]["width"], done["source"]["height"]) == (20, 30)  # the orientation is obeyed
    kept = {one["what"]: one["kept"] for one in done["result"]["kept"]}
    assert kept == {"ICC profile": True, "EXIF": True, "Depth": True}

    deep = service.job(web_images.tiff_16(), {"format": "jpg"}, name="a.tif")
    service.result(deep)
    (depth,) = [one for one in service.get(deep)["result"]["kept"] if one["what"] == "Depth"]
    assert depth == {"what": "Depth", "before": "16 bit", "after": "8 bit", "kept": False}

    clear = service.job(web_images.png_with_alpha(), {}, name="a.png")
    service.result(clear)
    kept = {one["what"]: one["kept"] for one in service.get(clear)["result"]["kept"]}
    assert kept["Transparency"]


def test_the_reason_of_a_failure_names_the_image_and_no_path(service: Running) -> None:
    job = service.job(web_images.png_with_alpha(), {"format": "jpg"}, name="mine.png")
    failed = service.until(job, "failed")
    assert "transparency" in failed["reason"]
    assert str(service.folder) not in failed["reason"]
    assert job["id"] not in failed["reason"]

    cut = service.post(web_images.photo("JPEG", 300, 300)[:-900], name="cut.jpg")
    reason = service.until(cut.json(), "failed")["reason"]
    assert reason.startswith("cut.jpg is damaged or truncated")


def test_ranges_and_conditional_requests(service: Running) -> None:
    job = service.job(web_images.photo())
    whole = service.result(job)
    url = job["links"]["self"] + "/result"
    first = service.http.get(url)
    tag = first.headers["etag"]
    assert first.headers["accept-ranges"] == "bytes"
    assert first.headers["content-disposition"].startswith("attachment")

    part = service.http.get(url, headers={"Range": "bytes=5-9"})
    assert (part.status_code, part.content) == (206, whole[5:10])
    assert part.headers["content-range"] == f"bytes 5-9/{len(whole)}"
    assert service.http.get(url, headers={"Range": "bytes=-3"}).content == whole[-3:]
    assert service.http.get(url, headers={"Range": "bytes=3-"}).content == whole[3:]
    assert service.http.get(url, headers={"Range": "bytes=3-", "If-Range": tag}).status_code == 206
    changed = service.http.get(url, headers={"Range": "bytes=3-", "If-Range": '"other"'})
    assert (changed.status_code, changed.content) == (200, whole)
    assert service.http.get(url, headers={"Range": "lines=1-2"}).status_code == 200
    beyond = service.http.get(url, headers={"Range": f"bytes={len(whole)}-"})
    assert beyond.status_code == 416
    assert beyond.headers["content-range"] == f"bytes */{len(whole)}"
    assert beyond.headers["content-type"] == "application/problem+json"
    same = service.http.get(url, headers={"If-None-Match": f'"x", {tag}'})
    assert (same.status_code, same.content) == (304, b"")


def test_zip_of_results(service: Running) -> None:
    jobs = [service.job(web_images.photo(width=30 + 2 * n), name="same.png") for n in range(2)]
    contents = [service.result(job) for job in jobs]
    answer = service.http.get("/v1/results.zip", params={"ids": ",".join(job["id"] for job in jobs)})
    with zipfile.ZipFile(BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["same_x4.png", "same_x4 (2).png"]
        assert [archive.read(name) for name in archive.namelist()] == contents


@pytest.mark.parametrize("made", [web_images.tiff_16, web_images.png_with_alpha, web_images.heic])
def test_thumbnail_and_copies_for_the_screen(made: Any, service: Running) -> None:
    if made is web_images.heic:
        pytest.importorskip("pillow_heif")
    job = service.job(made(), name="a.bin")
    service.result(job)
    thumbnail = service.http.get(job["links"]["thumbnail"])
    assert thumbnail.headers["content-type"] == "image/webp"
    assert Image.open(BytesIO(thumbnail.content)).size == (job["source"]["width"], job["source"]["height"])
    for which, factor in (("source", 1), ("result", 4)):
        shown = service.http.get(f"{job['links']['self']}/screen/{which}")
        assert shown.headers["content-type"] in ("image/png", "image/webp")
        found = Image.open(BytesIO(shown.content))
        assert found.size == (factor * job["source"]["width"], factor * job["source"]["height"])
        assert found.mode in ("RGB", "RGBA")


def test_again_uses_the_uploaded_image(service: Running) -> None:
    content = web_images.photo()
    job = service.job(content, name="a.png")
    service.result(job)
    answer = service.http.post(f"{job['links']['self']}/again", json={"model": "other"})
    assert answer.status_code == 202
    assert answer.json()["id"] != job["id"]
    assert service.result(answer.json()) == service.result(
        service.job(content, {"model": "other"}, name="a.png")
    )
    service.http.delete(job["links"]["self"])
    assert service.http.get(answer.json()["links"]["source"]).content == content

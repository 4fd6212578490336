"""Requests from other sites' pages and without the token are rejected, on every route."""

import stat
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import web_images
from running_service import Running
from typer.testing import CliRunner

from wildsr.cli.main import app
from wildsr.web.settings import Settings

FOREIGN = {
    "host": {"Host": "evil.example"},
    "host that begins like ours": {"Host": "localhost.evil.example:80"},
    "host with a user": {"Host": "127.0.0.1@evil.example"},
    "host of the network": {"Host": "192.168.1.5"},
    "no sensible host": {"Host": ":::"},
    "origin": {"Origin": "http://evil.example"},
    "origin on another port": {"Origin": "http://127.0.0.1:1"},
    "opaque origin": {"Origin": "null"},
    "cross-site": {"Sec-Fetch-Site": "cross-site"},
    "same site, other port": {"Sec-Fetch-Site": "same-site"},
}


def routes(service: Running) -> list[tuple[str, str]]:
    job = service.job(web_images.photo())
    paths = service.http.get("/openapi.json").json()["paths"]
    found = [(method.upper(), path) for path, methods in paths.items() for method in methods]
    found += [
        ("GET", path) for path in ("/", "/docs", "/login", "/enter", "/openapi.json", "/static/style.css")
    ]
    found += [("POST", "/login"), ("GET", "/nothing")]
    return [
        (method, path.replace("{job_id}", job["id"]).replace("{which}", "source")) for method, path in found
    ]


def test_foreign_requests_are_rejected_on_every_route(service: Running) -> None:
    every = routes(service)
    assert len(every) > 20
    for method, path in every:
        for name, headers in FOREIGN.items():
            answer = service.http.request(method, path, headers=headers)
            assert answer.status_code in (400, 403, 421), f"{method} {path}, {name}: {answer.status_code}"
            if answer.status_code != 400:  # uvicorn's own, for a Host that cannot be parsed
                assert answer.headers["content-type"] == "application/problem+json"
                assert answer.json()["status"] == answer.status_code


def test_own_page_and_other_programs_are_let_in(service: Running) -> None:
    own = {"Origin": service.address, "Sec-Fetch-Site": "same-origin"}
    assert service.http.get("/v1/jobs", headers=own).status_code == 200
    assert service.http.get("/", headers={"Sec-Fetch-Site": "none"}).status_code == 200
    port = service.address.rpartition(":")[2]
    for host in (f"localhost:{port}", "localhost", "127.0.0.1:9000", f"[::1]:{port}", "LOCALHOST"):
        assert service.http.get("/v1/jobs", headers={"Host": host}).status_code == 200


def test_no_cors_and_strict_headers_everywhere(service: Running) -> None:
    for path in ("/", "/docs", "/static/style.css", "/v1/jobs", "/nothing", "/healthz"):
        answer = service.http.get(path, headers={"Origin": service.address})
        assert not [name for name in answer.headers if name.startswith("access-control")]
        assert answer.headers["content-security-policy"].startswith("default-src 'self'; ")
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
    preflight = service.http.options("/v1/jobs", headers={"Origin": "http://evil.example"})
    assert preflight.status_code == 403


def test_token(start: Callable[..., Running]) -> None:
    service = start("--token", "correct horse battery")
    bare = httpx.Client(base_url=service.address, trust_env=False)
    assert bare.get("/healthz").status_code == 200
    for path in ("/v1/jobs", "/metrics", "/openapi.json", "/docs", "/static/app.js"):
        answer = bare.get(path)
        assert answer.status_code == 401, path
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert bare.get("/").headers["location"] == "/login"
    wrong = {"Authorization": "Bearer correct horse batterx"}
    assert bare.get("/v1/jobs", headers=wrong).status_code == 401
    right = {"Authorization": "Bearer correct horse battery"}
    assert bare.get("/v1/jobs", headers=right).status_code == 200
    assert bare.post("/login", data={"token": "wrong"}).headers["location"] == "/login?wrong"
    assert bare.get("/v1/jobs").status_code == 401

    entered = bare.post("/login", data={"token": "correct horse battery"})
    cookie = entered.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert "horse" not in cookie
    assert bare.get("/v1/jobs").status_code == 200
    assert bare.get("/v1/jobs", headers={"Origin": "http://evil.example"}).status_code == 403


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "example.org"])
def test_other_interfaces_need_a_token(host: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["web", "--no-open", "--host", host, "--folder", str(tmp_path / "a")])
    assert done.exit_code == 2
    assert "token" in done.output
    with pytest.raises(ValueError, match="12"):
        Settings(tmp_path, host=host, token="short")
    open_to_network = Settings(tmp_path, host=host, token="long enough for this")
    assert open_to_network.accepts_host("192.168.7.7")
    assert not open_to_network.accepts_host("rebound.example")
    assert Settings(tmp_path, host=host, token="x" * 12, names=("My.Example",)).accepts_host("my.example")


def test_no_paths_and_no_addresses_as_input(service: Running, own_folders: Path) -> None:
    model = own_folders / "models" / "tiny.safetensors"
    for name in (
        str(model),
        "file:///etc/passwd",
        "http://127.0.0.1/a",
        "../models/tiny",
        "tiny.safetensors",
    ):
        for field in ("model", "toward"):
            answer = service.post(web_images.photo(), {field: name, "strength": 0.5})
            assert answer.status_code == 422, name
            assert answer.json()["code"] == "unknown-model"
    answer = service.http.post("/v1/jobs", data={"image": "/etc/passwd"})
    assert answer.status_code == 415
    answer = service.http.post("/v1/jobs", files={"url": b"http://127.0.0.1/a.png"})
    assert answer.status_code == 422
    assert str(own_folders) not in service.http.get("/v1/models").text
    assert str(service.folder) not in service.http.get("/v1/about").text


def test_names_are_for_display_only(service: Running) -> None:
    names = {
        "../../etc/passwd.png": "passwd.png",
        "C:\\photos\\a.png": "a.png",
        "a\u202egnp.exe.png": "agnp.exe.png",
        "..": "image.png",
        ".png": "png.png",
        "x" * 400 + ".png": "x" * 150 + ".png",
        "<script>alert(1)</script>.png": "script>.png",
        "a\u200b\u0085.png": "a.png",
    }
    for given, shown in names.items():
        job = service.job(web_images.photo(), name=given)
        assert job["name"] == shown
        stored = list((service.folder / "jobs" / job["id"]).iterdir())
        # a page that another test left open asks for thumbnails
        known = ("source", "result", "thumbnail", ".")
        assert all(path.name.startswith(known) for path in stored), stored


def test_files_are_private(service: Running) -> None:
    job = service.job(web_images.photo())
    service.result(job)
    for path in (service.folder, service.folder / "jobs", service.folder / "jobs" / job["id"]):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert not list((service.folder / "uploads").iterdir())
    service.http.delete(job["links"]["self"])
    assert not (service.folder / "jobs" / job["id"]).exists()

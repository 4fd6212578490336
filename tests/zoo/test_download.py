"""Downloads from a server on this machine: whole and verified, or nothing and a reason."""

import errno
import hashlib
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from web_server import Handler, Site, cut, dripping, ranged, serving, silent, status, trickling, whole
from wildsr.zoo.download import Patience, download
from wildsr.zoo.download import transfer as downloading
from wildsr.zoo.errors import ModelError

QUICK = Patience(timeout=2.0, attempts=3, pause=0.01)
CONTENT = random.Random(0).randbytes(300_000)
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as site:
        site.content = CONTENT
        yield site


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "models" / "net.pth"


def fetch(site: Site, target: Path, sha256: str | None = DIGEST, size: int | None = None) -> bytes:
    assert download([site.url()], target, sha256=sha256, size=size, patience=QUICK) == target
    assert sorted(path.name for path in target.parent.iterdir()) == [target.name], (
        "nothing is left lying around"
    )
    return target.read_bytes()


def refusal(site: Site, target: Path, sha256: str | None = DIGEST, size: int | None = None) -> str:
    with pytest.raises(ModelError) as caught:
        download([site.url()], target, sha256=sha256, size=size, patience=QUICK)
    assert not target.exists()
    assert target.name in str(caught.value)
    return str(caught.value)


def partial(target: Path) -> Path:
    return target.with_name(target.name + ".partial")


def begin(site: Site, target: Path, kept: int, sha256: str | None = DIGEST) -> None:
    """A download that was interrupted after ``kept`` bytes."""
    site.moves = [cut(kept), status(404)]
    refusal(site, target, sha256)
    assert partial(target).read_bytes() == site.content[:kept]
    site.asked.clear()


@pytest.mark.parametrize("move", [ranged, whole])
@pytest.mark.parametrize("sha256", [DIGEST, None])
def test_whole_file(site: Site, target: Path, move: object, sha256: str | None) -> None:
    site.moves = [move]  # type: ignore[list-item]
    assert fetch(site, target, sha256, len(CONTENT)) == CONTENT
    assert len(site.asked) == 1


def test_progress(site: Site, target: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    download([site.url()], target, on_bytes=lambda done, total: seen.append((done, total)), patience=QUICK)
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


# --- interruptions


@pytest.mark.parametrize("sha256", [DIGEST, None])
def test_broken_off_and_resumed_at_once(site: Site, target: Path, sha256: str | None) -> None:
    site.moves = [cut(100_000), cut(50_000)]
    assert fetch(site, target, sha256) == CONTENT
    assert [asked.range for asked in site.asked] == [None, "bytes=100000-", "bytes=150000-"]
    assert {asked.if_range for asked in site.asked[1:]} == {'"one"'}


def test_truncated_for_good(site: Site, target: Path) -> None:
    site.moves = [cut(100_000), cut(0), cut(0)]
    assert "sent only 100000 of 300000 bytes (3 attempts)" in refusal(site, target)
    assert partial(target).read_bytes() == CONTENT[:100_000], "what came is kept for the next time"


@pytest.mark.parametrize("sha256", [DIGEST, None])
def test_resumed_later(site: Site, target: Path, sha256: str | None) -> None:
    begin(site, target, 120_000, sha256)
    assert fetch(site, target, sha256) == CONTENT
    assert [asked.range for asked in site.asked] == ["bytes=120000-"]


def test_resumed_from_a_server_without_ranges(site: Site, target: Path) -> None:
    begin(site, target, 120_000)
    site.moves = [whole]
    assert fetch(site, target) == CONTENT


def test_changed_meanwhile(site: Site, target: Path) -> None:
    """Without a checksum, only If-Range can tell that the rest belongs to another file."""
    begin(site, target, 120_000, None)
    site.content, site.tag = CONTENT[::-1], '"two"'
    assert fetch(site, target, None) == CONTENT[::-1]


def test_nothing_to_tell_versions_apart_means_a_new_start(site: Site, target: Path) -> None:
    target.parent.mkdir()
    partial(target).write_bytes(b"of unknown origin")
    assert fetch(site, target, None) == CONTENT
    assert site.asked[0].range is None


def test_another_address_goes_on_where_the_first_stopped(site: Site, target: Path) -> None:
    site.moves = [cut(200_000), status(404)]
    download([site.url("a"), site.url("b")], target, sha256=DIGEST, patience=QUICK)
    assert target.read_bytes() == CONTENT
    assert [(asked.path, asked.range) for asked in site.asked] == [
        ("/a", None),
        ("/a", "bytes=200000-"),
        ("/b", "bytes=200000-"),
    ]


def test_a_wrong_beginning_is_found_out_and_thrown_away(site: Site, target: Path) -> None:
    target.parent.mkdir()
    partial(target).write_bytes(b"x" * 1000)
    assert fetch(site, target) == CONTENT
    assert [asked.range for asked in site.asked] == ["bytes=1000-", None]


def test_all_there_but_the_name(site: Site, target: Path) -> None:
    """The last download died after the last byte."""
    target.parent.mkdir()
    partial(target).write_bytes(CONTENT)
    assert fetch(site, target) == CONTENT
    assert len(site.asked) == 1


def test_more_there_than_the_file_has(site: Site, target: Path) -> None:
    target.parent.mkdir()
    partial(target).write_bytes(CONTENT + b"and more")
    assert fetch(site, target) == CONTENT


def test_killed_and_run_again(site: Site, target: Path) -> None:
    site.moves = [dripping(0.05)]
    code = (
        "import sys; from pathlib import Path; from wildsr.zoo.download import download;"
        "download([sys.argv[1]], Path(sys.argv[2]), sha256=sys.argv[3])"
    )
    child = subprocess.Popen([sys.executable, "-c", code, site.url(), str(target), DIGEST])
    deadline = time.monotonic() + 20
    while not (partial(target).is_file() and site.asked) and time.monotonic() < deadline:
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert not target.exists()
    assert fetch(site, target) == CONTENT


# --- wrong answers


def test_wrong_checksum(site: Site, target: Path) -> None:
    message = refusal(site, target, "0" * 64)
    assert DIGEST in message
    assert "0" * 64 in message
    assert not partial(target).exists(), "a wrong file is not kept"
    assert len(site.asked) == 1, "asking again would not help"


def test_wrong_size(site: Site, target: Path) -> None:
    assert "offers 300000 bytes, but the published file has 300001" in refusal(site, target, None, 300_001)


def test_too_much_without_a_length(site: Site, target: Path) -> None:
    def endless(handler: object) -> None:
        handler.send_response(200)  # type: ignore[attr-defined]
        handler.end_headers()  # type: ignore[attr-defined]
        handler.wfile.write(CONTENT)  # type: ignore[attr-defined]

    site.moves = [endless]
    assert "more than the 1000 bytes" in refusal(site, target, None, 1000)
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"<p>Sign in first</p>", "text/html"), (b"\n<!DOCTYPE html><p>", "application/octet-stream")],
)
def test_web_page_instead_of_the_file(site: Site, target: Path, body: bytes, kind: str) -> None:
    site.moves = [lambda handler: handler.reply(200, body, headers={"Content-Type": kind})]
    assert "web page" in refusal(site, target, None)
    assert list(target.parent.iterdir()) == []


def test_not_found(site: Site, target: Path) -> None:
    site.moves = [status(404)]
    message = refusal(site, target)
    assert "HTTP 404" in message
    assert site.url() in message
    assert len(site.asked) == 1


def test_busy_then_fine(site: Site, target: Path) -> None:
    site.moves = [status(503), status(429, Retry_After="0")]
    assert fetch(site, target) == CONTENT


def test_busy_for_ever(site: Site, target: Path) -> None:
    site.moves = [status(503)] * 9
    assert "HTTP 503" in refusal(site, target)
    assert len(site.asked) == QUICK.attempts


def test_retry_after_is_kept_but_bounded(site: Site, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(downloading.time, "sleep", waits.append)
    site.moves = [status(503, Retry_After="7"), status(503, Retry_After="86400")]
    assert fetch(site, target) == CONTENT
    assert waits == [7, 20]


# --- redirects


def test_redirect(site: Site, target: Path) -> None:
    begin(site, target, 100)
    site.moves = [status(302, Location="/elsewhere?token=1")]
    assert fetch(site, target) == CONTENT
    assert site.asked[-1] == ("/elsewhere?token=1", "bytes=100-", '"one"'), "the range goes along"


def test_redirects_in_a_circle(site: Site, target: Path) -> None:
    site.moves = [status(302, Location="/net.pth")] * 50
    assert "redirects in a circle" in refusal(site, target)
    assert len(site.asked) < 20


@pytest.mark.parametrize("place", ["file:///etc/hostname", "ftp://127.0.0.1/net.pth", "data:,abc"])
def test_redirect_to_another_scheme(site: Site, target: Path, place: str) -> None:
    site.moves = [status(302, Location=place)]
    assert "does not follow" in refusal(site, target, None)


def test_redirect_from_https_to_http() -> None:
    from urllib.error import URLError
    from urllib.request import Request

    from wildsr.zoo.download.http import _CarefulRedirects

    with pytest.raises(URLError, match="does not follow"):
        _CarefulRedirects().redirect_request(
            Request("https://a.invalid/"),
            None,
            302,
            "",
            {},
            "http://a.invalid/",  # type: ignore[arg-type]
        )


@pytest.mark.parametrize(
    "url", ["file:///etc/hostname", "ftp://127.0.0.1/x", "data:,abc", "net.pth", "http:///x", ""]
)
def test_other_addresses(target: Path, url: str) -> None:
    with pytest.raises(ModelError, match=r"cannot download net\.pth"):
        download([url], target, patience=QUICK)


# --- no connection


def test_silent_server(site: Site, target: Path) -> None:
    site.moves = [silent(5)] * 2
    with pytest.raises(ModelError, match="does not answer in time"):
        download([site.url()], target, patience=Patience(timeout=0.2, attempts=2, pause=0.01))


def test_server_that_drips(site: Site, target: Path) -> None:
    """Each byte arrives before the timeout, but the file would never be complete."""
    site.moves = [dripping(0.02)]
    began = time.monotonic()
    with pytest.raises(ModelError, match="too slow"):
        download([site.url()], target, patience=Patience(timeout=0.3, attempts=1))
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "line",
    [b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 60_000, b"HTTP/1.1 100 Continue\r\n\r\n"],
    ids=["slow", "100"],
)
def test_headers_without_end(site: Site, target: Path, line: bytes) -> None:
    """Each byte arrives before the timeout; the next address is tried nevertheless."""
    site.moves = [trickling(line, 0.02)]
    urls = [site.url("endless.pth"), site.url()]
    download(urls, target, sha256=DIGEST, patience=Patience(timeout=0.3, attempts=1))
    assert [asked.path for asked in site.asked] == ["/endless.pth", "/net.pth"]


def test_chunks_without_end(site: Site, target: Path) -> None:
    def move(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        trickling(b"1;" + b"a" * 60_000, 0.02)(handler)

    site.moves = [move]
    with pytest.raises(ModelError, match="does not answer in time"):
        download([site.url()], target, patience=Patience(timeout=0.3, attempts=1))


def test_a_false_length_leads_to_the_next_address(site: Site, target: Path) -> None:
    site.moves = [lambda handler: handler.reply(200, b"", 1 << 62)]
    download([site.url("false.pth"), site.url()], target, sha256=DIGEST, patience=QUICK)
    assert target.read_bytes() == CONTENT


def test_passwords_are_not_shown(target: Path) -> None:
    with pytest.raises(ModelError) as caught:
        download(["http://me:secret@127.0.0.1:9/net.pth"], target, patience=QUICK)
    assert "secret" not in str(caught.value)
    assert "http://127.0.0.1:9/net.pth" in str(caught.value)


def test_nobody_listens(target: Path) -> None:
    with serving() as site:
        gone = site.url()
    with pytest.raises(ModelError, match=r"refused.*\(3 attempts\)"):
        download([gone], target, patience=QUICK)


def test_offline(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def no_names(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", no_names)
    with pytest.raises(ModelError, match="is this computer offline"):
        download(["http://models.invalid/net.pth"], target, patience=Patience(pause=60))


def test_proxy_of_the_environment(site: Site, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", site.address)
    download(["http://models.invalid/net.pth"], target, sha256=DIGEST, patience=QUICK)
    assert site.asked[0].path == "http://models.invalid/net.pth"
    assert target.read_bytes() == CONTENT


# --- the disk


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_full_disk(site: Site, target: Path) -> None:
    target.parent.mkdir()
    partial(target).symlink_to("/dev/full")
    message = refusal(site, target)
    assert os.strerror(errno.ENOSPC) in message
    assert "make room" in message


def test_disk_that_will_be_too_small(site: Site, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(downloading.shutil, "disk_usage", lambda _: usage)
    assert "make room" in refusal(site, target)
    assert not partial(target).exists()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the superuser may write everywhere")
def test_folder_that_cannot_be_written(site: Site, target: Path) -> None:
    target.parent.mkdir(mode=0o500)
    assert "Permission denied" in refusal(site, target)


def test_a_file_in_the_place_of_the_folder(site: Site, target: Path) -> None:
    target.parent.write_text("in the way")
    with pytest.raises(ModelError, match="cannot write"):
        download([site.url()], target, patience=QUICK)


# --- checks and company


def test_check_sees_the_file_before_it_gets_its_name(site: Site, target: Path) -> None:
    def check(path: Path) -> None:
        assert path.read_bytes() == CONTENT
        assert not target.exists()
        raise ModelError("it is no model")

    with pytest.raises(ModelError, match="it is no model"):
        download([site.url()], target, check=check, patience=QUICK)
    assert list(target.parent.iterdir()) == []


def _one_of_many(url: str, target: Path) -> None:
    download([url], target, sha256=DIGEST)


def test_two_processes_at_once(site: Site, target: Path) -> None:
    """The second download waits for the first and uses its file."""

    def slow(handler: object) -> None:
        time.sleep(1.5)
        whole(handler)  # type: ignore[arg-type]

    site.moves = [slow]
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    both = [context.Process(target=_one_of_many, args=(site.url(), target)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(20)
    assert [process.exitcode for process in both] == [0, 0]
    assert target.read_bytes() == CONTENT
    assert len(site.asked) == 1
    assert [path.name for path in target.parent.iterdir()] == [target.name]


def test_notes_that_are_damaged(site: Site, target: Path) -> None:
    for notes in ("", "[1]", "null", json.dumps({"url": site.url()})):
        begin(site, target, 100, None)
        target.with_name(f".{target.name}.partial.json").write_text(notes)
        assert fetch(site, target, None) == CONTENT
        target.unlink()

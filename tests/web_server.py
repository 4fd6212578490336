"""A local web server that misbehaves on request."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Asked(NamedTuple):
    path: str
    range: str | None
    if_range: str | None


Move = Callable[["Handler"], None]


class Site:
    """Answers with ``content``, unless ``moves`` says what to do with the next requests."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.content = b""
        self.tag = '"one"'
        self.moves: list[Move] = []
        self.asked: list[Asked] = []

    def url(self, name: str = "net.pth") -> str:
        return f"{self.address}/{name}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    site: Site

    def do_GET(self) -> None:
        site = self.site
        site.asked.append(Asked(self.path, self.headers.get("Range"), self.headers.get("If-Range")))
        (site.moves.pop(0) if site.moves else ranged)(self)
        self.close_connection = True

    def log_message(self, *_: object) -> None: ...

    def reply(
        self, status: int, body: bytes = b"", length: int | None = None, headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/octet-stream", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)


def ranged(handler: Handler) -> None:
    """Answer correctly, ranges included."""
    site, asked = handler.site, handler.site.asked[-1]
    if asked.range is None or asked.if_range not in (None, site.tag):
        handler.reply(200, site.content, headers={"ETag": site.tag})
        return
    start = int(asked.range.removeprefix("bytes=").rstrip("-"))
    if start >= len(site.content):
        handler.reply(416, headers={"Content-Range": f"bytes */{len(site.content)}"})
        return
    span = f"bytes {start}-{len(site.content) - 1}/{len(site.content)}"
    handler.reply(206, site.content[start:], headers={"ETag": site.tag, "Content-Range": span})


def whole(handler: Handler) -> None:
    """Ignore ranges."""
    handler.reply(200, handler.site.content)


def cut(kept: int) -> Move:
    """Close the connection after ``kept`` bytes."""

    def move(handler: Handler) -> None:
        site, asked = handler.site, handler.site.asked[-1]
        start = int((asked.range or "bytes=0-")[6:-1])
        headers = {"ETag": site.tag}
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(site.content) - 1}/{len(site.content)}"
        rest = site.content[start:]
        handler.reply(206 if start else 200, rest[:kept], len(rest), headers)

    return move


def status(code: int, **headers: str) -> Move:
    return lambda handler: handler.reply(
        code, b"an error", headers={key.replace("_", "-"): value for key, value in headers.items()}
    )


def silent(seconds: float) -> Move:
    return lambda _: time.sleep(seconds)


def dripping(pause: float) -> Move:
    """Send one byte at a time, each before the timeout."""

    def move(handler: Handler) -> None:
        handler.reply(200, b"", len(handler.site.content), {"ETag": handler.site.tag})
        for byte in handler.site.content:
            time.sleep(pause)
            try:
                handler.wfile.write(bytes([byte]))
                handler.wfile.flush()
            except OSError:
                return

    return move


def trickling(line: bytes, pause: float) -> Move:
    """Sends a status line and then headers without end, byte by byte."""

    def move(handler: Handler) -> None:
        try:
            while True:
                for byte in line:
                    handler.wfile.write(bytes([byte]))
                    handler.wfile.flush()
                    time.sleep(pause)
        except OSError:
            return

    return move


@contextmanager
def serving() -> Iterator[Site]:
    class Bound(Handler):
        pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Bound)
    server.daemon_threads = True
    Bound.site = Site(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield Bound.site
    finally:
        server.shutdown()
        server.server_close()

"""HTTP with servers that are not trusted: classifies responses and errors as the file, temporary or final."""

import contextlib
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPMessage, HTTPResponse, HTTPSConnection
from types import TracebackType
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit, urlunsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    UnknownHandler,
)

_PASSING = {408, 425, 429, 500, 502, 503, 504}
_LONGEST_WAIT = 20.0


class Refused(Exception):
    """This address cannot give the file; another one may."""


class Transient(Exception):
    """A temporary error; a retry after ``wait`` seconds may work."""

    def __init__(self, message: str, wait: float = 0.0) -> None:
        super().__init__(message)
        self.wait = wait


@dataclass(frozen=True)
class Answer:
    """The response of a server.

    Attributes:
        partial: whether it is only the rest of the file, from ``start``.
        start: the first byte that is sent.
        total: bytes of the whole file; None if unknown.
        validator: identifier of this version of the file for a later ``If-Range``, or "".
    """

    partial: bool
    start: int
    total: int | None
    validator: str

    @classmethod
    def of(cls, response: HTTPResponse) -> "Answer":
        """Read the headers; raises ``Refused`` when the body cannot be the file."""
        headers = response.headers
        if headers.get_content_type() in ("text/html", "application/xhtml+xml") and "Content-Type" in headers:
            raise Refused("it answered with a web page instead of the file")
        if headers.get("Content-Encoding", "identity") != "identity":
            raise Refused(f"it sent the file encoded ({headers['Content-Encoding']})")
        tag = headers.get("ETag", "")
        validator = headers.get("Last-Modified", "") if tag.startswith("W/") or not tag else tag
        length = _number(headers.get("Content-Length"))
        if response.status != 206:
            return cls(False, 0, length, validator)
        unit, _, rest = headers.get("Content-Range", "").partition(" ")
        span, _, whole = rest.partition("/")
        start = _number(span.partition("-")[0])
        if unit != "bytes" or start is None:
            raise Transient("it sent a part of the file without saying which")
        total = _number(whole)
        if total is None and length is not None:
            total = start + length
        return cls(True, start, total, validator)


class Watchdog:
    """Shuts down connections without data for ``seconds``; a context manager.

    The timeout of a socket starts anew with every byte, so that a server which sends its headers one byte at a time,
    or "100 Continue" without end, would never time out.
    """

    def __init__(self, seconds: float) -> None:
        self.expired = False
        self._seconds = seconds
        self._until = time.monotonic() + seconds
        self._sockets: list[socket.socket] = []
        self._closed = threading.Event()

    def __enter__(self) -> "Watchdog":
        threading.Thread(target=self._watch, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()

    def add(self, connection: socket.socket) -> None:
        """Add a connection to watch."""
        self._sockets.append(connection)
        if self.expired:
            self._shut_down()

    def extend(self) -> None:
        """Restart the timeout: data has arrived."""
        self._until = time.monotonic() + self._seconds

    def _watch(self) -> None:
        while not self._closed.wait(max(0.0, self._until - time.monotonic())):
            if time.monotonic() >= self._until:
                self.expired = True
                self._shut_down()
                return

    def _shut_down(self) -> None:
        for connection in self._sockets:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def without_password(url: str) -> str:
    """The address without a user name and password, for messages."""
    try:
        parts = urlsplit(url)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    except ValueError:
        return "an address that is none"


def opener(watchdog: Watchdog) -> OpenerDirector:
    """An opener for http and https alone, through the proxies of the environment; its connections are watched."""
    director = OpenerDirector()
    for handler in (
        ProxyHandler(),
        _WatchedHTTP(watchdog),
        _WatchedHTTPS(watchdog),
        _CarefulRedirects(),
        HTTPDefaultErrorHandler(),
        HTTPErrorProcessor(),
        UnknownHandler(),
    ):
        director.add_handler(handler)
    return director


class _WatchedHTTP(HTTPHandler):
    def __init__(self, watchdog: Watchdog) -> None:
        super().__init__()
        self._watchdog = watchdog

    def http_open(self, req: Request) -> HTTPResponse:
        return self.do_open(_watched(HTTPConnection, self._watchdog), req)


class _WatchedHTTPS(HTTPSHandler):
    def __init__(self, watchdog: Watchdog) -> None:
        super().__init__()
        self._watchdog = watchdog

    def https_open(self, req: Request) -> HTTPResponse:
        return self.do_open(_watched(HTTPSConnection, self._watchdog), req)


def _watched(kind: type[HTTPConnection], watchdog: Watchdog) -> type[HTTPConnection]:
    class Watched(kind):  # type: ignore[misc, valid-type]
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self._create_connection = self._connected

        def connect(self) -> None:
            super().connect()
            watchdog.add(self.sock)  # for https, the encrypted socket, which replaces the plain one

        @staticmethod
        def _connected(*arguments: Any, **options: Any) -> socket.socket:
            connection = socket.create_connection(*arguments, **options)
            watchdog.add(connection)  # a proxy may be slow before there is any encryption
            return connection

    return Watched


class _CarefulRedirects(HTTPRedirectHandler):
    """Redirects lead to http or https, and never from https back to http."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        """The redirected request."""
        before, after = urlsplit(req.full_url).scheme, urlsplit(newurl).scheme
        if after not in ("http", "https") or (before == "https" and after != "https"):
            raise URLError(f"it redirects to {without_password(newurl)}, which wildsr does not follow")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def reason_of(error: BaseException) -> Refused | Transient:
    """An error of the connection as a message, either final or temporary."""
    if isinstance(error, HTTPError):
        if error.code in _PASSING:
            wait = _number(error.headers.get("Retry-After")) or 0
            return Transient(f"HTTP {error.code} {error.reason}", min(float(wait), _LONGEST_WAIT))
        if 300 <= error.code < 400:
            return Refused(
                f"it redirects in a circle, or to where wildsr does not follow (HTTP {error.code})"
            )
        return Refused(f"HTTP {error.code} {error.reason}")
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(cause, str):
        odd = cause.startswith("unknown url type")
        return Refused("wildsr downloads over http and https only" if odd else cause)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return Refused(f"its certificate is not trusted ({cause.verify_message})")
    if isinstance(cause, socket.gaierror):
        return Refused("its server cannot be found; is this computer offline?")
    if isinstance(cause, TimeoutError):
        return Transient("it does not answer in time")
    if isinstance(cause, ValueError):
        return Refused("that is no web address")
    return Transient(str(cause) or type(cause).__name__)


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.strip().isdecimal() else None

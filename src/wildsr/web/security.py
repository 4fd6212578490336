"""Checks of requests: the host they name, the page they come from, and the token they carry.

Any web page open in a browser on the same computer can reach a service on loopback. Such a page sends its own origin,
and its own host name even if it made that name resolve to this computer (DNS rebinding).
"""

import hashlib
import hmac
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wildsr.web.metrics import Metrics
from wildsr.web.problems import Problem
from wildsr.web.settings import Settings

COOKIE = "wildsr"
LOGIN = "/login"
_OPEN_PATHS = ("/healthz", LOGIN, "/enter", "/static/style.css", "/static/icon.svg")

CONTENT_POLICY = (
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
)
_HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Gate:
    """ASGI middleware: rejects foreign requests, and adds security headers to every response."""

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self._app, self._settings, self._metrics = app, settings, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 - ASGI
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-cache")
                self._metrics.requests[f"{message['status'] // 100}xx"] += 1
            await send(message)

        try:
            check_origin(Headers(scope=scope), self._settings, str(scope["method"]))
            check_token(Headers(scope=scope), self._settings, str(scope["path"]))
        except Problem as problem:
            if problem.status == 401 and scope["path"] == "/" and scope["method"] == "GET":
                problem.status, problem.headers = 303, {"Location": LOGIN}
            await problem.response()(scope, receive, guarded)
            return
        await self._app(scope, receive, guarded)


def check_origin(headers: Headers, settings: Settings, method: str) -> None:
    """Raise a Problem for a request that names a foreign host, or that another site's page has made."""
    hosts = headers.getlist("host")
    name = _host_name(hosts[0]) if len(hosts) == 1 else None
    if name is None or not settings.accepts_host(name):
        raise Problem(
            421,
            "foreign-host",
            "This service does not answer to that host name. Use the address that `wildsr web` has printed, or start "
            "it with --allow-host.",
        )
    foreign = Problem(403, "foreign-origin", "Pages of other sites cannot use this service.")
    for origin in headers.getlist("origin"):
        parts = urlsplit(origin) if origin.isascii() else urlsplit("")
        if parts.scheme not in ("http", "https") or parts.netloc.lower() != hosts[0].lower():
            raise foreign
    for site in headers.getlist("sec-fetch-site"):
        if site != "same-origin" and not (site == "none" and method in ("GET", "HEAD")):
            raise foreign


def check_token(headers: Headers, settings: Settings, path: str) -> None:
    """Raise a Problem for a request without the token, as a bearer or in the cookie that the login sets."""
    if settings.token is None or path in _OPEN_PATHS:
        return
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and is_token(given.strip(), settings):
        return
    try:
        cookies = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        cookies = SimpleCookie()
    if COOKIE in cookies and hmac.compare_digest(
        cookies[COOKIE].value.encode(), session_of(settings.token).encode()
    ):
        return
    raise Problem(
        401,
        "no-token",
        "This service needs its token: send it as `Authorization: Bearer TOKEN`, or open the page and enter it.",
        headers={"WWW-Authenticate": 'Bearer realm="wildsr"'},
    )


def is_token(given: str, settings: Settings) -> bool:
    """Whether ``given`` is the token, compared in constant time."""
    return settings.token is not None and hmac.compare_digest(given.encode(), settings.token.encode())


def session_of(token: str) -> str:
    """The value of the cookie: proof of the token, from which it cannot be read."""
    return hmac.new(token.encode(), b"wildsr web session", hashlib.sha256).hexdigest()


def _host_name(host: str) -> str | None:
    """The name or address in a Host header, without its port; None for one that makes no sense."""
    if not host or any(character in host for character in "/\\@?# \t"):
        return None
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port
    except ValueError:
        return None
    return parts.hostname

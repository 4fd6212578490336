"""Runs the application with uvicorn."""

import asyncio
import contextlib
import errno
import ipaddress
import socket
from collections.abc import Callable
from types import FrameType
from typing import Any
from urllib.parse import quote

import uvicorn

from wildsr.errors import UsageError
from wildsr.web.app import make_app
from wildsr.web.service import Service
from wildsr.web.settings import Settings

_MOST_CONNECTIONS = 1000


class PortInUse(UsageError):
    """The address cannot be listened on; the message says what to do."""


class _Server(uvicorn.Server):
    """Forwards signals to the service at once, so that event streams end and connections can be closed."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal has come."""
        with contextlib.suppress(RuntimeError):
            asyncio.get_running_loop().call_soon_threadsafe(self._service.begin_closing)
        self._service.closing = True
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close connections, then the application."""
        self._service.begin_closing()
        await super().shutdown(sockets)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on an address; port 0 picks a free one.

    Raises:
        PortInUse: the port is taken or the address is not one of this computer.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        found = socket.socket(family, socket.SOCK_STREAM)
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # Windows lets others share the port otherwise
            found.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
        found.listen(512)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortInUse(
                f"Port {port} is in use, perhaps by another `wildsr web`; --port 0 picks a free one."
            ) from error
        raise PortInUse(f"Cannot listen on {host} port {port}: {error.strerror or error}.") from error
    return found


def address_of(bound: socket.socket, settings: Settings) -> str:
    """The address of the page, with the token where there is one."""
    host, port = bound.getsockname()[:2]
    with contextlib.suppress(ValueError):
        if ipaddress.ip_address(host).is_unspecified:
            host = socket.gethostname()
    host = f"[{host}]" if ":" in host else host
    enter = f"enter?token={quote(settings.token, safe='')}" if settings.token else ""
    return f"http://{host}:{port}/{enter}"


def serve(settings: Settings, bound: socket.socket, on_ready: Callable[[], Any]) -> None:
    """Serve until a signal comes; ``on_ready`` is called once requests are answered.

    Raises:
        StoreError: the folder cannot be used.
    """
    app = make_app(settings)
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="on",
        access_log=False,
        log_level="warning",
        proxy_headers=False,  # any client could send them
        server_header=False,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_graceful_shutdown=int(settings.grace) + 1,
    )
    server = _Server(config, app.state.service)

    async def run() -> None:
        serving = asyncio.create_task(server.serve(sockets=[bound]))
        while not server.started and not serving.done():
            await asyncio.sleep(0.01)
        if server.started:
            on_ready()
        await serving

    with contextlib.suppress(KeyboardInterrupt):  # uvicorn passes the signal on when it has shut down
        asyncio.run(run())

"""``wildsr web``: the page and the HTTP service."""

import secrets
import webbrowser
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from wildsr.cli.console import USAGE, complain, say

_PORT = 8321
_EXTRA = ("fastapi", "multipart", "python_multipart", "pydantic", "starlette", "uvicorn")


def web(
    host: Annotated[
        str, typer.Option(help="Address to listen on; beyond this computer only with --token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 picks a free port.")] = _PORT,
    no_open: Annotated[bool, typer.Option("--no-open", help="Do not open the browser.")] = False,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="WILDSR_WEB_TOKEN",
            help="Secret that every request must carry; auto makes one up and prints it.",
            show_default=False,
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            help="Another name under which this computer is reached; repeat it for more.", show_default=False
        ),
    ] = None,
    model: Annotated[str, typer.Option("-m", "--model", help="The default model of the page.")] = "default",
    device: Annotated[
        list[str] | None,
        typer.Option(
            help="auto, cpu, cuda, cuda:1 or mps; repeat it for one worker on each.", show_default=False
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            help="Private folder for images and results. By default the user's.", show_default=False
        ),
    ] = None,
    keep: Annotated[str, typer.Option(help="How long results stay: 30m, 24h, 7d.")] = "24h",
    max_body: Annotated[str, typer.Option(help="Largest upload.")] = "1G",
    max_disk: Annotated[str, typer.Option(help="Most space for images and results.")] = "20G",
    max_pixels: Annotated[float, typer.Option(min=0.01, help="Largest image, in million pixels.")] = 100,
    max_output: Annotated[float, typer.Option(min=0.01, help="Largest result, in million pixels.")] = 1600,
    max_jobs: Annotated[int, typer.Option(min=1, help="Most jobs that wait.")] = 500,
) -> None:
    """Open a page in the browser that upscales, with an HTTP interface for other programs.

    Images stay on this computer. Exit codes: 0 stopped by Ctrl-C, 2 wrong usage or the port is taken.
    """
    try:
        from wildsr.web.server import PortInUse, address_of, listen, serve
        from wildsr.web.settings import Limits, Settings, default_folder, parse_bytes, parse_duration
        from wildsr.web.store import StoreError
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        complain(f"{error.name} is missing; `wildsr web` needs: pip install 'wildsr[web]'")
        raise typer.Exit(USAGE) from error
    try:
        limits = replace(
            Limits(),
            body=parse_bytes(max_body),
            disk=parse_bytes(max_disk),
            pixels=round(max_pixels * 1e6),
            output_pixels=round(max_output * 1e6),
            jobs=max_jobs,
            client_jobs=max_jobs,
        )
        settings = Settings(
            folder=(folder or default_folder()).expanduser().absolute(),
            host=host,
            names=tuple(allow_host or ()),
            token=secrets.token_urlsafe(18) if token == "auto" else token,
            keep=parse_duration(keep),
            devices=tuple(device or ("auto",)),
            model=model,
            limits=limits,
        )
        _check_model(model)
        bound = listen(host, port)
        address = address_of(bound, settings)

        def ready() -> None:
            say(f"wildsr web is at {address}")
            if settings.is_loopback:
                say("Images stay on this computer. Ctrl-C ends it; jobs that wait go on at the next start.")
            if not no_open:
                webbrowser.open(address)

        serve(settings, bound, ready)
    except (ValueError, StoreError, PortInUse) as error:
        complain(error)
        raise typer.Exit(USAGE) from error


def _check_model(name: str) -> None:
    from wildsr.zoo.catalogue import ALIASES, available

    names = [entry.name for entry in available()]
    if ALIASES.get(name, name) not in names:
        raise ValueError(f"there is no model named '{name}' here; there are: {', '.join(names)}")

"""``wildsr web``: the page and the HTTP service."""

import secrets
import webbrowser
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from wildsr.cli.console import exits, say
from wildsr.errors import UsageError

_PORT = 8321
_EXTRA = ("fastapi", "uvicorn", "python_multipart")


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
            help="Secret that every request must carry; auto generates one and prints it.",
            show_default=False,
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            help="Additional host name of this computer that requests may use. May be repeated.",
            show_default=False,
        ),
    ] = None,
    model: Annotated[str, typer.Option("-m", "--model", help="The default model of the page.")] = "default",
    device: Annotated[
        list[str] | None,
        typer.Option(
            help="auto, cpu, cuda, cuda:1 or mps. May be repeated: one worker for each.", show_default=False
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            help="Private folder for images and results. By default in your user data folder.",
            show_default=False,
        ),
    ] = None,
    keep: Annotated[str, typer.Option(help="How long results are kept: 30m, 24h, 7d.")] = "24h",
    max_body: Annotated[str, typer.Option(help="Largest upload.")] = "1G",
    max_folder: Annotated[str, typer.Option(help="Maximum size of the photos for 'My camera'.")] = "4G",
    max_disk: Annotated[str, typer.Option(help="Maximum disk space for images and results.")] = "20G",
    max_pixels: Annotated[float, typer.Option(min=0.01, help="Largest image, in million pixels.")] = 100,
    max_output: Annotated[float, typer.Option(min=0.01, help="Largest result, in million pixels.")] = 1600,
    max_jobs: Annotated[
        int,
        typer.Option(min=1, help="Maximum number of waiting jobs; one client may have three fifths of them."),
    ] = 500,
) -> None:
    """Open a page for upscaling in the browser, with an HTTP interface for other programs.

    Images stay on this computer. Exit codes: 0 stopped by Ctrl-C, 2 wrong usage or the port is taken.
    """
    with exits():
        _need_extra()
        from wildsr.web.server import address_of, listen, serve
        from wildsr.web.settings import Limits, Settings, default_folder, parse_bytes, parse_duration

        limits = Limits(
            body=parse_bytes(max_body),
            photo_bytes=parse_bytes(max_folder),
            disk=parse_bytes(max_disk),
            pixels=round(max_pixels * 1e6),
            output_pixels=round(max_output * 1e6),
            jobs=max_jobs,
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
        serve(settings, bound, lambda: _ready(address_of(bound, settings), settings.is_loopback, not no_open))


def _ready(address: str, local: bool, open_browser: bool) -> None:
    say(f"wildsr web is at {address}")
    if local:
        say("Images stay on this computer. Stop with Ctrl-C; waiting jobs continue at the next start.")
    if open_browser:
        webbrowser.open(address)


def _need_extra() -> None:
    missing = [name for name in _EXTRA if find_spec(name) is None]
    if missing:
        raise UsageError(f"wildsr web needs {' and '.join(missing)}: pip install 'wildsr[web]'")


def _check_model(name: str) -> None:
    from wildsr.zoo.catalogue import ALIASES, available

    names = [entry.name for entry in available()]
    if ALIASES.get(name, name) not in names:
        raise ValueError(f"there is no model named '{name}' here; there are: {', '.join(names)}")

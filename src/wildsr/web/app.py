"""The web application: middleware, routes and the page around a :class:`Service`."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles

from wildsr import __version__
from wildsr.web import event_routes, problems, security
from wildsr.web.adaptations.routes import router as adaptations_router
from wildsr.web.responses import errors
from wildsr.web.routes import render_metrics, router
from wildsr.web.service import Service
from wildsr.web.settings import Settings

STATIC = Path(__file__).parent / "static"
_DESCRIPTION = (
    "Upscales images. Results are byte for byte what `wildsr upscale` writes. Nothing leaves this service: it fetches "
    "no addresses and reads no files but those that are uploaded."
)


def make_app(settings: Settings) -> FastAPI:
    """The application. Raises StoreError where its folder cannot be used."""
    service = Service(settings)

    @contextlib.asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        await service.start()
        try:
            yield
        finally:
            await service.stop()

    app = FastAPI(
        title="wildsr web",
        version=__version__,
        description=_DESCRIPTION,
        lifespan=life,
        docs_url=None,  # FastAPI's own pages load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        responses={400: errors("Bad request."), 403: errors("Foreign page."), 421: errors("Foreign host.")},
    )
    app.state.service = service
    problems.install(app)
    app.include_router(router)
    app.include_router(event_routes.router)
    app.include_router(adaptations_router)
    _add_pages(app, settings)
    app.mount("/static", StaticFiles(directory=STATIC))
    app.add_middleware(security.Gate, settings=settings, metrics=service.metrics)
    return app


def _add_pages(app: FastAPI, settings: Settings) -> None:
    async def page() -> Response:
        return FileResponse(STATIC / "index.html", media_type="text/html; charset=utf-8")

    async def docs() -> Response:
        return FileResponse(STATIC / "docs.html", media_type="text/html; charset=utf-8")

    async def login_page() -> Response:
        return FileResponse(STATIC / "login.html", media_type="text/html; charset=utf-8")

    async def login(request: Request) -> Response:
        """Exchange the token, given as a form or in the address, for a cookie."""
        if settings.token is None:
            return RedirectResponse("/", 303)
        given = request.query_params.get("token", "")
        if request.method == "POST":
            given = await _posted_token(request)
        if not security.is_token(given, settings):
            return RedirectResponse("/login?wrong", 303)
        response = RedirectResponse("/", 303)
        response.set_cookie(
            security.COOKIE,
            security.session_of(settings.token),
            httponly=True,
            samesite="strict",
            max_age=30 * 86400,
        )
        return response

    def health() -> dict[str, Any]:
        """Whether the service answers."""
        return {"status": "ok", "version": __version__}

    for path, function in {"/": page, "/docs": docs}.items():
        app.add_api_route(path, function, include_in_schema=False, methods=["GET", "HEAD"])
    app.add_api_route("/login", login_page, include_in_schema=False, methods=["GET"])
    app.add_api_route("/login", login, include_in_schema=False, methods=["POST"])
    app.add_api_route("/enter", login, include_in_schema=False, methods=["GET"])
    app.add_api_route("/healthz", health, tags=["service"], response_class=JSONResponse)
    app.add_api_route("/metrics", render_metrics, tags=["service"], response_class=PlainTextResponse)


async def _posted_token(request: Request) -> str:
    from urllib.parse import parse_qs

    body = b""
    async for part in request.stream():
        body += part
        if len(body) > 4096:
            return ""
    return parse_qs(body.decode("utf-8", "replace")).get("token", [""])[0]

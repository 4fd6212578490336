"""Errors of the API as problem details (RFC 9457), and errors that no request waits for."""

import contextlib
import logging
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

MEDIA_TYPE = "application/problem+json"
_LOG = logging.getLogger("wildsr.web")


class ProblemDetails(BaseModel):
    """Body of every error, as ``application/problem+json``."""

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str
    errors: list[dict[str, str]] | None = None


class Problem(Exception):
    """An error reported to the client.

    ``code`` is a stable name for programs, ``detail`` a readable sentence.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        errors: list[dict[str, str]] | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.errors = status, code, detail, errors
        self.headers = dict(headers or {})
        if retry_after is not None:
            self.headers["Retry-After"] = str(retry_after)

    def response(self) -> JSONResponse:
        """The HTTP response."""
        body = ProblemDetails(
            title=HTTPStatus(self.status).phrase,
            status=self.status,
            code=self.code,
            detail=self.detail,
            errors=self.errors,
        )
        return JSONResponse(
            body.model_dump(exclude_none=True), self.status, headers=self.headers, media_type=MEDIA_TYPE
        )


def invalid(errors: Any) -> Problem:
    """The problem for values that pydantic refused."""
    found = [
        {"where": ".".join(str(part) for part in error["loc"]), "what": str(error["msg"])} for error in errors
    ]
    text = "; ".join(f"{one['where']}: {one['what']}" if one["where"] else one["what"] for one in found[:3])
    return Problem(422, "invalid", text or "the request is not valid", errors=found)


def install(app: FastAPI) -> None:
    """Turn every error of ``app`` into a problem."""

    @app.exception_handler(Problem)
    async def on_problem(_: Request, error: Problem) -> JSONResponse:
        return error.response()

    @app.exception_handler(HTTPException)
    async def on_http(_: Request, error: HTTPException) -> JSONResponse:
        codes = {404: "not-found", 405: "method-not-allowed"}
        details = {
            404: "There is nothing at this address.",
            405: "This address does not support that method.",
        }
        detail = details.get(error.status_code, str(error.detail))
        code = codes.get(error.status_code, "refused")
        return Problem(error.status_code, code, detail, headers=error.headers).response()

    @app.exception_handler(RequestValidationError)
    async def on_invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        return invalid(error.errors()).response()

    @app.exception_handler(Exception)
    async def on_bug(_: Request, error: Exception) -> JSONResponse:
        return Problem(500, "internal", own_error(error)).response()


def own_error(error: Exception) -> str:
    """The message for clients about an unexpected error, without its text, which may contain paths."""
    return f"wildsr met an error of its own ({type(error).__name__}); its log says where."


def report(doing: str) -> None:
    """Log the error that is being handled."""
    _LOG.exception("wildsr web could not %s", doing)


@contextlib.contextmanager
def reported(doing: str) -> Iterator[None]:
    """Log an error within the block instead of raising it, for what must go on as long as the service does."""
    try:
        yield
    except Exception:
        report(doing)

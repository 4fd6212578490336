"""Helpers of all routes: the service behind a request, and the documentation of errors."""

from typing import Any

from fastapi import Request

from wildsr.web.problems import MEDIA_TYPE, ProblemDetails
from wildsr.web.service import Service

JobId = str
Responses = dict[int | str, dict[str, Any]]


def errors(text: str) -> dict[str, Any]:
    """Documentation of an error response."""
    return {"description": text, "content": {MEDIA_TYPE: {"schema": ProblemDetails.model_json_schema()}}}


NO_JOB: Responses = {404: errors("There is no such job.")}


def service_of(request: Request) -> Service:
    """The service that a request has reached."""
    service: Service = request.app.state.service
    return service

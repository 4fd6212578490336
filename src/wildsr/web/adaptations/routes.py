"""The HTTP interface of adaptations, under /v1/adaptations."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from wildsr.web.adaptations.record import AdaptationChanges, AdaptationRecord, AdaptationView, parse_changes
from wildsr.web.adaptations.service import Adaptations
from wildsr.web.event_routes import EVENTS, After, Followed, LastEvent, Wait, event_number, send_events
from wildsr.web.files import send_file
from wildsr.web.jobs import ENDED
from wildsr.web.problems import Problem, invalid
from wildsr.web.responses import Responses, errors, service_of
from wildsr.web.routes import BAD, FILE, Client, Key, client_of, small_body

router = APIRouter(prefix="/v1/adaptations", tags=["adaptations"])

REPORT_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; sandbox allow-scripts allow-downloads"
)
"""The report is one file with its scripts and images inside. It gets no origin, and may load and send nothing."""

AdaptationId = Annotated[str, Path(max_length=64)]
_NONE: Responses = {404: errors("There is no such adaptation.")}
_NOT_YET: Responses = {409: errors("There is none, or not yet.")}
_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["photo"],
                    "additionalProperties": False,
                    "properties": {
                        "photo": {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                            "description": "Photos of one camera, ten at least.",
                        },
                        "sharp": {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                            "description": "Sharp photos of any camera, to learn detail from.",
                        },
                        "options": {
                            "type": "string",
                            "contentMediaType": "application/json",
                            "description": "AdaptationOptions as JSON.",
                        },
                    },
                }
            }
        },
    }
}


class AdaptationList(BaseModel):
    """Adaptations, oldest first."""

    adaptations: list[AdaptationView]


class InstallRequest(BaseModel):
    """The name under which a model is installed; one is made up from the camera where it is missing."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$")


def _json_body(model: type[BaseModel]) -> dict[str, Any]:
    """Documentation of a body that the route reads itself, within its own limit of bytes."""
    return {"requestBody": {"content": {"application/json": {"schema": model.model_json_schema()}}}}


def _adaptations(request: Request) -> Adaptations:
    return service_of(request).adaptations


def _shown(request: Request, record: AdaptationRecord, status: int, replayed: bool = False) -> Response:
    headers = {"Location": f"/v1/adaptations/{record.id}"}
    if replayed:
        headers["Idempotent-Replayed"] = "true"
    view = _adaptations(request).view(record)
    return JSONResponse(view.model_dump(mode="json"), status, headers=headers)


@router.post(
    "",
    status_code=202,
    response_model=AdaptationView,
    responses=BAD | {408: errors("Too slow.")},
    openapi_extra=_FORM,
)
async def create_adaptation(
    request: Request,
    client: Client = None,
    key: Key = None,
    options: Annotated[
        str | None, Query(description="AdaptationOptions as JSON, unless they come in the form.")
    ] = None,
) -> Response:
    """Upload photos of one camera, and queue an adaptation of a model to it.

    Files that are no images, or cannot be read, are left out and listed in `left_out`.
    """
    service = service_of(request)
    del options  # read together with the body
    if service.closing:
        raise Problem(429, "closing", "The service is shutting down.", retry_after=10)
    record, replayed = await service.adaptations.receive(request, client_of(request, client), key)
    return _shown(request, record, 202, replayed)


@router.get("", response_model=AdaptationList)
async def list_adaptations(request: Request) -> AdaptationList:
    """List adaptations, oldest first."""
    return AdaptationList(adaptations=_adaptations(request).views())


@router.get("/{adaptation_id}", response_model=AdaptationView, responses=_NONE)
async def get_adaptation(request: Request, adaptation_id: AdaptationId) -> AdaptationView:
    """Look at an adaptation: its stage, curves and outcome."""
    adaptations = _adaptations(request)
    return adaptations.view(adaptations.get(adaptation_id))


@router.get("/{adaptation_id}/events", responses=EVENTS | _NONE, response_class=Response)
async def follow_adaptation(
    request: Request,
    adaptation_id: AdaptationId,
    last_event: LastEvent = None,
    after: After = None,
    wait: Wait = 0,
) -> Response:
    """Follow one adaptation; the stream ends with it."""
    adaptations = _adaptations(request)
    adaptations.get(adaptation_id)

    def snapshot() -> dict[str, object]:
        record = adaptations.store.get(adaptation_id)
        found = [] if record is None else [adaptations.view(record).model_dump(mode="json")]
        return {"adaptations": found}

    def ended() -> bool:
        record = adaptations.store.get(adaptation_id)
        return record is None or record.state in ENDED

    followed = Followed(adaptation_id, snapshot, ended)
    return await send_events(request, followed, event_number(last_event, after), wait)


@router.get(
    "/{adaptation_id}/report",
    responses=_NONE | _NOT_YET | {200: {"description": "The report.", "content": {"text/html": {}}}},
)
async def get_report(request: Request, adaptation_id: AdaptationId) -> Response:
    """Get the report: one HTML file that loads nothing."""
    adaptations = _adaptations(request)
    record = adaptations.get(adaptation_id)
    path = adaptations.report_of(record)
    response = send_file(request, path, "text/html; charset=utf-8", _tag(record, "report"))
    response.headers["Content-Security-Policy"] = REPORT_POLICY
    return response


@router.get("/{adaptation_id}/result", responses=FILE | _NONE | _NOT_YET)
async def get_model(request: Request, adaptation_id: AdaptationId) -> Response:
    """Download the model."""
    adaptations = _adaptations(request)
    record = adaptations.get(adaptation_id)
    path = adaptations.model_of(record)
    name = f"{record.installed or 'my-camera-x4'}.safetensors"
    return send_file(request, path, "application/octet-stream", _tag(record, "model"), download=name)


@router.get("/{adaptation_id}/samples/{step}", responses=FILE | _NONE)
async def get_sample(
    request: Request, adaptation_id: AdaptationId, step: Annotated[int, Path(ge=0, le=1 << 53)]
) -> Response:
    """Get a sample image of the training: enlarged plainly, the result so far, and the reference side by side."""
    adaptations = _adaptations(request)
    record = adaptations.get(adaptation_id)
    for number, file in record.samples:
        if number == step:
            path = adaptations.store.folder_of(record) / file
            return send_file(request, path, "image/png", _tag(record, f"sample-{step}"))
    raise Problem(404, "no-such-sample", "There is no sample of that step.")


@router.post(
    "/{adaptation_id}/retry",
    status_code=202,
    response_model=AdaptationView,
    responses=_NONE | BAD,
    openapi_extra=_json_body(AdaptationChanges),
)
async def retry_adaptation(request: Request, adaptation_id: AdaptationId) -> Response:
    """Run an adaptation again that has ended, perhaps with other options; it continues from what it has done."""
    adaptations = _adaptations(request)
    record = adaptations.get(adaptation_id)
    changes = parse_changes(await small_body(request))
    await adaptations.retry(record, changes)
    return _shown(request, record, 202)


@router.post(
    "/{adaptation_id}/install",
    response_model=AdaptationView,
    responses=_NONE | BAD,
    openapi_extra=_json_body(InstallRequest),
)
async def install_model(request: Request, adaptation_id: AdaptationId) -> Response:
    """Store the model among those of the user, so that jobs, and commands too, can name it."""
    adaptations = _adaptations(request)
    record = adaptations.get(adaptation_id)
    body = await small_body(request)
    try:
        wanted = InstallRequest.model_validate_json(body) if body.strip() else InstallRequest()
    except ValidationError as error:
        raise invalid(error.errors(include_url=False, include_context=False, include_input=False)) from error
    adaptations.install(record, wanted.name)
    return _shown(request, record, 200)


@router.delete(
    "/{adaptation_id}",
    response_model=AdaptationView,
    responses=_NONE | {204: {"description": "It had ended; it and its files are gone."}},
)
async def delete_adaptation(request: Request, adaptation_id: AdaptationId) -> Response:
    """Cancel an adaptation that waits or runs; remove one that has ended, with its photos."""
    adaptations = _adaptations(request)
    record = adaptations.get(adaptation_id)
    if await adaptations.delete(record):
        return _shown(request, record, 200)
    return Response(status_code=204)


def _tag(record: AdaptationRecord, what: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9]", "", str(record.ended))
    return f'"{record.id}-{what}-{plain}"'

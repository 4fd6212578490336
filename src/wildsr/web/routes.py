"""The HTTP interface under /v1."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from pydantic import BaseModel

from wildsr import __version__
from wildsr.image.formats import FORMATS
from wildsr.web import metrics
from wildsr.web.archive import zip_stream
from wildsr.web.events import sse
from wildsr.web.files import send_file
from wildsr.web.jobs import ENDED, JobRecord, JobView, State
from wildsr.web.options import models, parse_options
from wildsr.web.problems import MEDIA_TYPE, Problem, ProblemDetails
from wildsr.web.service import Service
from wildsr.web.worker import media_type
from wildsr.zoo.catalogue import ALIASES

_HEARTBEAT = 15.0
_SHOWN_BY_BROWSERS = ("jpeg", "png", "webp", "avif")
_OPTIONS = {"$ref": "#/components/schemas/JobOptions"}

router = APIRouter(prefix="/v1")

Responses = dict[int | str, dict[str, Any]]

JobId = str
Client = Annotated[
    str | None,
    Header(
        alias="Wildsr-Client",
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
        description="Name of the client; clients take turns. By default its address.",
    ),
]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[\x21-\x7e]{1,200}$",
        description="A request that is sent again with the same key makes no second job.",
    ),
]
LastEvent = Annotated[str | None, Header(alias="Last-Event-ID", description="Number of the last event seen.")]


def errors(text: str) -> dict[str, Any]:
    """Documentation of an error response."""
    return {"description": text, "content": {MEDIA_TYPE: {"schema": ProblemDetails.model_json_schema()}}}


_NO_JOB: Responses = {404: errors("There is no such job.")}
_BAD: Responses = {
    409: errors("Conflict."),
    413: errors("Too many bytes or pixels."),
    415: errors("Not an image."),
    422: errors("Wrong options or a damaged image."),
    429: errors("Too much at once; Retry-After says when to try again."),
    507: errors("No space for more images."),
}
_FILE: Responses = {
    200: {
        "description": "The file.",
        "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}},
    },
    206: {"description": "The part asked for by Range."},
    304: {"description": "Unchanged."},
    416: errors("The file has no such part."),
}


class JobList(BaseModel):
    """Jobs, oldest first; ``next`` is the address of the next page."""

    jobs: list[JobView]
    next: str | None = None


class ModelView(BaseModel):
    """A model that jobs may name."""

    name: str
    scale: int | None
    architecture: str
    licence: str
    good_at: str
    default: bool


class EventView(BaseModel):
    """An event of a job."""

    id: int
    event: str
    data: dict[str, Any]


class EventList(BaseModel):
    """Events after ``after``; ``last`` is the number to ask with next time."""

    events: list[EventView]
    last: int


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def _client(request: Request, named: str | None) -> str:
    return f"name {named}" if named else f"address {request.client.host if request.client else '?'}"


def _accepted(request: Request, job: JobRecord, status: int = 202, replayed: bool = False) -> Response:
    headers = {"Location": f"/v1/jobs/{job.id}"}
    if replayed:
        headers["Idempotent-Replayed"] = "true"
    return JSONResponse(_service(request).view(job).model_dump(), status, headers=headers)


_BINARY = {"schema": {"type": "string", "format": "binary"}}
_UPLOAD = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["image"],
                    "additionalProperties": False,
                    "properties": {
                        "image": {"type": "string", "format": "binary"},
                        "options": {
                            "type": "string",
                            "contentMediaType": "application/json",
                            "description": "JobOptions as JSON.",
                        },
                    },
                }
            },
            "application/octet-stream": _BINARY,
            "image/jpeg": _BINARY,
            "image/png": _BINARY,
        },
    }
}


@router.post(
    "/jobs",
    status_code=202,
    response_model=JobView,
    responses=_BAD | {408: errors("Too slow.")},
    openapi_extra=_UPLOAD,
    tags=["jobs"],
)
async def create_job(
    request: Request,
    client: Client = None,
    key: Key = None,
    options: Annotated[
        str | None, Query(description="JobOptions as JSON, unless they come in the form.")
    ] = None,
    name: Annotated[str | None, Query(description="Name of an image that is the body itself.")] = None,
) -> Response:
    """Upload an image and queue a job for it.

    The image is the part `image` of a form, or the body itself. The job runs when the answer has come.
    """
    service, who = _service(request), _client(request, client)
    del options, name  # read together with the body
    with service.room(who, key):
        async with service.receiver.receive(request) as upload:
            job, replayed = await service.accept(upload, who, key)
    return _accepted(request, job, replayed=replayed)


@router.get("/jobs", response_model=JobList, responses={422: errors("Wrong parameters.")}, tags=["jobs"])
async def list_jobs(
    request: Request,
    state: Annotated[State | None, Query(description="Only jobs in this state.")] = None,
    after: Annotated[str | None, Query(description="Only jobs that came after this one.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 1000,
) -> JobList:
    """List jobs, oldest first."""
    service = _service(request)
    first = service.job(after).number if after is not None else 0
    found = [
        view
        for job, view in zip(service.store, service.views(), strict=True)
        if job.number > first and state in (None, job.state)
    ]
    more = len(found) > limit
    query = (
        f"?limit={limit}&after={found[limit - 1].id}" + (f"&state={state}" if state else "") if more else None
    )
    return JobList(jobs=found[:limit], next=f"/v1/jobs{query}" if query else None)


@router.get("/jobs/{job_id}", response_model=JobView, responses=_NO_JOB, tags=["jobs"])
async def get_job(request: Request, job_id: JobId) -> JobView:
    """Look at a job."""
    service = _service(request)
    return service.view(service.job(job_id))


@router.delete(
    "/jobs/{job_id}",
    response_model=JobView,
    responses=_NO_JOB | {204: {"description": "The job had ended; it and its files are gone."}},
    tags=["jobs"],
)
async def delete_job(request: Request, job_id: JobId) -> Response:
    """Cancel a job that waits or runs; remove one that has ended, with its files."""
    service = _service(request)
    job = service.job(job_id)
    if await service.delete(job):
        return JSONResponse(service.view(job).model_dump())
    return Response(status_code=204)


@router.delete("/jobs", status_code=204, tags=["jobs"])
async def delete_ended_jobs(request: Request) -> Response:
    """Remove all jobs that have ended, with their files."""
    service = _service(request)
    for job in service.store:
        if job.state in ENDED:
            service.remove(job)
    return Response(status_code=204)


@router.post(
    "/jobs/{job_id}/retry", status_code=202, response_model=JobView, responses=_NO_JOB | _BAD, tags=["jobs"]
)
async def retry_job(request: Request, job_id: JobId) -> Response:
    """Queue a job again that failed or was cancelled."""
    service = _service(request)
    return _accepted(request, await service.retry(service.job(job_id)))


@router.post(
    "/jobs/{job_id}/again",
    status_code=202,
    response_model=JobView,
    responses=_NO_JOB | _BAD,
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": _OPTIONS}}}},
    tags=["jobs"],
)
async def repeat_job(request: Request, job_id: JobId, client: Client = None) -> Response:
    """Make another job of the same image with other options, without uploading it again."""
    service = _service(request)
    job = service.job(job_id)
    options = parse_options(await _small_body(request))
    return _accepted(request, await service.again(job, options, _client(request, client)))


@router.get(
    "/jobs/{job_id}/result", responses=_FILE | _NO_JOB | {409: errors("Not finished.")}, tags=["files"]
)
async def get_result(request: Request, job_id: JobId) -> Response:
    """Download the result."""
    service = _service(request)
    job = service.job(job_id)
    result = _finished(job)
    path = service.store.result_of(job)
    return send_file(request, path, result["media_type"], result["etag"], download=result["name"])


@router.get("/jobs/{job_id}/source", responses=_FILE | _NO_JOB, tags=["files"])
async def get_source(request: Request, job_id: JobId) -> Response:
    """Download the image as it was uploaded."""
    service = _service(request)
    job = service.job(job_id)
    path, kind = service.store.source_of(job), media_type(job.source["format"])
    return send_file(request, path, kind, f'"{job.id}-source"', download=job.name)


@router.get("/jobs/{job_id}/thumbnail", responses=_FILE | _NO_JOB, tags=["files"])
async def get_thumbnail(request: Request, job_id: JobId) -> Response:
    """Get a small WebP of the source."""
    service = _service(request)
    job = service.job(job_id)
    return send_file(request, await service.thumbnail(job), "image/webp", f'"{job.id}-thumbnail"')


@router.get(
    "/jobs/{job_id}/screen/{which}",
    responses=_FILE | _NO_JOB | {409: errors("Not finished.")},
    tags=["files"],
)
async def get_screen_copy(request: Request, job_id: JobId, which: str) -> Response:
    """Get the source or the result (`which`) in a form that browsers show: itself, or an 8-bit PNG."""
    service = _service(request)
    job = service.job(job_id)
    if which not in ("source", "result"):
        raise Problem(404, "not-found", "There is nothing at this address.")
    facts = _finished(job) if which == "result" else job.source
    path = service.store.result_of(job) if which == "result" else service.store.source_of(job)
    tag = str(facts.get("etag", f'"{job.id}-source"'))
    if facts["format"] in _SHOWN_BY_BROWSERS and facts["depth"] != "float" and not facts["notes"]:
        return send_file(request, path, media_type(facts["format"]), tag)
    return send_file(request, await service.screen(job, path), "image/png", f'{tag[:-1]}-screen"')


@router.get(
    "/results.zip", responses={404: errors("No such job."), 409: errors("Not finished.")}, tags=["files"]
)
async def get_archive(
    request: Request,
    ids: Annotated[str | None, Query(description="Ids of jobs, separated by commas; all by default.")] = None,
) -> Response:
    """Download results as one ZIP file."""
    service = _service(request)
    jobs = [service.job(one) for one in ids.split(",")] if ids else [j for j in service.store if j.result]
    files: list[tuple[str, Path]] = []
    for job in jobs:
        files.append((str(_finished(job)["name"]), service.store.result_of(job)))
    if not files:
        raise Problem(404, "no-results", "There are no results yet.")
    headers = {"Content-Disposition": 'attachment; filename="wildsr-results.zip"'}
    return StreamingResponse(zip_stream(files), media_type="application/zip", headers=headers)


_EVENTS: Responses = {
    200: {
        "description": "Events, as text/event-stream, or as JSON where Accept asks for it.",
        "content": {
            "text/event-stream": {"schema": {"type": "string"}},
            "application/json": {"schema": {"$ref": "#/components/schemas/EventList"}},
        },
    },
    204: {"description": "The job has ended and there is nothing new."},
}
After = Annotated[int | None, Query(ge=0, le=1 << 53, description="As Last-Event-ID, for polling.")]
Wait = Annotated[float, Query(ge=0, le=30, description="When polling: seconds to wait for an event.")]


@router.get("/jobs/{job_id}/events", responses=_EVENTS | _NO_JOB, tags=["events"], response_class=Response)
async def follow_job(
    request: Request, job_id: JobId, last_event: LastEvent = None, after: After = None, wait: Wait = 0
) -> Response:
    """Follow one job; the stream ends with the job."""
    return await _events(request, _service(request).job(job_id), _number(last_event, after), wait)


@router.get("/events", response_model=EventList, responses=_EVENTS, tags=["events"], response_class=Response)
async def follow_all(
    request: Request, last_event: LastEvent = None, after: After = None, wait: Wait = 0
) -> Response:
    """Follow all jobs."""
    return await _events(request, None, _number(last_event, after), wait)


@router.get("/models", response_model=list[ModelView], tags=["service"])
async def list_models(request: Request) -> list[ModelView]:
    """List the models that jobs may name."""
    chosen = _service(request).settings.model
    default = ALIASES.get(chosen, chosen)
    return [
        ModelView(
            name=entry.name,
            scale=entry.scale,
            architecture=entry.architecture,
            licence=entry.licence,
            good_at=entry.good_at,
            default=entry.name == default,
        )
        for entry in models().values()
    ]


@router.get("/about", tags=["service"])
async def about(request: Request) -> dict[str, Any]:
    """Say which version this is, what it reads and writes, and its limits."""
    settings = _service(request).settings
    suffixes = [suffix for form in FORMATS.values() if form.readable for suffix in form.suffixes]
    return {
        "version": __version__,
        "local": settings.is_loopback,
        "keep_seconds": settings.keep,
        "reads": suffixes,
        "writes": [form.suffixes[0][1:] for form in FORMATS.values() if form.writable],
        "limits": vars(settings.limits),
    }


async def render_metrics(request: Request) -> PlainTextResponse:
    """Counters and gauges in the text format of Prometheus."""
    service = _service(request)
    slots = service.scheduler.slots
    text = service.metrics.render(
        queued=len(service.scheduler.queue),
        running=sum(slot.job is not None for slot in slots),
        workers=len(slots),
        ready=sum(slot.ready for slot in slots),
        jobs=len(service.store),
        disk=service.store.disk(),
    )
    return PlainTextResponse(text, media_type=metrics.MEDIA_TYPE)


def _finished(job: JobRecord) -> dict[str, Any]:
    if job.result is None:
        raise Problem(409, "not-finished", f"The job is {job.state}; only a finished one has a result.")
    return job.result


async def _small_body(request: Request) -> bytes:
    if request.headers.get("content-type", "application/json").split(";")[0].strip() != "application/json":
        raise Problem(415, "media-type", "Send the options as application/json.")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > 1 << 16:
            raise Problem(413, "options-too-large", "The options are too long.")
    return body


def _number(last_event: str | None, after: int | None) -> int | None:
    if last_event is not None and re.fullmatch(r"\d{1,16}", last_event):
        return int(last_event)
    return after


async def _events(request: Request, job: JobRecord | None, number: int | None, wait: float) -> Response:
    service = _service(request)
    job_id = job.id if job is not None else None
    if "application/json" in request.headers.get("accept", ""):
        return await _poll(service, job, number, wait)
    ended = job is not None and job.state in ENDED
    if ended and number is not None and service.hub.since(number, job_id) == []:
        return Response(status_code=204)  # tells EventSource not to connect again
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(
        _stream(service, job_id, number), media_type="text/event-stream", headers=headers
    )


def _snapshot(service: Service, job_id: str | None) -> dict[str, Any]:
    if job_id is None:
        return {"jobs": [view.model_dump() for view in service.views()]}
    job = service.store.get(job_id)
    return {"jobs": [service.view(job).model_dump()] if job is not None else []}


async def _poll(service: Service, job: JobRecord | None, number: int | None, wait: float) -> Response:
    job_id = job.id if job is not None else None
    if number is None or (found := service.hub.since(number, job_id)) is None:
        snapshot = EventView(id=service.hub.last, event="snapshot", data=_snapshot(service, job_id))
        return JSONResponse(EventList(events=[snapshot], last=service.hub.last).model_dump())
    if not found and wait:
        await service.hub.wait(number, wait)
        found = service.hub.since(number, job_id) or []
    events = [EventView(id=event.number, event=event.kind, data=event.data) for event in found]
    return JSONResponse(EventList(events=events, last=service.hub.last).model_dump())


async def _stream(service: Service, job_id: str | None, number: int | None) -> AsyncIterator[bytes]:
    yield b"retry: 1000\n\n"
    while not service.hub.closed:
        found = service.hub.since(number, job_id) if number is not None else None
        if found is None:  # the beginning, or too long ago: how things stand now
            number = service.hub.last
            yield sse("snapshot", _snapshot(service, job_id), number)
        else:
            for event in found:
                yield event.as_sse()
            number = service.hub.last if not found else found[-1].number
        job = service.store.get(job_id) if job_id is not None else None
        if (
            job_id is not None
            and (job is None or job.state in ENDED)
            and not service.hub.since(number, job_id)
        ):
            return
        before = service.hub.last
        await service.hub.wait(max(number, before), _HEARTBEAT)
        if service.hub.last == before:
            yield b": still here\n\n"

"""The HTTP interface under /v1."""

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from pydantic import BaseModel

from wildsr import __version__
from wildsr.image.formats import FORMATS
from wildsr.web import metrics
from wildsr.web.adaptations.service import can_adapt
from wildsr.web.archive import zip_stream
from wildsr.web.files import send_file
from wildsr.web.jobs import ENDED, JobRecord, JobView, State
from wildsr.web.options import models, parse_options
from wildsr.web.problems import Problem
from wildsr.web.responses import NO_JOB, JobId, Responses, errors, service_of
from wildsr.web.worker import media_type
from wildsr.zoo.catalogue import ALIASES

_SHOWN_BY_BROWSERS = ("jpeg", "png", "webp", "avif")
_OPTIONS = {"$ref": "#/components/schemas/JobOptions"}

router = APIRouter(prefix="/v1")


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


BAD: Responses = {
    409: errors("Conflict."),
    413: errors("Too many bytes or pixels."),
    415: errors("Not an image."),
    422: errors("Wrong options or a damaged image."),
    429: errors("Too much at once; Retry-After says when to try again."),
    507: errors("No space for more images."),
}
FILE: Responses = {
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


def client_of(request: Request, named: str | None) -> str:
    """The name of a client: the one that it gives, or its address."""
    return f"name {named}" if named else f"address {request.client.host if request.client else '?'}"


def _accepted(request: Request, job: JobRecord, status: int = 202, replayed: bool = False) -> Response:
    headers = {"Location": f"/v1/jobs/{job.id}"}
    if replayed:
        headers["Idempotent-Replayed"] = "true"
    return JSONResponse(service_of(request).view(job).model_dump(), status, headers=headers)


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
    responses=BAD | {408: errors("Too slow.")},
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
    service, who = service_of(request), client_of(request, client)
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
    service = service_of(request)
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


@router.get("/jobs/{job_id}", response_model=JobView, responses=NO_JOB, tags=["jobs"])
async def get_job(request: Request, job_id: JobId) -> JobView:
    """Look at a job."""
    service = service_of(request)
    return service.view(service.job(job_id))


@router.delete(
    "/jobs/{job_id}",
    response_model=JobView,
    responses=NO_JOB | {204: {"description": "The job had ended; it and its files are gone."}},
    tags=["jobs"],
)
async def delete_job(request: Request, job_id: JobId) -> Response:
    """Cancel a job that waits or runs; remove one that has ended, with its files."""
    service = service_of(request)
    job = service.job(job_id)
    if await service.delete(job):
        return JSONResponse(service.view(job).model_dump())
    return Response(status_code=204)


@router.delete("/jobs", status_code=204, tags=["jobs"])
async def delete_ended_jobs(request: Request) -> Response:
    """Remove all jobs that have ended, with their files."""
    service = service_of(request)
    for job in service.store:
        if job.state in ENDED:
            service.remove(job)
    return Response(status_code=204)


@router.post(
    "/jobs/{job_id}/retry", status_code=202, response_model=JobView, responses=NO_JOB | BAD, tags=["jobs"]
)
async def retry_job(request: Request, job_id: JobId) -> Response:
    """Queue a job again that failed or was cancelled."""
    service = service_of(request)
    return _accepted(request, await service.retry(service.job(job_id)))


@router.post(
    "/jobs/{job_id}/again",
    status_code=202,
    response_model=JobView,
    responses=NO_JOB | BAD,
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": _OPTIONS}}}},
    tags=["jobs"],
)
async def repeat_job(request: Request, job_id: JobId, client: Client = None) -> Response:
    """Make another job of the same image with other options, without uploading it again."""
    service = service_of(request)
    job = service.job(job_id)
    options = parse_options(await small_body(request))
    return _accepted(request, await service.again(job, options, client_of(request, client)))


@router.get("/jobs/{job_id}/result", responses=FILE | NO_JOB | {409: errors("Not finished.")}, tags=["files"])
async def get_result(request: Request, job_id: JobId) -> Response:
    """Download the result."""
    service = service_of(request)
    job = service.job(job_id)
    result = _finished(job)
    path = service.store.result_of(job)
    return send_file(request, path, result["media_type"], result["etag"], download=result["name"])


@router.get("/jobs/{job_id}/source", responses=FILE | NO_JOB, tags=["files"])
async def get_source(request: Request, job_id: JobId) -> Response:
    """Download the image as it was uploaded."""
    service = service_of(request)
    job = service.job(job_id)
    path, kind = service.store.source_of(job), media_type(job.source["format"])
    return send_file(request, path, kind, f'"{job.id}-source"', download=job.name)


@router.get("/jobs/{job_id}/thumbnail", responses=FILE | NO_JOB, tags=["files"])
async def get_thumbnail(request: Request, job_id: JobId) -> Response:
    """Get a small WebP of the source."""
    service = service_of(request)
    job = service.job(job_id)
    return send_file(request, await service.thumbnail(job), "image/webp", f'"{job.id}-thumbnail"')


@router.get(
    "/jobs/{job_id}/screen/{which}",
    responses=FILE | NO_JOB | {409: errors("Not finished.")},
    tags=["files"],
)
async def get_screen_copy(request: Request, job_id: JobId, which: str) -> Response:
    """Get the source or the result (`which`) in a form that browsers show: itself, or an 8-bit PNG."""
    service = service_of(request)
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
    service = service_of(request)
    jobs = [service.job(one) for one in ids.split(",")] if ids else [j for j in service.store if j.result]
    files: list[tuple[str, Path]] = []
    for job in jobs:
        files.append((str(_finished(job)["name"]), service.store.result_of(job)))
    if not files:
        raise Problem(404, "no-results", "There are no results yet.")
    headers = {"Content-Disposition": 'attachment; filename="wildsr-results.zip"'}
    return StreamingResponse(zip_stream(files), media_type="application/zip", headers=headers)


@router.get("/models", response_model=list[ModelView], tags=["service"])
async def list_models(request: Request) -> list[ModelView]:
    """List the models that jobs may name."""
    chosen = service_of(request).settings.model
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
    settings = service_of(request).settings
    suffixes = [suffix for form in FORMATS.values() if form.readable for suffix in form.suffixes]
    return {
        "version": __version__,
        "local": settings.is_loopback,
        "adapts": can_adapt(),
        "keep_seconds": settings.keep,
        "reads": suffixes,
        "writes": [form.suffixes[0][1:] for form in FORMATS.values() if form.writable],
        "limits": {**vars(settings.limits), "client_jobs": settings.limits.client_jobs},
    }


async def render_metrics(request: Request) -> PlainTextResponse:
    """Counters and gauges in the text format of Prometheus."""
    service = service_of(request)
    slots = service.scheduler.slots
    text = service.metrics.render(
        queued=len(service.scheduler.queue),
        running=sum(slot.job is not None for slot in slots),
        workers=len(slots),
        ready=sum(slot.ready for slot in slots),
        jobs=len(service.store),
        disk=service.disk(),
    )
    adaptations = service.adaptations.runner
    text += metrics.render_adaptations(
        waiting=adaptations.waiting, running=int(adaptations.running is not None), ended=adaptations.ended
    )
    return PlainTextResponse(text, media_type=metrics.MEDIA_TYPE)


def _finished(job: JobRecord) -> dict[str, Any]:
    if job.result is None:
        raise Problem(409, "not-finished", f"The job is {job.state}; only a finished one has a result.")
    return job.result


async def small_body(request: Request) -> bytes:
    """The body of a request that holds options as JSON. Raises 413 and 415 Problems."""
    if request.headers.get("content-type", "application/json").split(";")[0].strip() != "application/json":
        raise Problem(415, "media-type", "Send the options as application/json.")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > 1 << 16:
            raise Problem(413, "options-too-large", "The options are too long.")
    return body

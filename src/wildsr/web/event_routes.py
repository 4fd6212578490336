"""Events under /v1: streams of server-sent events, and polling."""

import re
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel

from wildsr.web.events import sse
from wildsr.web.jobs import ENDED, JobRecord
from wildsr.web.responses import NO_JOB, JobId, Responses, service_of
from wildsr.web.service import Service

_HEARTBEAT = 15.0

router = APIRouter(prefix="/v1")

LastEvent = Annotated[str | None, Header(alias="Last-Event-ID", description="Number of the last event seen.")]


class EventView(BaseModel):
    """An event of a job."""

    id: int
    event: str
    data: dict[str, Any]


class EventList(BaseModel):
    """Events after ``after``; ``last`` is the number to ask with next time."""

    events: list[EventView]
    last: int


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


@router.get("/jobs/{job_id}/events", responses=_EVENTS | NO_JOB, tags=["events"], response_class=Response)
async def follow_job(
    request: Request, job_id: JobId, last_event: LastEvent = None, after: After = None, wait: Wait = 0
) -> Response:
    """Follow one job; the stream ends with the job."""
    return await _events(request, service_of(request).job(job_id), _number(last_event, after), wait)


@router.get("/events", response_model=EventList, responses=_EVENTS, tags=["events"], response_class=Response)
async def follow_all(
    request: Request, last_event: LastEvent = None, after: After = None, wait: Wait = 0
) -> Response:
    """Follow all jobs."""
    return await _events(request, None, _number(last_event, after), wait)


def _number(last_event: str | None, after: int | None) -> int | None:
    if last_event is not None and re.fullmatch(r"\d{1,16}", last_event):
        return int(last_event)
    return after


async def _events(request: Request, job: JobRecord | None, number: int | None, wait: float) -> Response:
    service = service_of(request)
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

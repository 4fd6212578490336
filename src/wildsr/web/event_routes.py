"""Events under /v1: streams of server-sent events, and polling."""

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel

from wildsr.web.events import Hub, sse
from wildsr.web.jobs import ENDED
from wildsr.web.responses import NO_JOB, JobId, Responses, service_of

_HEARTBEAT = 15.0

router = APIRouter(prefix="/v1")

LastEvent = Annotated[str | None, Header(alias="Last-Event-ID", description="Number of the last event seen.")]


class EventView(BaseModel):
    """An event of a job or an adaptation."""

    id: int
    event: str
    data: dict[str, Any]


class EventList(BaseModel):
    """Events after ``after``; ``last`` is the number to ask with next time."""

    events: list[EventView]
    last: int


EVENTS: Responses = {
    200: {
        "description": "Events, as text/event-stream, or as JSON where Accept asks for it.",
        "content": {
            "text/event-stream": {"schema": {"type": "string"}},
            "application/json": {"schema": {"$ref": "#/components/schemas/EventList"}},
        },
    },
    204: {"description": "It has ended and there is nothing new."},
}
After = Annotated[int | None, Query(ge=0, le=1 << 53, description="As Last-Event-ID, for polling.")]
Wait = Annotated[float, Query(ge=0, le=30, description="When polling: seconds to wait for an event.")]


@dataclass(frozen=True)
class Followed:
    """Source of a follower's events: one job or adaptation by its id, or everything.

    ``snapshot()`` is how things stand now; ``ended()`` whether nothing more will happen.
    """

    id: str | None
    snapshot: Callable[[], dict[str, Any]]
    ended: Callable[[], bool]


@router.get("/jobs/{job_id}/events", responses=EVENTS | NO_JOB, tags=["events"], response_class=Response)
async def follow_job(
    request: Request, job_id: JobId, last_event: LastEvent = None, after: After = None, wait: Wait = 0
) -> Response:
    """Follow one job; the stream ends with the job."""
    service = service_of(request)
    service.job(job_id)

    def snapshot() -> dict[str, Any]:
        job = service.store.get(job_id)
        return {"jobs": [service.view(job).model_dump()] if job is not None else []}

    def ended() -> bool:
        job = service.store.get(job_id)
        return job is None or job.state in ENDED

    followed = Followed(job_id, snapshot, ended)
    return await send_events(request, followed, event_number(last_event, after), wait)


@router.get("/events", response_model=EventList, responses=EVENTS, tags=["events"], response_class=Response)
async def follow_all(
    request: Request, last_event: LastEvent = None, after: After = None, wait: Wait = 0
) -> Response:
    """Follow all jobs and adaptations."""
    service = service_of(request)

    def snapshot() -> dict[str, Any]:
        return {
            "jobs": [view.model_dump() for view in service.views()],
            "adaptations": [view.model_dump(mode="json") for view in service.adaptations.views()],
        }

    followed = Followed(None, snapshot, lambda: False)
    return await send_events(request, followed, event_number(last_event, after), wait)


def event_number(last_event: str | None, after: int | None) -> int | None:
    """The number of the last event that a client has seen; None for none."""
    if last_event is not None and re.fullmatch(r"\d{1,16}", last_event):
        return int(last_event)
    return after


async def send_events(request: Request, followed: Followed, number: int | None, wait: float) -> Response:
    """Events after ``number``: a stream, or JSON where Accept asks for it."""
    hub = service_of(request).hub
    if "application/json" in request.headers.get("accept", ""):
        return await _poll(hub, followed, number, wait)
    if followed.ended() and number is not None and hub.since(number, followed.id) == []:
        return Response(status_code=204)  # tells EventSource not to connect again
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_stream(hub, followed, number), media_type="text/event-stream", headers=headers)


async def _poll(hub: Hub, followed: Followed, number: int | None, wait: float) -> Response:
    if number is None or (found := hub.since(number, followed.id)) is None:
        snapshot = EventView(id=hub.last, event="snapshot", data=followed.snapshot())
        return JSONResponse(EventList(events=[snapshot], last=hub.last).model_dump())
    if not found and wait:
        await hub.wait(number, wait)
        found = hub.since(number, followed.id) or []
    events = [EventView(id=event.number, event=event.kind, data=event.data) for event in found]
    return JSONResponse(EventList(events=events, last=hub.last).model_dump())


async def _stream(hub: Hub, followed: Followed, number: int | None) -> AsyncIterator[bytes]:
    yield b"retry: 1000\n\n"
    while not hub.closed:
        seen = hub.last  # while something is being sent, more may happen
        found = hub.since(number, followed.id) if number is not None else None
        number = seen
        if found is None:  # the beginning, or too long ago: how things stand now
            yield sse("snapshot", followed.snapshot(), seen)
        else:
            for event in found:
                yield event.as_sse()
        if followed.ended() and not hub.since(seen, followed.id):
            return
        await hub.wait(seen, _HEARTBEAT)
        if hub.last == seen:
            yield b": still here\n\n"

"""Events of jobs: numbered, kept for a while, read by any number of followers."""

import asyncio
import json
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

_KEPT = 4096


@dataclass(frozen=True)
class Event:
    """Something that happened to a job, or to an adaptation, of which ``job`` is the id.

    ``kind`` is "job", "progress", "removed", "adaptation", "adaptation-progress" or "adaptation-removed".
    """

    number: int
    job: str
    kind: str
    data: dict[str, Any]

    def as_sse(self) -> bytes:
        """The event in the format of ``text/event-stream``."""
        return sse(self.kind, self.data, self.number)


def sse(kind: str, data: Any, number: int) -> bytes:
    """One event of a ``text/event-stream``."""
    return f"id: {number}\nevent: {kind}\ndata: {json.dumps(data)}\n\n".encode()


class Hub:
    """The last events of all jobs.

    Numbers begin with the time, so that those of an earlier run of the service are older than any kept here.
    """

    def __init__(self, kept: int = _KEPT) -> None:
        self._events: deque[Event] = deque(maxlen=kept)
        self._floor = self.last = int(time.time()) << 20
        self._changed = asyncio.Event()
        self.closed = False

    def publish(self, job: str, kind: str, data: dict[str, Any]) -> None:
        """Send an event to all followers."""
        self.last += 1
        if len(self._events) == self._events.maxlen:
            self._floor = self._events[0].number
        self._events.append(Event(self.last, job, kind, data))
        self._wake()

    def close(self) -> None:
        """End all followers."""
        self.closed = True
        self._wake()

    def since(self, number: int, job: str | None = None) -> list[Event] | None:
        """Events after ``number``, oldest first; None where some of them are no longer kept."""
        if not self._floor <= number <= self.last:
            return None
        found = []
        for event in reversed(self._events):
            if event.number <= number:
                break
            if job is None or event.job == job:
                found.append(event)
        return found[::-1]

    async def wait(self, number: int, timeout: float) -> None:
        """Return when there is an event after ``number``, at the close, or after ``timeout`` seconds."""
        deadline = time.monotonic() + timeout
        while self.last <= number and not self.closed:
            left = deadline - time.monotonic()
            if left <= 0:
                return
            changed = self._changed
            try:
                await asyncio.wait_for(changed.wait(), left)
            except (TimeoutError, asyncio.TimeoutError):
                return

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

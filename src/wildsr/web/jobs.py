"""A job: its record on the disk, and what the API shows of it."""

import re
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from wildsr.web.options import JobOptions

State = Literal["queued", "running", "finished", "failed", "cancelled"]
ENDED: tuple[State, ...] = ("finished", "failed", "cancelled")


@dataclass(kw_only=True)
class StoredRecord:
    """The fields that records of jobs and of adaptations share. Times are seconds since 1970, sizes in bytes.

    Attributes:
        id: unguessable; also the name of its folder.
        number: order of arrival.
        client: whose it is, for fairness between clients.
        attempts: how many worker processes have ended while working on it.
        disk: bytes of its files, as far as they were measured.
        key, digest: Idempotency-Key and fingerprint of the request.
    """

    id: str
    number: int = 0
    client: str
    options: dict[str, Any]
    created: float
    state: State = "queued"
    started: float | None = None
    ended: float | None = None
    attempts: int = 0
    reason: str | None = None
    notes: list[str] = field(default_factory=list)
    disk: int = 0
    key: str | None = None
    digest: str = ""


@dataclass(kw_only=True)
class JobRecord(StoredRecord):
    """Everything that is kept about a job.

    Attributes:
        name: of the source as the client calls it, for display and download only.
        origin: id of the first job with this image, for results to be compared.
        source_file: name of the source in the job's folder, given by the service.
        source, result: headers of both files (:class:`wildsr.image.header.Header` as plain data) and more facts.
    """

    name: str
    origin: str
    source_file: str
    source: dict[str, Any]
    result: dict[str, Any] | None = None


@dataclass
class Progress:
    """Progress of a running job; lost when the service ends."""

    done: int = 0
    total: int = 0
    fraction: float = 0.0
    seconds_left: float | None = None


class ProgressView(BaseModel):
    """Tiles done and in all of the current pass, and the share of the whole work that is done."""

    done: int
    total: int
    fraction: float
    seconds_left: float | None


class ImageView(BaseModel):
    """Facts from the header of an image."""

    width: int
    height: int
    format: str
    depth: str
    grey: bool
    alpha: bool
    profile: str | None
    metadata: list[str]
    bytes: int


class KeptView(BaseModel):
    """One property of the source, and what became of it."""

    what: str
    before: str
    after: str
    kept: bool


class ResultView(ImageView):
    """The result."""

    name: str
    media_type: str
    etag: str
    seconds: float
    engine: str
    kept: list[KeptView]


class JobView(BaseModel):
    """A job as the API shows it. Times are RFC 3339 in UTC."""

    id: str
    state: State
    name: str
    origin: str
    options: JobOptions
    created: str
    started: str | None
    ended: str | None
    expires: str | None
    position: int | None
    progress: ProgressView | None
    source: ImageView
    result: ResultView | None
    notes: list[str]
    reason: str | None
    links: dict[str, str]


def view_of(job: JobRecord, keep: float, progress: Progress | None, position: int | None) -> JobView:
    """The representation of ``job`` in the API."""
    base = f"/v1/jobs/{job.id}"
    links = {
        "self": base,
        "events": f"{base}/events",
        "thumbnail": f"{base}/thumbnail",
        "source": f"{base}/source",
    }
    result = None
    if job.result is not None:
        links["result"] = f"{base}/result"
        result = ResultView(**_image(job.result), **_result(job))
    return JobView(
        id=job.id,
        state=job.state,
        name=job.name,
        origin=job.origin,
        options=JobOptions(**job.options),
        created=time_text(job.created) or "",
        started=time_text(job.started),
        ended=time_text(job.ended),
        expires=time_text(job.ended + keep) if job.ended is not None else None,
        position=position,
        progress=None if progress is None or job.state != "running" else ProgressView(**vars(progress)),
        source=ImageView(**_image(job.source)),
        result=result,
        notes=job.notes,
        reason=job.reason,
        links=links,
    )


def kept(source: dict[str, Any], result: dict[str, Any]) -> list[KeptView]:
    """Which properties of the source the result has kept, of those that it can lose."""
    found = []
    if source["profile"] is not None:
        after = result["profile"]
        same = after == source["profile"]
        found.append(KeptView(what="ICC profile", before=source["profile"], after=after or "none", kept=same))
    for name in source["metadata"]:
        there = name in result["metadata"]
        found.append(KeptView(what=name, before="yes", after="yes" if there else "no", kept=there))
    before, after = _depth(source), _depth(result)
    found.append(KeptView(what="Depth", before=before, after=after, kept=before == after))
    if source["alpha"]:
        there = bool(result["alpha"])
        found.append(KeptView(what="Transparency", before="yes", after="yes" if there else "no", kept=there))
    if source["grey"]:
        there = bool(result["grey"])
        found.append(KeptView(what="Grey", before="yes", after="yes" if there else "no", kept=there))
    return found


def without_paths(text: str, folder: Path, name: str) -> str:
    """``text`` with ``name`` in place of every path within the folder of the service.

    Messages of libvips may also hold the path of an earlier file, perhaps another client's.
    """
    return re.sub(re.escape(str(folder)) + r"[^\s:;,()'\"]*", lambda _: name, text)


def _image(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: facts[name] for name in ImageView.model_fields}


def _result(job: JobRecord) -> dict[str, Any]:
    assert job.result is not None
    names = ("name", "media_type", "etag", "seconds", "engine")
    return {**{name: job.result[name] for name in names}, "kept": kept(job.source, job.result)}


def _depth(facts: dict[str, Any]) -> str:
    return {"uint8": "8 bit", "uint16": "16 bit"}.get(facts["depth"], "float")


def time_text(seconds: float | None) -> str | None:
    """Seconds since 1970 as RFC 3339 in UTC; None for None."""
    if seconds is None:
        return None
    return (
        datetime.fromtimestamp(seconds, timezone.utc)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )

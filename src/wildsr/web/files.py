"""Sends files: ETag, conditional requests and ranges (RFC 9110)."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import Response, StreamingResponse

from wildsr.web.problems import Problem

_CHUNK = 1 << 20


def send_file(
    request: Request, path: Path, media_type: str, etag: str, *, download: str | None = None
) -> Response:
    """A response with a file, or the part of it that is asked for.

    ``etag`` changes when the content does. ``download`` is the name under which browsers save the file.

    Raises:
        Problem: 404 where the file has just expired, 416 for a part beyond its end.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise Problem(404, "gone", "The file is no longer there.") from error
    size = path.stat().st_size
    headers = {"ETag": etag, "Accept-Ranges": "bytes"}
    if download is not None:
        headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(download, safe='')}"
    if _matches(request.headers.get("if-none-match"), etag):
        file.close()
        return Response(status_code=304, headers=headers)
    span = None
    if request.headers.get("if-range", etag) == etag:
        try:
            span = parse_range(request.headers.get("range"), size)
        except Problem:
            file.close()
            raise
    start, end = span or (0, size)
    headers["Content-Length"] = str(end - start)
    if span is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    status = 200 if span is None else 206
    return StreamingResponse(_chunks(file, start, end), status, headers=headers, media_type=media_type)


def parse_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Start and end of a single range in bytes; None for no range, or one that is ignored.

    Raises:
        Problem: 416.
    """
    found = re.fullmatch(r"\s*bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", header or "", re.ASCII)
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        start, end = max(size - int(found[2]), 0), size
    else:
        start = int(found[1])
        if found[2] and int(found[2]) < start:
            return None
        end = min(int(found[2]) + 1, size) if found[2] else size
    if start >= size or end <= start:
        headers = {"Content-Range": f"bytes */{size}"}
        raise Problem(416, "range", f"The file has {size} bytes.", headers=headers)
    return start, end


def _matches(header: str | None, etag: str) -> bool:
    if header is None:
        return False
    tags = [tag.strip().removeprefix("W/") for tag in header.split(",")]
    return "*" in tags or etag in tags


async def _chunks(file: IO[bytes], start: int, end: int) -> AsyncIterator[bytes]:
    with file:
        file.seek(start)
        while start < end:
            chunk = await asyncio.to_thread(file.read, min(_CHUNK, end - start))
            if not chunk:
                return
            start += len(chunk)
            yield chunk

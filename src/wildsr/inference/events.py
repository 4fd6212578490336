"""The events of a run over many images, as commands and services receive them. Imports no torch."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from wildsr.errors import WildsrError
from wildsr.storage.locations import Location
from wildsr.storage.object_path import ObjectPath


@dataclass(frozen=True)
class JobEvent:
    """An event of the job with this index and source; ``as_json`` is what ``wildsr upscale --json`` prints."""

    index: int
    source: Location

    def as_json(self) -> dict[str, Any]:
        """The event as plain data, with its type in lower case as ``event``."""
        plain = {
            one.name: str(value) if isinstance(value, (Path, ObjectPath)) else value
            for one in fields(self)
            if (value := getattr(self, one.name)) is not None
        }
        return {"event": type(self).__name__.lower(), **plain}


@dataclass(frozen=True)
class Started(JobEvent):
    """The model starts on an image; sizes of the image and of the result in pixels."""

    width: int
    height: int
    output_width: int
    output_height: int


@dataclass(frozen=True)
class Note(JobEvent):
    """Information about an image for the user, such as a property that the result loses."""

    text: str


@dataclass(frozen=True)
class Tile(JobEvent):
    """Progress within an image: tiles done in the current pass over it."""

    done: int
    total: int


@dataclass(frozen=True)
class Finished(JobEvent):
    """The result was written."""

    target: Location
    width: int
    height: int
    seconds: float
    source_sha256: str | None = None
    target_sha256: str | None = None


@dataclass(frozen=True)
class Failed(JobEvent):
    """The image failed; nothing was written for it."""

    reason: str


@dataclass(frozen=True)
class Cancelled(JobEvent):
    """The image was cancelled by the receiver of events; nothing was written for it."""


OnEvent = Callable[[JobEvent], None]


def reason(error: BaseException) -> str:
    """The message of an error for the user: that of our own errors as it is, others with their type."""
    if isinstance(error, (WildsrError, ValueError)) and str(error):
        return str(error)
    if isinstance(error, MemoryError):
        return "not enough memory for this image; close other programs or ask for a smaller size"
    return f"{type(error).__name__}: {error}"

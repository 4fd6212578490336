"""Child process that upscales, one image after the other, and keeps models loaded.

Run as ``python -m wildsr.web.worker DEVICE``. Messages to it: {"do": "warm"}, {"do": "job"}, {"do": "cancel"}.
"""

import hashlib
import mimetypes
import os
import queue
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wildsr.image.formats import FORMATS, Size
from wildsr.inference.errors import JobCancelled
from wildsr.inference.sizing import OutputSize, Target, passes
from wildsr.web.channel import Message, Parent
from wildsr.web.jobs import without_paths
from wildsr.web.options import JobOptions, result_label

if TYPE_CHECKING:
    from wildsr.inference.events import JobEvent
    from wildsr.inference.upscaler import Upscaler

_KEPT_UPSCALERS = 3
_TELL_EVERY = 0.1
_CHUNK = 1 << 20


class Upscalers:
    """The upscalers used last, by what they were made from."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._kept: OrderedDict[tuple[Any, ...], Upscaler] = OrderedDict()

    def get(self, options: JobOptions) -> "Upscaler":
        """The upscaler for ``options``.

        Raises:
            ModelError, ValueError: as :class:`wildsr.Upscaler`.
        """
        from wildsr.inference.upscaler import Upscaler
        from wildsr.zoo.catalogue import find
        from wildsr.zoo.load import load

        files = [find(name)[1] for name in (options.model, options.toward) if name]
        states = tuple((str(path), path.stat().st_mtime_ns) for path in files)
        made_from = (
            states,
            options.toward is not None,
            options.strength,
            options.ensemble,
            options.back_projection,
            options.tile,
            options.overlap,
            options.precision,
        )
        if made_from not in self._kept:
            while len(self._kept) >= _KEPT_UPSCALERS:
                self._kept.popitem(last=False)
            self._kept[made_from] = Upscaler(
                load(options.model),
                device=self._device,
                precision=options.precision,
                tile=options.tile,
                overlap=options.overlap,
                ensemble=options.ensemble,
                back_projection=options.back_projection,
                strength=options.strength,
                toward=None if options.toward is None else load(options.toward),
            )
        self._kept.move_to_end(made_from)
        return self._kept[made_from]


class _Meter:
    """Turns tiles of passes into the share of the work that is done."""

    def __init__(self, source: Size, target: Size, scale: int) -> None:
        areas = [size.width * size.height for size in passes(source, target, scale)]
        self._starts = [sum(areas[:index]) / sum(areas) for index in range(len(areas) + 1)]
        self._pass, self._last, self._fraction = 0, 0, 0.0

    def fraction(self, done: int, total: int) -> float:
        """The share after ``done`` of ``total`` tiles of the current pass; never falls."""
        if done <= self._last:
            self._pass = min(self._pass + 1, len(self._starts) - 2)
        self._last = done
        start, end = self._starts[self._pass : self._pass + 2]
        self._fraction = max(self._fraction, start + (end - start) * done / total)
        return self._fraction


class Worker:
    """Runs jobs; ``tell`` receives their events."""

    def __init__(self, device: str, tell: Callable[..., None]) -> None:
        self._upscalers = Upscalers(device)
        self._tell = tell
        self._cancelled: set[str] = set()

    def cancel(self, job_id: str) -> None:
        """Cancel a job; called from another thread."""
        self._cancelled.add(job_id)

    def warm(self, message: Message) -> None:
        """Load a model ahead of the first job."""
        try:
            self._upscalers.get(JobOptions(model=message["model"]))
        except Exception as error:
            print(f"wildsr web: the model '{message['model']}' cannot be used: {error}", file=sys.stderr)

    def work(self, message: Message) -> None:
        """Do one job from file to file, exactly as ``wildsr upscale`` does."""
        from wildsr.inference.events import reason

        job_id = message["id"]
        try:
            self._work(job_id, message)
        except JobCancelled:
            self._tell(event="cancelled", id=job_id)
        except Exception as error:
            self._tell(event="failed", id=job_id, reason=_public(reason(error), message))
        self._cancelled.discard(job_id)

    def _work(self, job_id: str, message: Message) -> None:
        from wildsr.inference import batch, events
        from wildsr.inference.files import SaveOptions
        from wildsr.inference.jobs import Job

        options = JobOptions(**message["options"])
        self._check(job_id)
        upscaler = self._upscalers.get(options)
        self._check(job_id)
        source = Path(message["source"])
        target = source.parent / f"result{message['suffix']}"
        meter: _Meter | None = None
        told = 0.0

        def on_event(event: "JobEvent") -> None:
            nonlocal meter, told
            self._check(job_id)
            if isinstance(event, events.Started):
                resolved = self._resolved(event, options.wanted, upscaler.scale, message)
                meter = _Meter(Size(event.width, event.height), resolved.size, upscaler.scale)
                self._tell(event="started", id=job_id)
            elif isinstance(event, events.Note):
                self._tell(event="note", id=job_id, text=_public(event.text, message))
            elif isinstance(event, events.Tile) and meter is not None:
                fraction = meter.fraction(event.done, event.total)
                if event.done == event.total or time.monotonic() - told > _TELL_EVERY:
                    told = time.monotonic()
                    self._tell(
                        event="tile",
                        id=job_id,
                        done=event.done,
                        total=event.total,
                        fraction=round(fraction, 4),
                    )
            elif isinstance(event, events.Failed):
                self._tell(event="failed", id=job_id, reason=_public(event.reason, message))
            elif isinstance(event, events.Finished):
                result = describe_result(target)
                result["seconds"], result["engine"] = event.seconds, upscaler.engine
                label = result_label(options, upscaler.scale)
                result["name"] = f"{Path(message['name']).stem}_{label}{target.suffix}"
                self._tell(event="finished", id=job_id, result=result)

        batch.run(
            [Job(source, target)],
            upscaler,
            options.wanted,
            SaveOptions(options.format, options.quality),
            on_event,
        )

    def _check(self, job_id: str) -> None:
        if job_id in self._cancelled:
            raise JobCancelled

    @staticmethod
    def _resolved(event: Any, wanted: OutputSize, scale: int, message: Message) -> Target:
        target = wanted.resolve(Size(event.width, event.height), scale)
        pixels = target.size.width * target.size.height
        if pixels > message["max_pixels"]:
            raise ValueError(
                f"the result would have {target.size} pixels; this service writes at most "
                f"{message['max_pixels'] / 1e6:g} million. Choose a smaller size"
            )
        return target


def describe_result(path: Path) -> dict[str, Any]:
    """Facts about a written result: its header, size in bytes, media type and SHA-256."""
    from wildsr.image.header import read_header

    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    header = asdict(read_header(path))
    (header["width"], header["height"]) = header.pop("size")
    return {
        **header,
        "file": path.name,
        "bytes": path.stat().st_size,
        "media_type": media_type(str(header["format"])),
        "etag": f'"{digest.hexdigest()}"',
    }


def media_type(name: str) -> str:
    """The media type of a format in ``formats.FORMATS``."""
    known = {
        "heic": "image/heic",
        "webp": "image/webp",
        "avif": "image/avif",
        "ppm": "image/x-portable-anymap",
    }
    guessed = mimetypes.guess_type(f"a{FORMATS[name].suffixes[0]}")[0]
    return known.get(name) or guessed or "application/octet-stream"


def _public(text: str, message: Message) -> str:
    """``text`` without paths of the server: the client's name of the image in place of ours."""
    source = Path(message["source"])
    text = text.replace(str(source.parent / f"result{message['suffix']}"), "the result")
    return without_paths(text, source.parents[2], message["name"])


def main() -> None:
    """Do jobs until the service is gone."""
    parent = Parent()
    worker = Worker(sys.argv[1], parent.send)
    waiting: queue.SimpleQueue[Message] = queue.SimpleQueue()

    def listen() -> None:
        for message in parent.messages():
            if message["do"] == "cancel":
                worker.cancel(message["id"])
            else:
                waiting.put(message)
        os._exit(0)  # the service is gone; whatever is being computed is of no use

    threading.Thread(target=listen, daemon=True).start()
    parent.send(event="ready", gpus=_gpus())
    while True:
        message = waiting.get()
        if message["do"] == "warm":
            worker.warm(message)
        else:
            worker.work(message)


def _gpus() -> int:
    import torch

    return torch.cuda.device_count()


if __name__ == "__main__":
    main()

"""Child process that runs one adaptation and ends. Run as ``python -m wildsr.web.adaptations.worker``.

The message to it is {"photos", "sharp", "model", "report", "options", "device", "root"}. It runs at low priority, so
that upscaling goes on beside it. SIGTERM ends it: a training saves its state first.
"""

import contextlib
import json
import os
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wildsr.web.channel import Message, Parent
from wildsr.web.jobs import without_paths

if TYPE_CHECKING:
    from wildsr.adapt import AdaptEvent, AdaptOptions

_TELL_EVERY = 0.5
_NICENESS = 5
_LONGEST_TEXT = 2000


class Reporter:
    """Passes the events of an adaptation on, progress not more often than every half second."""

    def __init__(self, tell: Callable[..., None], root: Path, folder: Path) -> None:
        self._tell, self._root, self._folder = tell, root, folder
        self._told = 0.0

    def text(self, text: str) -> str:
        """A text without paths of the server."""
        return without_paths(text, self._root, "the adaptation")[:_LONGEST_TEXT]

    def __call__(self, event: "AdaptEvent") -> None:
        """Report an event."""
        from wildsr.adapt import events

        match event:
            case events.AdaptStage():
                self._tell(event="stage", name=event.stage, text=event.text, done=event.done)
            case events.AdaptProgress():
                self._progress(event.done, event.total, event.seconds_left, dict(event.losses))
            case events.AdaptNote():
                self._tell(event="note", text=self.text(event.text))
            case events.AdaptPreview():
                file = event.path.relative_to(self._folder).as_posix()
                self._tell(event="sample", step=event.step, file=file)
            case events.AdaptValidated():
                self._tell(event="gain", step=event.step, value=round(event.psnr - event.start, 4))

    def _progress(self, done: int, total: int, left: float | None, losses: dict[str, float]) -> None:
        if done != total and time.monotonic() - self._told < _TELL_EVERY:
            return
        self._told = time.monotonic()
        named = {name.rpartition("/")[2]: value for name, value in losses.items()}
        self._tell(event="progress", done=done, total=total, seconds_left=left, losses=named)


def work(message: Message, tell: Callable[..., None]) -> None:
    """Run the adaptation of ``message``, and report how it ended."""
    from wildsr.adapt import adapt
    from wildsr.adapt.errors import SeveralCameras
    from wildsr.errors import WildsrError
    from wildsr.storage.file_lock import held

    model = Path(message["model"])
    report = Reporter(tell, Path(message["root"]), model.parent)
    work_folder = model.with_name(f"{model.stem}-work")
    try:
        if work_folder.is_dir():
            with held(work_folder / ".lock"):  # the process of an earlier service may be ending just now
                pass
        result = adapt(
            Path(message["photos"]),
            model,
            _options(message),
            report=Path(message["report"]),
            on_event=report,
        )
    except SeveralCameras as error:
        tell(event="failed", reason=_several(error.cameras), cameras=error.cameras)
    except WildsrError as error:
        tell(event="failed", reason=report.text(str(error)), cameras={})
    else:
        outcome: dict[str, Any] = {
            "better": result.verdict.better,
            "reason": result.verdict.reason,
            "model_written": result.model is not None,
            "gains": [gain.content() for gain in result.verdict.gains],
        }
        tell(event="finished", outcome=outcome, camera=_camera(result.work))


def _options(message: Message) -> "AdaptOptions":
    from wildsr.adapt import AdaptOptions

    sharp = Path(message["sharp"]) if message["sharp"] else None
    return AdaptOptions(**message["options"], sharp=sharp, device=message["device"])


def _several(cameras: dict[str, int]) -> str:
    listed = ", ".join(f"{name} ({count} photos)" for name, count in cameras.items())
    return f"These photos are from {len(cameras)} cameras: {listed}. A model is for one camera: choose which."


def _camera(work_folder: Path) -> str:
    with contextlib.suppress(OSError, ValueError, KeyError):
        return str(json.loads((work_folder / "photos.json").read_text(encoding="utf-8"))["camera"])
    return ""


def main() -> None:
    """Run one adaptation."""
    parent = Parent()
    messages = parent.messages()
    message = next(messages, None)
    if message is None:
        return

    def listen() -> None:
        for _ in messages:
            pass
        os._exit(0)  # the service is gone; its next start continues from the work folder

    threading.Thread(target=listen, daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    warnings.simplefilter("ignore")
    from wildsr.training.errors import Interrupted

    try:
        work(message, parent.send)
    except (Interrupted, KeyboardInterrupt):
        sys.exit(143)
    except Exception as error:
        print(f"wildsr web: an adaptation failed: {type(error).__name__}: {error}", file=sys.stderr)
        reason = Reporter(parent.send, Path(message["root"]), Path(message["model"]).parent).text(str(error))
        parent.send(
            event="failed", reason=f"An unexpected error: {type(error).__name__}: {reason}", cameras={}
        )


if __name__ == "__main__":
    main()

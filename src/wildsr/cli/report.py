"""What ``wildsr upscale`` and ``degrade`` say while they work: to people with progress bars, to programs with JSON."""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from wildsr.inference.jobs import Job

if TYPE_CHECKING:
    from wildsr.inference.batch import Event


class Report(ABC):
    """Counts what happened and tells of it."""

    def __init__(self) -> None:
        self.done = 0
        self.skipped = 0
        self.failures: list[tuple[Path, str]] = []

    def fail(self, source: Path, reason: str) -> None:
        """An input came to nothing."""
        self.failures.append((source, reason))
        self._failed(source, reason)

    def already_there(self, job: Job, skipped: bool) -> None:
        """The result of a job exists: left alone when ``skipped``, a failure otherwise."""
        if skipped:
            self.skipped += 1
            self._skipped(job)
        else:
            self.fail(job.source, f"{job.target} exists already; use --overwrite or --skip-existing")

    def on_event(self, event: "Event") -> None:
        """Take an event of :func:`wildsr.inference.batch.run`."""
        from wildsr.inference.batch import Failed, Finished

        if isinstance(event, Failed):
            self.fail(event.source, event.reason)
            return
        self.done += isinstance(event, Finished)
        self._event(event)

    def close(self) -> int:
        """Sum up; returns the number of failures."""
        self._summary()
        return len(self.failures)

    @abstractmethod
    def loading(self, model: str) -> AbstractContextManager[None]:
        """While the model is loaded."""

    @abstractmethod
    def working(
        self, images: int, model: str, engine: str, tiles: bool = True
    ) -> AbstractContextManager[None]:
        """While images are worked on; ``tiles``: with events of progress within each."""

    @abstractmethod
    def usage(self, message: str) -> None:
        """Nothing can be done as asked."""

    @abstractmethod
    def interrupted(self) -> None:
        """Stopped by the user."""

    @abstractmethod
    def _failed(self, source: Path, reason: str) -> None: ...

    @abstractmethod
    def _skipped(self, job: Job) -> None: ...

    @abstractmethod
    def _event(self, event: "Event") -> None: ...

    @abstractmethod
    def _summary(self) -> None: ...


class JsonReport(Report):
    """One JSON object per line on standard output, each with an ``event``."""

    @contextmanager
    def loading(self, model: str) -> Iterator[None]:  # noqa: D102
        self._print(event="loading", model=model)
        yield

    @contextmanager
    def working(  # noqa: D102
        self,
        images: int,
        model: str,
        engine: str,
        tiles: bool = True,  # noqa: ARG002
    ) -> Iterator[None]:
        self._print(event="begin", pictures=images, model=model, engine=engine)
        yield

    def usage(self, message: str) -> None:  # noqa: D102
        self._print(event="usage", reason=message)

    def interrupted(self) -> None:  # noqa: D102
        self._print(event="interrupted", done=self.done)

    def _failed(self, source: Path, reason: str) -> None:
        self._print(event="failed", source=str(source), reason=reason)

    def _skipped(self, job: Job) -> None:
        self._print(event="skipped", source=str(job.source), target=str(job.target))

    def _event(self, event: "Event") -> None:
        self._print(**event.as_json())

    def _summary(self) -> None:
        failed = [{"source": str(source), "reason": reason} for source, reason in self.failures]
        self._print(event="end", done=self.done, skipped=self.skipped, failed=failed)

    def _print(self, **fields: Any) -> None:
        print(json.dumps(fields, ensure_ascii=False), flush=True)


class PersonReport(Report):
    """Progress bars on a terminal, plain lines elsewhere, and a summary at the end."""

    def __init__(self) -> None:
        super().__init__()
        self._console = Console(highlight=False, soft_wrap=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            TimeRemainingColumn(compact=True),
            console=self._console,
            transient=True,
        )
        self._images: TaskID | None = None
        self._tiles: TaskID | None = None

    @contextmanager
    def loading(self, model: str) -> Iterator[None]:  # noqa: D102
        with self._console.status(f"Loading {escape(model)}") if self._console.is_terminal else _nothing():
            yield

    @contextmanager
    def working(  # noqa: D102
        self, images: int, model: str, engine: str, tiles: bool = True
    ) -> Iterator[None]:
        self._console.print(f"[dim]{escape(model)} · {escape(engine)}[/]")
        if images > 1:
            self._images = self._progress.add_task("All", total=images, unit="pictures")
        if tiles:
            self._tiles = self._progress.add_task("", total=None, unit="tiles")
        self._progress.start()
        try:
            yield
        finally:
            self._progress.stop()

    def usage(self, message: str) -> None:  # noqa: D102
        Console(stderr=True, highlight=False, soft_wrap=True).print(f"[red]Error:[/] {escape(message)}")

    def interrupted(self) -> None:  # noqa: D102
        self._console.print(f"Interrupted; {_plural(self.done, 'image')} done, nothing half-written.")

    def _failed(self, source: Path, reason: str) -> None:
        self._advance()
        self._console.print(f"[red]failed[/] {escape(_with_name(source, reason))}")

    def _skipped(self, job: Job) -> None:
        self._console.print(f"[dim]skipped {escape(str(job.source))}: {escape(str(job.target))} exists[/]")

    def _event(self, event: "Event") -> None:
        from wildsr.inference.batch import Finished, Note, Started, Tile

        if isinstance(event, Started) and self._tiles is not None:
            self._progress.reset(self._tiles, description=escape(event.source.name), total=None)
        elif isinstance(event, Tile) and self._tiles is not None:
            self._progress.update(self._tiles, completed=event.done, total=event.total)
        elif isinstance(event, Note):
            self._console.print(f"[yellow]note[/] {escape(str(event.source))}: {escape(event.text)}")
        elif isinstance(event, Finished):
            self._advance()
            size = f"{event.width}x{event.height}"
            self._console.print(
                f"[green]{escape(str(event.target))}[/] [dim]{size}, {event.seconds:.1f} s[/]"
            )

    def _advance(self) -> None:
        if self._images is not None:
            self._progress.advance(self._images)

    def _summary(self) -> None:
        if self.done + self.skipped + len(self.failures) <= 1:
            return
        parts = [f"{_plural(self.done, 'image')} done"]
        if self.skipped:
            parts.append(f"{self.skipped} skipped")
        if self.failures:
            parts.append(f"[red]{len(self.failures)} failed[/]:")
        self._console.print(", ".join(parts))
        for source, reason in self.failures:
            self._console.print(f"  {escape(_with_name(source, reason))}")


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def _with_name(source: Path, reason: str) -> str:
    return reason if str(source) in reason else f"{source}: {reason}"


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def said(error: Exception) -> str:
    """What to tell a person: of the system's errors the file and the reason, without numbers."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename} cannot be used: {error.strerror}"
    return str(error)

"""Output of batch commands: progress bars and messages, or JSON lines for other programs."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wildsr.cli.console import (
    FAILED,
    USAGE,
    Bars,
    Reporting,
    complain,
    literal,
    output,
    plural,
    print_json,
    progress,
    safe,
    status,
    with_name,
)
from wildsr.storage.locations import Location

if TYPE_CHECKING:
    from wildsr.inference.events import JobEvent


class BatchReport(Reporting):
    """Prints and counts the events of a batch.

    Args:
        as_json: print one JSON object per line, each with an ``event``, instead of text.
    """

    def __init__(self, as_json: bool) -> None:
        self._json = as_json
        self._bars: Bars | None = None
        self._tiles = False
        self._images: int | None = 0
        self._ended = 0
        self.done = 0
        self.skipped = 0
        self.failures: list[tuple[Location, str]] = []

    @contextmanager
    def loading(self, model: str) -> Iterator[None]:
        """While the model is loaded."""
        self._tell({"event": "loading", "model": model})
        with status(f"Loading {model}"):
            yield

    @contextmanager
    def working(self, images: int | None, model: str, engine: str, tiles: bool = True) -> Iterator[None]:
        """While images are worked on.

        Args:
            images: how many there are; None: not known yet.
            model, engine: shown to the user.
            tiles: whether there is a second bar for the progress within each.
        """
        # The key was "pictures" from the start; programs rely on it.
        begin = {"event": "begin", "pictures": images, "model": model, "engine": engine}
        self._tell(begin, f"[dim]{literal(model)} · {literal(engine)}[/]")
        self._images, self._tiles, self._ended = images, tiles, 0
        with ExitStack() as stack:
            if not self._json:
                self._bars = stack.enter_context(progress())
                self._show_total()
            yield
        self._bars = None

    def fail(self, source: Location, reason: str) -> None:
        """An image failed."""
        self.failures.append((source, reason))
        line = f"[red]failed[/] {literal(with_name(source, reason))}"
        self._tell({"event": "failed", "source": str(source), "reason": reason}, line)
        self._advance()

    def wrote(self, source: Location, target: Location, seconds: float) -> None:
        """A result was written by another process."""
        fields = {"event": "finished", "source": str(source), "target": str(target), "seconds": seconds}
        self._tell(fields, f"[green]{literal(target)}[/] [dim]{seconds:.1f} s[/]")
        self.done += 1
        self._advance()

    def skip(self, source: Location, target: Location) -> None:
        """The result of an image exists already and stays."""
        self.skipped += 1
        line = f"[dim]skipped {literal(source)}: {literal(target)} exists[/]"
        self._tell({"event": "skipped", "source": str(source), "target": str(target)}, line)

    def on_event(self, event: "JobEvent") -> None:
        """Handle an event of :func:`wildsr.inference.batch.run`."""
        from wildsr.inference.events import Failed, Finished, Note, Started, Tile

        if isinstance(event, Failed):
            self.fail(event.source, event.reason)
            return
        line = ""
        if isinstance(event, Note):
            line = f"[yellow]note[/] {literal(event.source)}: {literal(event.text)}"
        elif isinstance(event, Finished):
            size = f"{event.width}x{event.height}"
            line = f"[green]{literal(event.target)}[/] [dim]{size}, {event.seconds:.1f} s[/]"
        self._tell(event.as_json(), line)
        if isinstance(event, Finished):
            self.done += 1
            self._advance()
        elif self._bars is not None and self._tiles and isinstance(event, Started | Tile):
            done, total = (event.done, event.total) if isinstance(event, Tile) else (0, None)
            self._bars("tiles", done, total, unit="tiles", label=safe(Path(event.source.name)))

    def error(self, message: str, code: int) -> None:
        """Print the error that ends the command."""
        if self._json:
            print_json(event="usage" if code == USAGE else "error", reason=message)
        else:
            complain(message)

    def interrupted(self, message: str) -> None:  # noqa: ARG002
        """A signal ended the batch."""
        line = f"Interrupted; {plural(self.done, 'image')} done, nothing half-written."
        self._tell({"event": "interrupted", "done": self.done}, line)

    def close(self) -> int:
        """Print the summary; returns the exit code."""
        failed = [{"source": str(source), "reason": reason} for source, reason in self.failures]
        parts = [f"{plural(self.done, 'image')} done"]
        parts += [f"{self.skipped} skipped"] * bool(self.skipped)
        parts += [f"[red]{len(failed)} failed[/]:"] * bool(failed)
        lines = [", ".join(parts), *(f"  {literal(with_name(*failure))}" for failure in self.failures)]
        several = self.done + self.skipped + len(failed) > 1
        end = {"event": "end", "done": self.done, "skipped": self.skipped, "failed": failed}
        self._tell(end, "\n".join(lines) if several else "")
        return FAILED if failed else 0

    def _tell(self, fields: dict[str, Any], line: str = "") -> None:
        if self._json:
            print_json(**fields)
        elif line:
            output().print(line)

    def _advance(self) -> None:
        self._ended += 1
        self._show_total()

    def _show_total(self) -> None:
        if self._bars is not None and self._images != 1:
            self._bars("All", self._ended, self._images, unit="images")

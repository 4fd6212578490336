"""The terminal: safe text, messages, tables, progress bars, and the exit codes of all commands.

Every command prints through this module, so that names of files, metadata and answers of servers cannot send escape
sequences to the terminal, and a name that the terminal's encoding lacks cannot end a batch.
"""

import gc
import json
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from io import TextIOWrapper
from typing import Any, TextIO

import typer
from rich import filesize
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from wildsr.errors import UsageError, WildsrError
from wildsr.training.errors import Interrupted
from wildsr.zoo.errors import ModelError

FAILED, USAGE, INTERRUPTED, SIGNALLED = 1, 2, 130, 128

EXIT_CODES: tuple[tuple[type[BaseException], int], ...] = (
    (Interrupted, SIGNALLED),  # plus the number of the signal
    (KeyboardInterrupt, INTERRUPTED),
    (UsageError, USAGE),
    (ModelError, USAGE),
    (ValueError, USAGE),
    (WildsrError, FAILED),
    (OSError, FAILED),
)
"""Exit codes of commands that end with an error; the first matching class decides. 0: everything was done.

1: something failed. 2: wrong usage; nothing was done. 130: Ctrl-C. 128 + N: signal N.
"""

# C0 and C1 controls but tab and newline, DEL, bidirectional formatting, line separators, the byte-order mark, tags, and
# surrogates, which stand for bytes of names that are not valid UTF-8.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)


def safe(text: object) -> str:
    r"""The text with every character that could control a terminal written as an escape, such as ``\x1b``.

    Bytes of file names that are not valid UTF-8 become ``\xNN``. Tabs and newlines stay in messages (``str``); in
    anything else, such as a path, they are escaped too.
    """
    escaped = _UNSAFE.sub(lambda found: _escaped(found[0]), str(text))
    return escaped if type(text) is str else escaped.replace("\n", "\\n").replace("\t", "\\t")


def _escaped(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def literal(text: object) -> str:
    """:func:`safe` text as Rich markup that shows exactly this text."""
    return escape(safe(text))


def output() -> Console:
    """Standard output; pipes and pagers get whole lines."""
    allow_any_character()
    width = None if sys.stdout.isatty() else 200
    return Console(highlight=False, soft_wrap=True, emoji=False, width=width)


def errors() -> Console:
    """Standard error."""
    allow_any_character()
    return Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)


def allow_any_character() -> None:
    """Let the standard streams write what their encoding lacks as escapes, rather than fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
            stream.reconfigure(errors="backslashreplace")


def say(text: object) -> None:
    """Print plain text on standard output."""
    output().print(literal(text))


def warn(text: object) -> None:
    """Print plain text on standard error."""
    errors().print(literal(text))


def complain(error: object) -> None:
    """Print an error message on standard error."""
    errors().print(f"[red]Error:[/] {literal(error)}")


def list_failures(heading: str, failures: Sequence[tuple[object, str]]) -> None:
    """Print what failed and why on standard error: ``heading`` (markup) after their number, then a line each."""
    console = errors()
    if failures:
        console.print(f"{len(failures)} {heading}:")
    for name, reason in failures:
        console.print(f"  {literal(with_name(name, reason))}")


def with_name(name: object, reason: str) -> str:
    """The reason, preceded by the name unless it contains it."""
    return reason if str(name) in reason else f"{safe(name)}: {reason}"


def plural(count: int, noun: str) -> str:
    """``1 image``, ``2 images``."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


@contextmanager
def libraries_on_stderr() -> Iterator[TextIO]:
    """Send to standard error what libraries print while the block runs, also from C, so that pipes get results alone.

    Yields the stream of the results. On a terminal nothing is changed.
    """
    try:
        number = sys.stdout.fileno()
    except (OSError, ValueError):  # a stream in memory
        yield sys.stdout
        return
    if sys.stdout.isatty():
        yield sys.stdout
        return
    sys.stdout.flush()
    with os.fdopen(
        os.dup(number), "w", encoding=sys.stdout.encoding, errors=sys.stdout.errors, buffering=1
    ) as results:
        os.dup2(sys.stderr.fileno(), number)
        try:
            with redirect_stdout(sys.stderr):
                yield results
        finally:
            os.dup2(results.fileno(), number)


def print_json(**fields: Any) -> None:
    """Print one JSON object as a line, escaped where the terminal or its encoding requires it."""
    text = json.dumps(fields, ensure_ascii=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(fields)
    # Within JSON such characters occur in strings only.
    print(_UNSAFE.sub(lambda found: json.dumps(found[0])[1:-1].replace("\x7f", "\\u007f"), text), flush=True)


def table(headings: Sequence[str] = (), **options: Any) -> Table:
    """A table without lines; its cells are markup, see :func:`literal`."""
    return Table(*headings, box=None, show_header=bool(headings), header_style="bold", **options)


def message_of(error: BaseException) -> str:
    """The message of an error; for errors of the operating system the file and the reason, without the error number."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename} cannot be used: {error.strerror}"
    return str(error)


def exit_code(error: BaseException) -> int | None:
    """The exit code of :data:`EXIT_CODES`; None for bugs, which keep their traceback."""
    code = next((code for kind, code in EXIT_CODES if isinstance(error, kind)), None)
    return SIGNALLED + error.signal if isinstance(error, Interrupted) else code


class Reporting:
    """Prints why a command ends early, on standard error."""

    def error(self, message: str, code: int) -> None:  # noqa: ARG002
        """Print the error that ends the command."""
        complain(message)

    def interrupted(self, message: str) -> None:
        """Print that a signal ended the command."""
        warn(message)


@contextmanager
def importing() -> Iterator[None]:
    """Pause the search for garbage while modules are imported: it would visit all their objects again and again."""
    gc.disable()
    try:
        yield
    finally:
        collect_garbage()


def collect_garbage() -> None:
    """Search for garbage from now on, if that was paused, but not among what there is already."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


@contextmanager
def exits(interrupted: str = "Interrupted.", reporting: Reporting | None = None) -> Iterator[None]:
    """Run a command: an error of :data:`EXIT_CODES` becomes a message and ``typer.Exit`` with its code.

    SIGTERM ends a command like Ctrl-C. ``interrupted`` says what is left after that.
    """
    reporting = reporting or Reporting()
    collect_garbage()  # ``main`` starts without
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt as error:
        reporting.interrupted(interrupted)
        raise typer.Exit(INTERRUPTED) from error
    except Interrupted as error:
        reporting.interrupted(f"Interrupted: {error}")
        raise typer.Exit(SIGNALLED + error.signal) from error
    except Exception as error:
        code = exit_code(error)
        if code is None:
            raise
        reporting.error(message_of(error), code)
        raise typer.Exit(code) from error


class _Count(ProgressColumn):
    """Progress of a task in items, bytes (unit ``B``) or per cent (unit ``%``)."""

    def render(self, task: Task) -> Text:
        """Called by Rich."""
        unit = task.fields["unit"]
        if unit == "%":
            return Text(f"{task.percentage:.0f} %")
        if unit == "B":
            total = f"/{filesize.decimal(int(task.total))}" if task.total else ""
            return Text(f"{filesize.decimal(int(task.completed))}{total}")
        return Text(f"{task.completed:g}/{'?' if task.total is None else f'{task.total:g}'} {unit}".rstrip())


class Bars:
    """Progress bars, one for each ``name`` that it is called with; shown on terminals only."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._shown: dict[str, TaskID] = {}

    def __call__(
        self,
        name: str,
        done: int,
        total: int | None,
        *,
        unit: str = "",
        note: str = "",
        label: str | None = None,
    ) -> None:
        """Show that ``done`` of ``total`` are done.

        Args:
            name: of the bar.
            done: how many are done.
            total: how many there are; None: not known yet.
            unit: of the count; ``B`` for bytes, ``%`` to show per cent instead.
            note: shown behind the count.
            label: shown in front of the bar instead of its name.
        """
        if name not in self._shown:
            self._shown[name] = self._progress.add_task("", total=total, unit=unit, note="")
        shown = literal(name if label is None else label)
        self._progress.update(
            self._shown[name], completed=done, total=total, description=shown, note=literal(note), unit=unit
        )


@contextmanager
def progress(quiet: bool = False) -> Iterator[Bars]:
    """Progress bars while the block runs, on standard output if it is a terminal, else on standard error."""
    console = output() if sys.stdout.isatty() else errors()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        _Count(),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(compact=True),
    )
    redirect = sys.stdout.isatty()  # a pipe gets the results, not the terminal that shows the bars
    with Progress(
        *columns,
        console=console,
        transient=True,
        disable=quiet or not console.is_terminal,
        redirect_stdout=redirect,
    ) as bars:
        yield Bars(bars)


@contextmanager
def status(text: str) -> Iterator[None]:
    """Show what is being done while the block runs, on terminals only."""
    console = errors()
    if not console.is_terminal:
        yield
        return
    with console.status(literal(text)):
        yield

"""What ``wildsr evaluate`` and ``wildsr benchmark`` share: progress, tables on the terminal, and files."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from wildsr.storage.atomic import write_text

if TYPE_CHECKING:
    from wildsr.evaluation.evaluate import OnStep
    from wildsr.evaluation.protocol import PublishedRow
    from wildsr.evaluation.results import Results


def plain_console() -> Console:
    """For tables; programs and pagers get whole lines."""
    console = Console(highlight=False, soft_wrap=True)
    return console if console.is_terminal else Console(highlight=False, soft_wrap=True, width=200)


def complain(message: str) -> None:
    """Say on standard error what is wrong."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"[red]Error:[/] {escape(message)}")


@contextmanager
def progress_bar(console: Console) -> Iterator["OnStep"]:
    """A bar for every step; what it gives is called with (what is done, how many are, how many there are)."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        tasks = {}

        def step(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = progress.add_task(escape(name), total=total)
            progress.update(tasks[name], completed=done, total=total)

        yield step


def print_results(console: Console, results: "Results") -> None:
    """The means of every dataset, the best bold and the second best underlined; then what was left out."""
    from wildsr.evaluation.results import TRAINED_MARK, TRAINED_NOTE
    from wildsr.evaluation.summary import any_trained_on, cells, measured
    from wildsr.evaluation.tables import remarks

    for dataset in results.datasets:
        table = Table(title=escape(dataset) or None, title_justify="left", box=None, header_style="bold")
        table.add_column("method")
        metrics = measured(results, dataset)
        columns = [cells(results, dataset, metric) for metric in metrics]
        for metric in metrics:
            table.add_column(f"{metric.label} {'↑' if metric.higher_is_better else '↓'}", justify="right")
        for method in [method for method in results.methods if columns and method in columns[0]]:
            line = []
            for metric, column in zip(metrics, columns, strict=True):
                cell = column[method]
                mark = TRAINED_MARK * cell.trained_on
                if cell.interval is None:
                    line.append(f"∞{mark}" if cell.infinite else "–")
                    continue
                mean = f"{cell.interval.mean:.{metric.digits}f}"
                style = {1: "bold", 2: "underline"}.get(cell.place)
                line.append((f"[{style}]{mean}[/]" if style else mean) + mark)
            table.add_row(escape(method), *line)
        console.print(table)
        for remark in remarks(results, dataset):
            console.print(f"[yellow]note[/] {escape(remark)}")
    if any_trained_on(results):
        console.print(f"[dim]{TRAINED_NOTE}[/]")


def print_published(console: Console, published: "tuple[PublishedRow, ...]") -> None:
    """Print numbers that others published, marked as such."""
    if not published:
        return
    labels = list(dict.fromkeys(label for row in published for label in row.values))
    table = Table(title="published by others, not computed here", title_justify="left", box=None, style="dim")
    for heading in ("method", *labels, "images", "source"):
        table.add_column(heading, justify="right" if heading in labels else "left")
    for row in published:
        values = [f"{row.values[label]:g}" if label in row.values else "–" for label in labels]
        table.add_row(escape(row.method), *values, escape(row.images), escape(row.source))
    console.print(table)


def print_problems(console: Console, results: "Results") -> int:
    """Tell of images without a partner, and of values that could not be had; returns the number of the latter."""
    for method, found in results.protocol.get("mismatches", {}).items():
        for kind, items in found.items():
            label = kind.replace("_", " ")
            console.print(f"[yellow]{escape(method)}[/]: {len(items)} {label}: {escape(_few(items))}")
    for dataset, facts in results.protocol.get("datasets", {}).items():
        for kind, items in facts.get("mismatches", {}).items():
            console.print(f"[yellow]{escape(dataset)}[/]: {len(items)} {escape(kind)}: {escape(_few(items))}")
    for name, reason in results.protocol.get("left_out", {}).items():
        console.print(f"[dim]{escape(name)} was left out: {escape(reason)}[/]")
    names = {metric.name for metric in results.metrics}
    failed = 0
    for row in results.rows:
        reasons = {note for name, note in row.notes.items() if name in names}
        failed += bool(reasons)
        for reason in sorted(reasons):
            console.print(f"[red]no value[/] {escape(row.image)} by {escape(row.method)}: {escape(reason)}")
        if "picture" in row.notes:
            console.print(f"[yellow]note[/] {escape(row.image)}: {escape(row.notes['picture'])}")
    return failed


def check_places(folder: Path | None, report: Path | None) -> None:
    """Refuse, before the work, what cannot be written after it; ``ValueError``."""
    if folder is not None and folder.exists() and not folder.is_dir():
        raise ValueError(f"-o {folder} is a file; name a folder")
    if report is not None and report.is_dir():
        raise ValueError(f"--report {report} is a folder; name a file in it")
    if report is not None and not report.parent.is_dir():
        raise ValueError(f"--report {report}: there is no folder {report.parent}; create it first")


def write_files(
    results: "Results", folder: Path | None, report: Path | None, against: str | None
) -> list[Path]:
    """``results.json``, ``results.csv`` and ``results.md`` in ``folder``, and the HTML report, each whole or not."""
    from wildsr.evaluation.tables import to_csv, to_markdown

    written = []
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        contents = {"json": results.to_json(), "csv": to_csv(results), "md": to_markdown(results, against)}
        for suffix, content in contents.items():
            write_text(folder / f"results.{suffix}", content)
            written.append(folder / f"results.{suffix}")
    if report is not None:
        from wildsr.evaluation.report import write_report

        write_report(results, report, against=against)
        written.append(report)
    return written


def _few(items: list[str], most: int = 5) -> str:
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(items[:most]) + more

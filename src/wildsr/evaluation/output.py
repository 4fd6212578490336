"""The files of an evaluation: results as JSON, CSV and Markdown, and the HTML report."""

from pathlib import Path

from wildsr.errors import UsageError
from wildsr.evaluation.results import Results
from wildsr.evaluation.tables import to_csv, to_markdown
from wildsr.storage.atomic import write_text


def check_output(folder: Path | None, page: Path | None, option: str = "--report") -> None:
    """Raise ``UsageError`` before the work if ``folder``, or the page of ``option``, could not be written after it."""
    if folder is not None and folder.exists() and not folder.is_dir():
        raise UsageError(f"-o {folder} is a file; name a folder")
    if page is not None and page.is_dir():
        raise UsageError(f"{option} {page} is a folder; name a file in it")
    if page is not None and not page.parent.is_dir():
        raise UsageError(f"{option} {page}: there is no folder {page.parent}; create it first")


def write_output(
    results: Results, folder: Path | None, report: Path | None = None, against: str | None = None
) -> list[Path]:
    """Write ``results.json``, ``results.csv`` and ``results.md`` into ``folder``, and the HTML ``report``.

    Args:
        results: of the evaluation.
        folder: created if need be; None: no such files.
        report: the HTML file; None: no report.
        against: the method the others are compared with; None: the first.

    Returns:
        the files, each written atomically.

    Raises:
        OSError: a file cannot be written.
    """
    written = []
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        contents = {"json": results.to_json(), "csv": to_csv(results), "md": to_markdown(results, against)}
        for suffix, content in contents.items():
            path = folder / f"results.{suffix}"
            write_text(path, content)
            written.append(path)
    if report is not None:
        from wildsr.evaluation.report import write_report

        write_report(results, report, against=against)
        written.append(report)
    return written

"""Tables and problems of ``wildsr evaluate`` and ``wildsr benchmark`` on the terminal."""

from typing import TYPE_CHECKING

from wildsr.cli.console import literal, output, table

if TYPE_CHECKING:
    from wildsr.evaluation.protocol import PublishedRow
    from wildsr.evaluation.results import Results


def print_results(results: "Results") -> None:
    """Print the means of every dataset, the best bold and the second best underlined, and what they leave out."""
    from wildsr.evaluation.results import TRAINED_MARK, TRAINED_NOTE
    from wildsr.evaluation.summary import any_trained_on, cells, measured
    from wildsr.evaluation.tables import remarks

    console = output()
    for dataset in results.datasets:
        means = table(title=literal(dataset) or None, title_justify="left")
        means.show_header = True
        means.add_column("method")
        metrics = measured(results, dataset)
        columns = [cells(results, dataset, metric) for metric in metrics]
        for metric in metrics:
            means.add_column(
                f"{literal(metric.label)} {'↑' if metric.higher_is_better else '↓'}", justify="right"
            )
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
            means.add_row(literal(method), *line)
        console.print(means)
        for remark in remarks(results, dataset):
            console.print(f"[yellow]note[/] {literal(remark)}")
    if any_trained_on(results):
        console.print(f"[dim]{TRAINED_NOTE}[/]")


def print_published(published: "tuple[PublishedRow, ...]") -> None:
    """Print numbers that others published, marked as such."""
    if not published:
        return
    labels = list(dict.fromkeys(label for row in published for label in row.values))
    rows = table(title="published by others, not computed here", title_justify="left", style="dim")
    rows.show_header = True
    for heading in ("method", *labels, "images", "source"):
        rows.add_column(heading, justify="right" if heading in labels else "left")
    for row in published:
        values = [f"{row.values[label]:g}" if label in row.values else "–" for label in labels]
        rows.add_row(literal(row.method), *values, literal(row.images), literal(row.source))
    output().print(rows)


def print_problems(results: "Results") -> int:
    """Print images without a partner and values that could not be computed; returns the number of the latter."""
    console = output()
    for method, found in results.protocol.get("mismatches", {}).items():
        for kind, items in found.items():
            label = kind.replace("_", " ")
            console.print(f"[yellow]{literal(method)}[/]: {len(items)} {label}: {literal(_few(items))}")
    for dataset, facts in results.protocol.get("datasets", {}).items():
        for kind, items in facts.get("mismatches", {}).items():
            console.print(
                f"[yellow]{literal(dataset)}[/]: {len(items)} {literal(kind)}: {literal(_few(items))}"
            )
    for name, reason in results.protocol.get("left_out", {}).items():
        console.print(f"[dim]{literal(name)} was left out: {literal(reason)}[/]")
    names = {metric.name for metric in results.metrics}
    failed = 0
    for row in results.rows:
        reasons = {note for name, note in row.notes.items() if name in names}
        failed += bool(reasons)
        for reason in sorted(reasons):
            console.print(
                f"[red]no value[/] {literal(row.image)} by {literal(row.method)}: {literal(reason)}"
            )
        if "picture" in row.notes:
            console.print(f"[yellow]note[/] {literal(row.image)}: {literal(row.notes['picture'])}")
    return failed


def _few(items: list[str], most: int = 5) -> str:
    more = f" and {len(items) - most} more" if len(items) > most else ""
    return ", ".join(items[:most]) + more

"""The part of ``wildsr models pull`` that downloads files of feature networks and metrics, such as vgg19."""

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from wildsr.zoo.errors import ModelError


def feature_file(name: str) -> str | None:
    """The file that ``vgg19`` or ``vgg19.pth`` stands for, or None where it is none."""
    from wildsr.evaluation.weights import FILES

    return next((file for file in (name, f"{name}.pth", f"{name}.npz") if file in FILES), None)


def pull_feature_files(console: Console, files: Sequence[str], overwrite: bool) -> bool:
    """Download the files into the folder of metrics, unless they are there; returns whether all are there now."""
    from wildsr.evaluation.weights import MissingWeights, metrics_folders

    complete = True
    for file in files:
        target = metrics_folders()[0] / file
        if target.is_file() and not overwrite:
            console.print(f"{escape(file)} [dim]is here already: {escape(str(target))}[/]")
            continue
        try:
            _pull(console, file)
        except (ModelError, MissingWeights) as error:
            console.print(f"[red]failed[/] {escape(str(error))}")
            complete = False
        else:
            console.print(f"[green]{escape(file)}[/] [dim]{escape(str(target))}[/]")
    return complete


def _pull(console: Console, file: str) -> None:
    from wildsr.evaluation.weights import pull_file

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(escape(file), total=None)
        pull_file(file, on_bytes=lambda done, total: progress.update(task, completed=done, total=total))

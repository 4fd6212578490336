"""Files of feature networks and metrics, such as vgg19, for ``wildsr models pull``."""

from wildsr.cli.console import literal, output, progress
from wildsr.zoo.errors import ModelError

_SUFFIXES = ("", ".pth", ".npz", ".h5", ".mat")


def feature_file(name: str) -> str | None:
    """The published file for ``vgg19`` or ``vgg19.pth``; None for other names."""
    from wildsr.zoo.features.files import FILES

    return next((file for suffix in _SUFFIXES if (file := f"{name}{suffix}") in FILES), None)


def pull_feature_file(file: str, overwrite: bool) -> bool:
    """Download a file into the folder of feature networks unless it is installed; returns whether it is then."""
    from wildsr.zoo.features.files import MissingWeights, features_folders, pull_file

    console = output()
    target = features_folders()[0] / file
    if target.is_file() and not overwrite:
        console.print(f"{literal(file)} [dim]is installed already: {literal(target)}[/]")
        return True
    try:
        with progress() as bars:
            pull_file(file, on_bytes=lambda done, total: bars(file, done, total, unit="B"))
    except (ModelError, MissingWeights) as error:
        console.print(f"[red]failed[/] {literal(error)}")
        return False
    console.print(f"[green]{literal(file)}[/] [dim]{literal(target)}[/]")
    return True

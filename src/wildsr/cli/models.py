"""``wildsr models``: what there is to upscale with."""

from rich.console import Console
from rich.table import Table

from wildsr.zoo.catalogue import available


def models() -> None:
    """List the models that are here, embedded or in your models folder."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("name", "scale", "architecture", "licence", "good at"):
        table.add_column(heading)
    for entry in available():
        table.add_row(
            entry.name,
            f"x{entry.scale}" if entry.scale else "?",
            entry.architecture,
            entry.licence,
            entry.good_at,
        )
    Console(soft_wrap=True).print(table)

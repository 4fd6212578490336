"""The ``wildsr`` command: one verb per file, gathered here."""

from typing import Annotated

import typer
from typer.core import TyperGroup

from wildsr import __version__
from wildsr.cli import (
    benchmark,
    convert,
    data,
    degrade,
    estimate,
    evaluate,
    models,
    prepare,
    recipe,
    train,
    upscale,
    web,
)


class _Verbs(TyperGroup):
    """Listed in the order in which they are of use; Typer's own puts groups behind single commands."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]  # noqa: ARG002
        return list(VERBS)


VERBS = (
    "upscale",
    "web",
    "models",
    "convert",
    "data",
    "degrade",
    "estimate",
    "prepare",
    "recipe",
    "train",
    "evaluate",
    "benchmark",
)

app = typer.Typer(
    cls=_Verbs,
    name="wildsr",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("upscale", no_args_is_help=True)(upscale.upscale)
app.command("web")(web.web)
app.add_typer(models.app, name="models")
app.add_typer(estimate.app, name="estimate")
app.command("prepare", no_args_is_help=True)(prepare.prepare)
app.command("convert", no_args_is_help=True)(convert.convert)
app.add_typer(data.app, name="data")
app.command("degrade", no_args_is_help=True)(degrade.degrade)
app.add_typer(recipe.app, name="recipe")
app.command("train", no_args_is_help=True)(train.train)
app.command("evaluate", no_args_is_help=True)(evaluate.evaluate)
app.command("benchmark", no_args_is_help=True)(benchmark.benchmark)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"wildsr {__version__}")
        raise typer.Exit


@app.callback()
def wildsr(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Sharp images from real photographs: too small, too noisy, too compressed."""

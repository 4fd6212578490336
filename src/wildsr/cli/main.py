"""The ``wildsr`` command, with one module for each verb."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from wildsr import __version__
from wildsr.cli import (
    adapt,
    benchmark,
    compare,
    convert,
    data,
    degrade,
    estimate,
    evaluate,
    manifest,
    models,
    prepare,
    recipe,
    train,
    upscale,
    web,
)
from wildsr.cli.console import allow_any_character, safe


class _Verbs(TyperGroup):
    """Lists verbs in the order of :data:`VERBS`, and keeps error messages of the parser safe for the terminal."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]  # noqa: ARG002
        return list(VERBS)

    def make_context(self, *args: Any, **extra: Any) -> Any:
        allow_any_character()
        with _safe_messages():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: Any) -> Any:
        with _safe_messages():
            return super().invoke(ctx)


@contextmanager
def _safe_messages() -> Iterator[None]:
    """Messages of the parser repeat arguments, which may be names of files from a glob."""
    try:
        yield
    except Exception as error:
        message = getattr(error, "message", None)
        if hasattr(error, "format_message") and isinstance(message, str):
            setattr(error, "message", safe(message))  # noqa: B010  Typer has no public name for these classes
        raise


VERBS = (
    "upscale",
    "web",
    "adapt",
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
    "compare",
    "manifest",
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
app.command("adapt", no_args_is_help=True)(adapt.adapt)
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
app.add_typer(manifest.app, name="manifest")
app.command("compare", no_args_is_help=True)(compare.compare)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"wildsr {__version__}")
        raise typer.Exit


def _licenses(asked: bool) -> None:
    if asked:
        from wildsr.cli.licences import licence_lines

        for line in licence_lines():
            typer.echo(line)
        raise typer.Exit


@app.callback()
def wildsr(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    licenses: Annotated[
        bool,
        typer.Option(
            "--licenses",
            callback=_licenses,
            is_eager=True,
            help="Print the licenses of wildsr, its models and the installed packages that it uses, and exit.",
        ),
    ] = False,
) -> None:
    """Super-resolution for real photos: small, noisy, compressed."""

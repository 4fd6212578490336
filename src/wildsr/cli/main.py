"""The ``wildsr`` command, with one module for each verb."""

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

from wildsr import __version__
from wildsr.cli.console import allow_any_character, safe

VERBS = {
    "upscale": True,
    "web": False,
    "adapt": True,
    "models": False,
    "convert": True,
    "data": False,
    "degrade": True,
    "estimate": False,
    "prepare": True,
    "recipe": False,
    "train": True,
    "evaluate": True,
    "benchmark": True,
    "compare": True,
    "manifest": False,
}
"""The verbs in the order of the help, and whether they print it when they get no arguments. Each is a module of this
package that has a function of its name, or a Typer application ``app``."""


class _Verbs(TyperGroup):
    """Imports the module of a verb when it is used, and keeps error messages of the parser safe for the terminal."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]  # noqa: ARG002
        return list(VERBS)

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]
        # For an unknown verb all are added, among which the parser looks for similar ones.
        for verb in [cmd_name] if cmd_name in VERBS else VERBS:
            if verb not in self.commands:
                self.add_command(_command(verb), verb)
        return super().get_command(ctx, cmd_name)

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


def _command(verb: str) -> Any:
    module = import_module(f"wildsr.cli.{verb}")
    holder = typer.Typer(add_completion=False)
    if hasattr(module, "app"):
        holder.add_typer(module.app, name=verb)
    else:
        holder.command(verb, no_args_is_help=VERBS[verb])(getattr(module, verb))
    return get_group(holder).commands[verb]


app = typer.Typer(
    cls=_Verbs,
    name="wildsr",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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


def main() -> None:
    """The command as a process of its own.

    Modules make many objects and no garbage, and the end of the process frees everything. Without searches for garbage
    during the imports and at the end, upscaling a small photo takes about a fifth less processor time.
    """
    gc.disable()  # until the verb begins: see ``exits``
    atexit.register(gc.freeze)
    app()

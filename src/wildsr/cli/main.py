"""The ``wildsr`` command: one verb per file, gathered here."""

import typer

app = typer.Typer(name="wildsr", no_args_is_help=True, add_completion=True, pretty_exceptions_enable=False)


@app.callback()
def wildsr() -> None:
    """Sharp pictures from real photographs."""

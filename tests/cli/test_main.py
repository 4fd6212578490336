"""The command as a whole."""

from typer.main import get_command
from typer.testing import CliRunner

from wildsr.cli.main import VERBS, app


def test_help_lists_all_verbs_in_their_order() -> None:
    assert set(VERBS) == set(getattr(get_command(app), "commands"))  # noqa: B009
    shown = CliRunner().invoke(app, ["--help"]).output.split("Commands")[1]
    places = [shown.index(f" {verb} ") for verb in VERBS]
    assert places == sorted(places)

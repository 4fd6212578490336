"""The command as a whole."""

import atexit
import gc
import pkgutil
from collections.abc import Callable

import pytest
from typer.testing import CliRunner

import wildsr.cli
from wildsr.cli import main as main_module
from wildsr.cli.console import exits, importing
from wildsr.cli.main import VERBS, app, main


def test_help_lists_all_verbs_in_their_order() -> None:
    shown = CliRunner().invoke(app, ["--help"]).output.split("Commands")[1]
    places = [shown.index(f" {verb} ") for verb in VERBS]
    assert places == sorted(places)


def test_every_verb_has_a_module_and_its_own_help() -> None:
    modules = {module.name for module in pkgutil.iter_modules(wildsr.cli.__path__)}
    assert set(VERBS) < modules
    for verb, without_arguments in VERBS.items():
        shown = CliRunner().invoke(app, [verb, *(() if without_arguments else ("--help",))]).output
        assert f"Usage: wildsr {verb} " in shown
        assert "completion" not in shown


def test_an_unknown_verb_names_a_similar_one() -> None:
    result = CliRunner().invoke(app, ["upscal"])
    assert result.exit_code == 2
    assert "'upscale'" in result.output


def test_garbage_is_collected_while_a_verb_runs_only(monkeypatch: pytest.MonkeyPatch) -> None:
    enabled: list[bool] = []
    at_end: list[Callable[[], object]] = []

    def verb() -> None:
        enabled.append(gc.isenabled())
        with exits():
            enabled.append(gc.isenabled())
            with importing():
                enabled.append(gc.isenabled())
            enabled.append(gc.isenabled())

    monkeypatch.setattr(main_module, "app", verb)
    monkeypatch.setattr(atexit, "register", at_end.append)
    try:
        main()
    finally:
        gc.enable()
    assert enabled == [False, True, False, True]
    assert at_end == [gc.freeze]

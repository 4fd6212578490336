"""``wildsr adapt``: what it prints, and its exit codes."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from wildsr.adapt import AdaptNote, AdaptOptions, AdaptProgress, AdaptResult, AdaptStage, Gain, Verdict
from wildsr.degradations.profile import Profile
from wildsr.errors import UsageError

Run = Callable[..., Result]
GAIN = Gain("psnr", 0.52, 0.31, 0.74, 24.0, 24.52, 6, higher_is_better=True)


def _result(folder: Path, better: bool, model: bool) -> AdaptResult:
    verdict = Verdict(better, "PSNR is better by +0.52 dB" if better else "it is not certain", (GAIN,))
    path = folder / "mine.safetensors"
    return AdaptResult(
        path if model else None, folder / "mine.html", verdict, Profile(), folder / "mine-work"
    )


@pytest.mark.parametrize(("better", "model"), [(True, True), (False, False), (False, True)])
def test_the_decision_is_printed_and_is_no_failure(
    better: bool, model: bool, wildsr: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[AdaptOptions] = []

    def adapt(photos: list[Path], output: Path, options: AdaptOptions, **given: object) -> AdaptResult:
        asked.append(options)
        on_event = given["on_event"]
        assert callable(on_event)
        on_event(AdaptStage("training", "training"))
        on_event(AdaptProgress("training", 1, 9, 60.0, {"generator/psnr": -7.0}))
        on_event(AdaptNote("not used: \x1b[31mclip.mp4: a video"))
        assert (photos, output) == ([tmp_path], tmp_path / "mine.safetensors")
        return _result(tmp_path, better, model)

    monkeypatch.setattr("wildsr.adapt.run.adapt", adapt)
    done = wildsr(
        "adapt", tmp_path, "-o", tmp_path / "mine.safetensors", "--minutes", 3, "--faithful", "--only", "A B"
    )
    assert done.exit_code == 0, done.output
    assert (asked[0].minutes, asked[0].start, asked[0].only) == (3, "wildsr-photo-faithful-x4", "A B")
    assert ("No clear improvement: it is not certain." in done.output) is not better
    assert ("mine.safetensors" in done.output) is model
    assert ("--force" in done.output) is not model
    assert "mine.html" in done.output
    assert "\x1b[31m" not in done.output


def test_the_model_of_an_earlier_run_is_named(
    wildsr: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "wildsr.adapt.run.adapt", lambda *_, **__: _result(tmp_path, better=False, model=False)
    )
    output = tmp_path / "mine.safetensors"
    assert "earlier run" not in wildsr("adapt", tmp_path, "-o", output).output
    output.touch()
    assert "The model of an earlier run stays at" in wildsr("adapt", tmp_path, "-o", output).output


def test_refusals_are_wrong_usage(wildsr: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def adapt(*_: object, **__: object) -> AdaptResult:
        raise UsageError("4 usable photos of 5; at least 10 are needed")

    monkeypatch.setattr("wildsr.adapt.run.adapt", adapt)
    done = wildsr("adapt", tmp_path, "-o", tmp_path / "mine.safetensors")
    assert done.exit_code == 2
    assert "at least 10 are needed" in done.output
    assert wildsr("adapt", tmp_path, "-o", tmp_path / "mine.safetensors", "--minutes", 0).exit_code == 2


def test_an_interruption_says_how_to_continue(
    wildsr: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def adapt(*_: object, **__: object) -> AdaptResult:
        raise KeyboardInterrupt

    monkeypatch.setattr("wildsr.adapt.run.adapt", adapt)
    done = wildsr("adapt", tmp_path, "-o", tmp_path / "mine.safetensors")
    assert done.exit_code == 130
    assert "the same command continues from mine-work" in done.output

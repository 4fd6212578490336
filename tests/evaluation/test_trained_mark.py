"""Values of metrics that a model was trained on are marked wherever they are printed."""

import io
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from evaluation_images import photograph, save_folder

from wildsr.cli.evaluation_report import print_results
from wildsr.evaluation.benchmark_page import to_page
from wildsr.evaluation.candidates import Candidate
from wildsr.evaluation.datasets import downscaled
from wildsr.evaluation.evaluate import MeasureOptions, RunOptions, evaluate_methods
from wildsr.evaluation.report import write_report
from wildsr.evaluation.results import TRAINED_MARK, TRAINED_NOTE, Metric, Results, Row
from wildsr.evaluation.tables import to_markdown

METRICS = (
    Metric("psnr-y", "PSNR (Y)", True, "dB", "", True),
    Metric("niqe", "NIQE", False, "", "", False, 3),
)


def results(trained_on: list[str]) -> Results:
    rows = [
        Row(image, method, {"psnr-y": 20.0 + index, "niqe": 5.0}, "set")
        for image in "ab"
        for index, method in enumerate(("ours", "theirs"))
    ]
    facts = {"method": "m", "trained_on": trained_on}
    protocol = {"methods": {"ours": facts, "theirs": {"method": "m"}}, "datasets": {"set": FACTS}}
    return Results(protocol | RUN, METRICS, ("ours", "theirs"), tuple(rows))


FACTS = {"pictures": 2, "lr": "made", "sha256": "0" * 64}
RUN = {"wildsr": "1", "torch": "2", "machine": "m", "metrics": {m.name: {"files": []} for m in METRICS}}


def terminal(found: Results) -> str:
    text = io.StringIO()
    with redirect_stdout(text):
        print_results(found)
    return text.getvalue()


def page(found: Results) -> str:
    return to_page({"real": found}, "theirs", "command", {})


@pytest.mark.parametrize("table", [to_markdown, terminal, page])
def test_tables_mark_the_method_and_explain_the_mark(table) -> None:  # type: ignore[no-untyped-def]
    text = table(results(["psnr", "lpips-alex"]))
    lines = [line for line in text.splitlines() if TRAINED_MARK in line and TRAINED_NOTE not in line]
    assert any("ours" in line and f"20.00{TRAINED_MARK}" in line.replace("_", "") for line in lines)
    assert not any(f"21.00{TRAINED_MARK}" in line.replace("*", "") for line in lines)
    assert f"5.000{TRAINED_MARK}" not in text
    assert TRAINED_NOTE in text
    assert TRAINED_MARK not in table(results([]))


def test_the_report_marks_them(tmp_path: Path) -> None:
    for trained_on, expected in ((["psnr"], True), (["ssim"], False)):
        write_report(results(trained_on), tmp_path / "report.html")
        content = (tmp_path / "report.html").read_text(encoding="utf-8")
        assert (f">{TRAINED_MARK}</span>" in content) is expected
        assert (TRAINED_NOTE in content) is expected


def test_evaluated_models_carry_what_they_were_trained_on(tmp_path: Path) -> None:
    truth = save_folder(tmp_path / "truth", a=photograph(64, 64))
    found = evaluate_methods(
        [Candidate("faithful", "wildsr-faithful-x4"), Candidate("bicubic", None)],
        [downscaled("set", truth, 4, tmp_path / "cache")],
        MeasureOptions(("psnr", "psnr-y", "ssim")),
        RunOptions(cache=tmp_path / "cache"),
    )
    found = Results.from_json(found.to_json())
    marked = {
        (method, metric.name)
        for method in found.methods
        for metric in found.metrics
        if found.trained_on(method, metric.name)
    }
    assert marked == {("faithful", "psnr"), ("faithful", "psnr-y")}

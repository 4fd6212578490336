"""``wildsr evaluate`` and ``wildsr benchmark`` from the command line."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from wildsr.degradations.degradation import load_record
from wildsr.evaluation.benchmark import DRAWS, PROTOCOLS, select

Run = Callable[..., Result]
Save = Callable[..., Path]
SHARED = Path(os.environ.get("WILDSR_SHARED", Path(__file__).parents[3] / "shared"))


@pytest.fixture
def truth(tmp_path: Path, save_photo: Save) -> Path:
    for name in ("a", "b"):
        save_photo(tmp_path / "hr" / f"{name}.png", 64, 72)
    return tmp_path / "hr"


def test_models_on_images(wildsr: Run, truth: Path, tmp_path: Path) -> None:
    out, report = tmp_path / "out", tmp_path / "out.html"
    options = ("--metrics", "psnr,ssim", "--cache", tmp_path / "cache", "-o", out, "--report", report)
    done = wildsr("evaluate", "-m", "bicubic", "-m", "tiny", "--truth", truth, *options)
    assert done.exit_code == 0, done.output
    assert "tiny" in done.output
    content = json.loads((out / "results.json").read_text())
    assert content["methods"] == ["bicubic", "tiny"]
    assert len(content["rows"]) == 4
    assert (out / "results.csv").read_text().startswith("dataset,image,method,psnr,ssim,seconds")
    assert "Differences to bicubic" in (out / "results.md").read_text()
    assert report.read_text().lower().startswith("<!doctype html>")
    assert not list(out.glob(".*"))


def test_results_against_a_truth(wildsr: Run, truth: Path, tmp_path: Path, save_photo: Save) -> None:
    save_photo(tmp_path / "mine" / "a_x4.png", 64, 72)
    save_photo(tmp_path / "mine" / "stray.png", 64, 72)
    done = wildsr("evaluate", tmp_path / "mine", "--truth", truth, "--metrics", "psnr")
    assert done.exit_code == 0, done.output
    assert "∞" in done.output
    assert "1 without truth" in done.output
    assert "stray.png" in done.output
    assert "1 without result" in done.output


def test_images_that_cannot_be_measured(wildsr: Run, truth: Path, tmp_path: Path, save_photo: Save) -> None:
    save_photo(tmp_path / "mine" / "a.png", 60, 72)
    save_photo(tmp_path / "mine" / "b.png", 64, 72)
    arguments = ("evaluate", tmp_path / "mine", "--truth", truth, "--metrics", "psnr")
    done = wildsr(*arguments)
    assert done.exit_code == 1
    assert "72x60" in done.output
    assert wildsr(*arguments, "--crop").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give either"),
        (("-m", "bicubic"), "need images"),
        (("{hr}", "-m", "bicubic", "-t", "{hr}"), "give either"),
        (("-m", "nonsense", "-t", "{hr}"), "no model"),
        (("{hr}", "-t", "{hr}", "--metrics", "psmr"), "did you mean"),
        (("{hr}", "-t", "nowhere"), "no folder nowhere"),
        (("{hr}", "--metrics", "psnr"), "ground truth"),
        (("{hr}", "{hr}", "-t", "{hr}"), "same name"),
        (("{hr}", "-t", "{hr}", "--metrics", "niqe", "--weights-dir", "{hr}"), "niqe_pris_params.npz"),
        (("-m", "bicubic", "-t", "{hr}", "--degradation", "bsrgam"), "bsrgan"),
        (("{hr}", "-t", "{hr}", "--metrics", "psnr", "--against", "x"), "--against x"),
        (("{hr}", "-t", "{hr}", "--metrics", "psnr", "-o", "{hr}/a.png"), "is a file; name a folder"),
        (("{hr}", "-t", "{hr}", "--metrics", "psnr", "--report", "{hr}"), "is a folder; name a file"),
        (("{hr}", "-t", "{hr}", "--metrics", "psnr", "--report", "{hr}/no/r.html"), "there is no folder"),
        (("{hr}", "--weights-dir", "{hr}"), "no metric to measure with"),
        (("-m", "bicubic", "-t", "{hr}", "-i", "{hr}", "-i", "{hr}"), "as many"),
    ],
)
def test_wrong_usage(wildsr: Run, truth: Path, arguments: tuple[str, ...], message: str) -> None:
    done = wildsr("evaluate", *(argument.format(hr=truth) for argument in arguments), "--scale", "4")
    assert done.exit_code == 2, done.output
    assert message in done.output


def test_the_draws_of_the_wild_benchmark_are_data() -> None:
    for part in PROTOCOLS["wild"].parts:
        record = load_record(DRAWS / f"{part.name.removeprefix('wild/')}.json")
        assert len(record.samples) == part.images
        assert record.scale == 4


def test_benchmarks_by_name() -> None:
    assert select([]) == {"classic": (), "wild": (), "real": ()}
    assert select(["wild/bsrgan", "real"]) == {"wild": ("wild/bsrgan",), "real": ()}
    with pytest.raises(ValueError, match="no benchmark 'mild'"):
        select(["mild"])
    with pytest.raises(ValueError, match="named twice"):
        select(["wild", "wild/bsrgan"])
    with pytest.raises(ValueError, match="named twice"):
        select(["Set5", "Set14", "Set5"])


def test_a_benchmark_wants_its_own_images(wildsr: Run, tmp_path: Path, save_photo: Save) -> None:
    done = wildsr("benchmark", "Set5", "--data", tmp_path)
    assert done.exit_code == 2
    assert "Set5" in done.output
    save_photo(tmp_path / "Set5" / "a.png")
    done = wildsr("benchmark", "Set5", "--data", tmp_path, "-m", "bicubic")
    assert done.exit_code == 2
    assert "1 images, Set5 has 5" in done.output


def test_a_benchmark_checks_first_where_it_writes(wildsr: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for option, name, message in (
        ("--write", "missing/page.md", "there is no folder"),
        ("--write", ".", "is a folder"),
        ("-o", "file", "is a file"),
    ):
        done = wildsr("benchmark", "Set5", "--data", tmp_path, option, tmp_path / name)
        assert done.exit_code == 2
        assert message in " ".join(done.output.split()), done.output


def test_set5(wildsr: Run, tmp_path: Path) -> None:
    """Bicubic on Set5 is known from any paper: 28.42 dB on Y with a border of 4."""
    if not (SHARED / "testsets/Set5").is_dir() or not (SHARED / "features").is_dir():
        pytest.skip("the test images are not here")
    out, page = tmp_path / "out", tmp_path / "benchmarks.md"
    arguments = ("benchmark", "Set5", "--data", SHARED, "-m", "bicubic", "--cache", tmp_path / "cache")
    done = wildsr(*arguments, "-o", out, "--write", page)
    assert done.exit_code == 0, done.output
    content = json.loads((out / "classic" / "results.json").read_text())
    values = [row["values"]["psnr-y"] for row in content["rows"]]
    assert sum(values) / 5 == pytest.approx(28.42, abs=0.015)
    first = page.read_text()
    assert "### Set5" in first
    assert "5 images" in first
    assert wildsr(*arguments, "--write", page).exit_code == 0
    assert page.read_text() == first

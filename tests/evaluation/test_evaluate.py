"""Folders against truths, methods on datasets, and images that cannot be measured."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from evaluation_images import photograph, save_folder
from PIL import Image
from safetensors.torch import save_file

from wildsr.degradations.presets import preset
from wildsr.evaluation import scoring
from wildsr.evaluation.candidates import (
    BICUBIC,
    Candidate,
    InferenceSettings,
    find_candidate,
    with_distinct_names,
)
from wildsr.evaluation.datasets import EvaluationSet, content_of, degraded, downscaled, paired, real
from wildsr.evaluation.distortion import psnr
from wildsr.evaluation.evaluate import MeasureOptions, RunOptions, evaluate_methods, evaluate_results
from wildsr.evaluation.results import Metric, Results, Row
from wildsr.evaluation.summary import cells, differences
from wildsr.evaluation.tables import to_csv, to_markdown
from wildsr.image import Canvas, Traits, read_levels, write
from wildsr.networks.compact import SRVGGNetCompact
from wildsr.ops.resize import imresize
from wildsr.zoo.errors import ModelError

PLAIN = MeasureOptions(("psnr", "ssim-y"), border=0)


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    return save_folder(tmp_path / "hr", a=photograph(), b=photograph(top=100))


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "tiny.safetensors"
    save_file(SRVGGNetCompact(8, 2, 4).state_dict(), path)
    return path


def working(tmp_path: Path, fresh: bool = False) -> RunOptions:
    return RunOptions(InferenceSettings(precision="exact"), tmp_path / "cache", fresh)


def values(results: Results, method: str, metric: str = "psnr") -> dict[str, float]:
    return {image: value for (_, image), value in results.column(metric, method).items()}


def test_values_are_those_of_the_metric(tmp_path: Path, truth: Path) -> None:
    mine = save_folder(tmp_path / "mine", a=photograph() * 0.9, b_x4=photograph(top=100) * 0.8)
    results = evaluate_results({"mine": mine}, truth, MeasureOptions(("psnr", "ssim-y")))
    expected = psnr(read_levels(mine / "b_x4.png"), read_levels(truth / "b.png"), 4).item()
    assert values(results, "mine")["b"] == expected
    assert results.protocol["border"] == 4
    assert results.rows[0].hr == str(truth / "a.png")
    assert "4 pixels cropped" in results.protocol["metrics"]["psnr"]["definition"]


def test_rows_of_an_image_are_adjacent(tmp_path: Path, truth: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = {name: save_folder(tmp_path / name, b=photograph(), a=photograph()) for name in ("two", "one")}
    read: list[str] = []

    def counted(path: str, *given: object) -> object:
        read.append(path)
        return original(path, *given)

    original = scoring.read_levels
    monkeypatch.setattr(scoring, "read_levels", counted)
    results = evaluate_results(folders, truth, PLAIN)
    assert [row.image + row.method for row in results.rows] == ["atwo", "aone", "btwo", "bone"]
    assert read.count(str(truth / "a.png")) == 1


def test_partners_that_are_missing_are_listed(tmp_path: Path, truth: Path) -> None:
    mine = save_folder(tmp_path / "mine", b=photograph(), c=photograph())
    results = evaluate_results({"mine": mine}, truth, PLAIN)
    assert [row.image for row in results.rows] == ["b"]
    found = results.protocol["mismatches"]["mine"]
    assert found == {"without_truth": [str(mine / "c.png")], "without_result": [str(truth / "a.png")]}


def test_equal_images_are_infinite_and_left_out_of_means(tmp_path: Path, truth: Path) -> None:
    mine = save_folder(tmp_path / "mine", a=photograph(), b=photograph(top=100) * 0.9)
    other = save_folder(tmp_path / "other", a=photograph() * 0.5, b=photograph(top=100) * 0.8)
    results = evaluate_results({"mine": mine, "other": other}, truth, PLAIN)
    assert values(results, "mine")["a"] == math.inf
    found = cells(results, "", results.metrics[0])
    assert (found["mine"].images, found["mine"].infinite, found["mine"].place) == (1, 1, 1)
    assert found["other"].interval is not None
    assert found["other"].interval.mean == values(results, "other")["b"]  # on the same images as the other
    assert differences(results, results.metrics[0], "mine")["other"].images == 1
    assert "infinite on 1 image" in to_markdown(results)
    assert Results.from_json(results.to_json()).column("psnr", "mine") == results.column("psnr", "mine")


def test_constant_images(tmp_path: Path) -> None:
    flat = torch.full((1, 3, 200, 200), 0.5)
    truth = save_folder(tmp_path / "hr", a=flat)
    mine = save_folder(tmp_path / "mine", a=flat)
    results = evaluate_results(
        {"mine": mine}, truth, MeasureOptions(("psnr", "psnr-means", "ssim"), border=0)
    )
    assert results.rows[0].values == {"psnr": math.inf, "psnr-means": math.inf, "ssim": pytest.approx(1)}
    assert "∞" in to_markdown(results)


def test_other_sizes_are_refused_or_cropped(tmp_path: Path, truth: Path) -> None:
    mine = save_folder(tmp_path / "mine", a=photograph()[..., :92, :118], b=photograph(top=100))
    results = evaluate_results({"mine": mine}, truth, PLAIN)
    assert results.rows[0].values == {}
    assert "118x92" in results.rows[0].notes["psnr"]
    assert "--crop" in results.rows[0].notes["psnr"]
    assert results.rows[1].values["psnr"] == math.inf
    cropped = evaluate_results({"mine": mine}, truth, replace(PLAIN, crop=True))
    assert cropped.rows[0].values["psnr"] == math.inf
    assert "cropped to 118x92" in cropped.rows[0].notes["picture"]


def test_images_too_small_for_a_metric_get_the_others(tmp_path: Path) -> None:
    small = photograph(10, 10)
    folders = [save_folder(tmp_path / name, a=small * factor) for name, factor in (("hr", 1), ("mine", 0.9))]
    results = evaluate_results({"mine": folders[1]}, folders[0], PLAIN)
    assert set(results.rows[0].values) == {"psnr"}
    assert "too small" in results.rows[0].notes["ssim-y"]
    assert "missing" not in to_csv(results).splitlines()[0]
    assert "too small" in to_csv(results)


def test_damaged_images_do_not_stop_the_others(tmp_path: Path, truth: Path) -> None:
    mine = save_folder(tmp_path / "mine", a=photograph() * 0.9, b=photograph(top=100) * 0.9)
    (mine / "a.png").write_bytes((mine / "a.png").read_bytes()[:2000])
    results = evaluate_results({"mine": mine}, truth, PLAIN)
    assert "damaged" in results.rows[0].notes["psnr"]
    assert math.isfinite(results.rows[1].values["psnr"])


def test_sixteen_bits_and_transparency(tmp_path: Path, truth: Path) -> None:
    deep = tmp_path / "deep" / "a.png"
    deep.parent.mkdir()
    canvas = Canvas(96, 120, Traits(depth="uint16", bits=16))
    canvas.paste(0, 0, photograph() + 0.3 / 255)
    write(deep, canvas)
    assert evaluate_results({"deep": deep.parent}, truth, PLAIN).rows[0].values["psnr"] == math.inf
    alpha = torch.ones(1, 1, 96, 120)
    alpha[..., :40] = 0
    pair = []
    for name, hidden in (("hr2", 0.2), ("mine", 0.7)):
        image = photograph()
        image[..., :40] = hidden
        (tmp_path / name).mkdir()
        canvas = Canvas(96, 120, Traits())
        canvas.paste(0, 0, image)
        write(tmp_path / name / "a.png", canvas, alpha=alpha)
        pair.append(tmp_path / name)
    assert evaluate_results({"mine": pair[1]}, pair[0], PLAIN).rows[0].values["psnr"] == math.inf


def test_large_images_are_not_read_ahead_but_measured_alike(
    tmp_path: Path, truth: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = save_folder(tmp_path / "mine", a=photograph() * 0.9, b=photograph(top=100) * 0.9)
    ahead = evaluate_results({"mine": mine, "again": mine}, truth, PLAIN)
    monkeypatch.setattr(scoring, "READ_AHEAD_UP_TO", 0)
    assert evaluate_results({"mine": mine, "again": mine}, truth, PLAIN).rows == ahead.rows


def test_methods_on_a_dataset(tmp_path: Path, truth: Path, tiny: Path) -> None:
    work = working(tmp_path)
    dataset = downscaled("set", truth, 4, work.cache)
    choices = [find_candidate(BICUBIC), find_candidate(f"mine={tiny}")]
    results = evaluate_methods(choices, [dataset], PLAIN, work)
    lr = read_levels(dataset.samples[0].lr).float() / 255
    sr = imresize(lr, 4).clamp(0, 1)
    assert values(results, BICUBIC)["a"] == psnr(sr, read_levels(truth / "a.png").float() / 255).item()
    assert [row.method for row in results.rows] == [BICUBIC, "mine"] * 2
    assert all(row.seconds is not None and row.bicubic and row.lr and row.sr for row in results.rows)
    assert len(results.protocol["methods"]["mine"]["sha256"]) == 64
    again = evaluate_methods(choices, [dataset], PLAIN, work)
    assert again == results  # times too: nothing was upscaled again
    fresh = evaluate_methods(choices, [dataset], PLAIN, working(tmp_path, fresh=True))
    assert [row.values for row in fresh.rows] == [row.values for row in results.rows]


def test_what_is_kept_is_that_of_the_same_weights(tmp_path: Path, truth: Path, tiny: Path) -> None:
    work = working(tmp_path)
    dataset = downscaled("set", truth, 4, work.cache)
    before = evaluate_methods([find_candidate(f"mine={tiny}")], [dataset], PLAIN, work)
    torch.manual_seed(1)
    save_file(SRVGGNetCompact(8, 2, 4).state_dict(), tiny)
    after = evaluate_methods([find_candidate(f"mine={tiny}")], [dataset], PLAIN, work)
    assert values(before, "mine") != values(after, "mine")


def test_images_that_differ_by_their_suffix_are_two(tmp_path: Path) -> None:
    photos = save_folder(tmp_path / "photos", a=photograph(), b=photograph(top=100))
    other = Image.fromarray((photograph(top=50)[0].permute(1, 2, 0) * 255).byte().numpy())
    other.save(photos / "a.webp", lossless=True)
    work = working(tmp_path)
    plain = [Candidate(BICUBIC, None)]
    results = evaluate_methods(plain, [downscaled("set", photos, 4, work.cache)], PLAIN, work)
    assert [row.image for row in results.rows] == ["a.png", "a.webp", "b"]
    for row in results.rows:
        assert row.sr is not None
        assert row.hr is not None
        whole = read_levels(row.hr).float() / 255
        sr = read_levels(row.sr).float() / 255
        assert row.values["psnr"] == psnr(sr, whole).item() > 20
    made = degraded("set", photos, preset("bsrgan"), "bsrgan", 1, work.cache)
    assert set(made.facts["parameters"]) == {one.image for one in real("set", photos).samples}
    alone = evaluate_results({"mine": photos}, None, MeasureOptions(()))
    assert [row.image for row in alone.rows] == ["a.png", "a.webp", "b"]
    (photos / "a.png.bmp").write_bytes((photos / "a.png").read_bytes())
    assert len({one.image for one in real("set", photos).samples}) == 4


def test_truths_that_the_scale_does_not_divide_are_cut(tmp_path: Path) -> None:
    truth = save_folder(tmp_path / "hr", a=photograph(97, 123))
    work = working(tmp_path)
    dataset = downscaled("set", truth, 4, work.cache)
    results = evaluate_methods([Candidate(BICUBIC, None)], [dataset], PLAIN, work)
    assert math.isfinite(results.rows[0].values["psnr"])
    assert dataset.samples[0].hr is not None
    assert torch.equal(read_levels(dataset.samples[0].hr), read_levels(truth / "a.png")[..., :96, :120])


def test_degraded_datasets_repeat_and_replay(tmp_path: Path, truth: Path) -> None:
    def make(seed: int, **known: dict[str, object]) -> EvaluationSet:
        return degraded("set", truth, preset("bsrgan"), "bsrgan", seed, tmp_path / "cache", known)

    first = make(1)
    assert content_of(make(1)) == content_of(first) != content_of(make(2))
    assert content_of(make(2, **first.facts["parameters"])) == content_of(first)
    assert set(first.facts["parameters"]) == {"a", "b"}


def test_without_a_truth_only_naturalness(tmp_path: Path) -> None:
    photos = save_folder(tmp_path / "photos", a=photograph(24, 30))
    results = evaluate_methods([Candidate(BICUBIC, None)], [real("photos", photos)], run=working(tmp_path))
    assert not any(metric.reference for metric in results.metrics)
    with pytest.raises(ValueError, match="ground truth"):
        evaluate_methods([Candidate(BICUBIC, None)], [real("photos", photos)], PLAIN, working(tmp_path))


def test_given_pairs(tmp_path: Path, truth: Path) -> None:
    lr = save_folder(tmp_path / "lr", a=photograph(24, 30), c=photograph(24, 30))
    dataset = paired("set", lr, truth)
    assert dataset.facts["mismatches"]["without_truth"] == [str(lr / "c.png")]
    results = evaluate_methods([Candidate(BICUBIC, None)], [dataset], PLAIN, working(tmp_path))
    assert [row.image for row in results.rows] == ["a"]


def test_an_input_that_cannot_be_read_becomes_notes(tmp_path: Path, truth: Path) -> None:
    lr = save_folder(tmp_path / "lr", a=photograph(24, 30), b=photograph(24, 30))
    (lr / "a.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    results = evaluate_methods(
        [Candidate(BICUBIC, None)], [paired("set", lr, truth)], PLAIN, working(tmp_path)
    )
    assert str(lr / "a.png") in results.rows[0].notes["psnr"]
    assert math.isfinite(results.rows[1].values["psnr"])


def test_names_of_methods(tmp_path: Path, tiny: Path) -> None:
    other = tmp_path / "other" / "tiny.safetensors"
    other.parent.mkdir()
    other.write_bytes(tiny.read_bytes())
    named = with_distinct_names(
        [find_candidate(str(tiny)), find_candidate(str(other)), find_candidate("plain=bicubic")]
    )
    assert [choice.name for choice in named] == [f"{tmp_path.name}/tiny", "other/tiny", "plain"]
    with pytest.raises(ModelError, match="two methods"):
        with_distinct_names([find_candidate("bicubic"), find_candidate("bicubic")])
    with pytest.raises(ModelError, match="no model"):
        find_candidate("nonsense")
    with pytest.raises(ModelError, match="has scale 4, the others 2"):
        evaluate_methods(
            [find_candidate(str(tiny))], [real("x", save_folder(tmp_path / "p", a=photograph()))], scale=2
        )


def test_best_and_second_best_are_marked(tmp_path: Path, truth: Path) -> None:
    folders = {
        name: save_folder(tmp_path / name, a=photograph() * factor, b=photograph(top=100) * factor)
        for name, factor in (("far", 0.5), ("near", 0.99), ("middle", 0.9))
    }
    results = evaluate_results(folders, truth, PLAIN)
    lines = to_markdown(results, against="middle").splitlines()
    means = {name: np.mean(list(values(results, name).values())) for name in folders}
    assert f"| near | **{means['near']:.2f}** [" in "\n".join(lines)
    assert f"| middle | _{means['middle']:.2f}_ [" in "\n".join(lines)
    assert f"| far | {means['far']:.2f} [" in "\n".join(lines)
    assert any(line.startswith("|  | PSNR | near | +") and "2 / 0 of 2" in line for line in lines)


def test_names_are_no_formulas_and_no_markup() -> None:
    method = "@method|[link](x)"
    metric = Metric("psnr", "PSNR", True, "dB", "", True)
    rows = (Row("=1+1.png", method, {"psnr": 1.0}, "<img src=x>"),)
    results = Results({}, (metric,), (method,), rows)
    assert f"'=1+1.png,'{method},1.0" in to_csv(results)
    page = to_markdown(results)
    assert "<img" not in page
    assert "\\|\\[link\\]" in page

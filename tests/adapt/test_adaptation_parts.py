"""Unit tests of an adaptation: choice of photos, HR images, schedule, gains and decisions."""

import math
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from camera_photos import scene

from wildsr.adapt import training
from wildsr.adapt.choice import Mix, best_mix, measure_mixes, write_pairs
from wildsr.adapt.gain import decide, paired_gain
from wildsr.adapt.images import (
    CleanUpSettings,
    clean_factor,
    clean_tile,
    detailed_tiles,
    reflected,
    write_hr_images,
)
from wildsr.adapt.measured import compared
from wildsr.adapt.plots import line_chart
from wildsr.adapt.proof import AFTER, PAIRS
from wildsr.adapt.request import AdaptOptions, Method
from wildsr.adapt.sources import choose_photos, varies
from wildsr.adapt.stages import Stages
from wildsr.adapt.training import Schedule
from wildsr.adapt.work import Clock, WorkFolder
from wildsr.degradations.presets import preset
from wildsr.degradations.profile import Blur, Noise, PhotoMeasurement, Profile
from wildsr.errors import UsageError
from wildsr.estimation.inventory import Inventory, Photo
from wildsr.evaluation.results import Metric, Results, Row
from wildsr.image import read_levels, write_rgb
from wildsr.zoo.features.files import MissingWeights
from wildsr.zoo.load import load


def _gain(values: list[float], metric: str = "psnr"):
    before = {str(index): [0.0] for index in range(len(values))}
    after = {str(index): [value] for index, value in enumerate(values)}
    found = paired_gain(metric, before, after, higher_is_better=metric == "psnr")
    assert found is not None
    return found


def test_the_interval_of_a_gain_is_that_of_student() -> None:
    values = [0.1, 0.4, 0.3, 0.6]
    gain = _gain(values)
    reach = 3.182 * np.std(values, ddof=1) / 2
    assert (gain.low, gain.high) == pytest.approx((0.35 - reach, 0.35 + reach))
    assert gain.photos == 4


@pytest.mark.parametrize(("damaged", "expected"), [((), (0, 1, 3, 5, 7, 9)), ((1, 9), (0, 3, 5, 7, 2, 4))])
def test_pairs_of_the_choice_come_from_all_photos(
    tmp_path: Path, damaged: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    photos = [(str(index), tmp_path / f"{index}.png") for index in range(11)]
    for index, (_, path) in enumerate(photos):
        write_rgb(path, torch.full((1, 3, 96, 96), index / 10))
        if index in damaged:
            path.write_bytes(b"no image")
    folder = tmp_path / "pairs"
    assert write_pairs(photos, CleanUpSettings({}, usual=1), preset("bicubic", 4), folder, 0) == 6
    found = [float(read_levels(folder / "HR" / f"{index}.png").float().mean()) / 25.5 for index in range(6)]
    assert [round(one) for one in found] == list(expected)


def test_pairs_of_one_photo_count_once() -> None:
    gain = paired_gain(
        "psnr", {"a": [1, 3], "b": [2, 2]}, {"a": [2, 6], "b": [3, math.inf]}, higher_is_better=True
    )
    assert gain is not None
    assert gain.photos == 2
    assert gain.mean == pytest.approx((2 + 1) / 2)


def test_one_photo_proves_nothing() -> None:
    assert not _gain([5.0]).better


@pytest.mark.parametrize(
    ("psnr", "lpips", "better"),
    [
        ([0.4, 0.5, 0.6], [-0.1, -0.1, -0.12], True),
        ([0.4, 0.5, 0.6], [0.1, 0.1, 0.12], False),
        ([0.4, -0.5, 0.6], [-0.1, -0.1, -0.12], False),
        ([-0.4, -0.5, -0.6], [-0.1, -0.1, -0.12], False),
    ],
)
def test_psnr_must_be_better_and_lpips_not_worse(psnr: list[float], lpips: list[float], better: bool) -> None:
    verdict = decide([_gain(psnr), _gain(lpips, "lpips-alex")], "start")
    assert verdict.better is better


def test_a_gain_that_is_certain_but_invisible_is_none() -> None:
    verdict = decide([_gain([0.03, 0.031, 0.032])], "start")
    assert not verdict.better
    assert "equal" in verdict.reason
    assert decide([_gain([0.06, 0.061, 0.062])], "start").better


@pytest.mark.parametrize(
    ("before", "after", "better"), [(0.6, 0.9, True), (0.7, 1.05, False), (1.8, 1.6, True)]
)
def test_visible_noise_in_flat_areas_rules_a_model_out(before: float, after: float, better: bool) -> None:
    sides = ({str(index): [value + 0.01 * index] for index in range(4)} for value in (before, after))
    noise = paired_gain("flat-noise", *sides, higher_is_better=False)
    assert noise is not None
    verdict = decide([_gain([0.4, 0.5, 0.6]), noise], "start")
    assert verdict.better is better
    assert better or "flat areas" in verdict.reason


def test_lpips_comes_with_penalties_of_dots_and_grids(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "lpips_files", lambda *_: None)
    terms = training._terms(False, "SRVGGNetCompact", None)
    guards = {"flat", "specks", "dots", "grid", "phases", "serration"}
    assert {"psnr", "alex", "squeeze"} | guards == set(terms)
    assert set(training._terms(True, "SRVGGNetCompact", None)) == {"psnr"}


def test_lpips_is_trained_on_as_far_as_its_weights_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def files(backbone: str, _: object) -> None:
        if backbone not in found:
            raise MissingWeights("not found")

    monkeypatch.setattr(training, "lpips_files", files)
    found = {"alex"}
    assert {"psnr", "alex"} == set(training._terms(False, "RRDBNet", None))
    found = set()
    assert {"psnr", "differences"} == set(training._terms(False, "RRDBNet", None))


def test_the_best_blend_loses_no_lpips() -> None:
    sharp, soft, softest = Mix(1, 0, 0.2, -0.02), Mix(1, 0.3, 0.6, -0.001), Mix(1, 0.45, 2.0, 0.01)
    assert best_mix([sharp, soft, softest]) == soft
    assert best_mix([softest]) == softest
    assert best_mix([Mix(0.5, 0, 0.1), Mix(1, 0, 0.3)]) == Mix(1, 0, 0.3)


def test_a_blend_with_sharp_edges_is_preferred_to_a_higher_score() -> None:
    sharp, soft = Mix(0.5, 0, 0.3, -0.01, edges=0.95), Mix(1, 0, 0.9, -0.02, edges=0.8)
    assert best_mix([soft, sharp]) == sharp
    assert best_mix([soft, Mix(1, 0.3, 1.0, 0.01, edges=1.0)]) == soft
    enough = [Mix(0.25, 0, 0.3, -0.01, edges=0.99), Mix(0.5, 0, 0.5, -0.01, edges=0.97)]
    assert best_mix([*enough, Mix(0.75, 0, 0.6, -0.01, edges=0.96)]) == enough[1]


def test_a_blend_without_new_dots_is_preferred_to_sharp_edges() -> None:
    clean, dotted = Mix(0.5, 0, 0.3, -0.01, edges=0.9, dots=1.2), Mix(1, 0, 0.9, -0.02, edges=1.0, dots=1.6)
    assert best_mix([dotted, clean]) == clean
    assert best_mix([dotted, Mix(1, 0.3, 1.0, 0.01, dots=1.0)]) == dotted


def test_dots_are_measured_for_the_choice(tmp_path: Path) -> None:
    """A network that adds dots gets a mix with more of them than the starting one."""
    model = load("wildsr-photo-x4")
    folders = (tmp_path / "small", tmp_path / "full-size")
    for folder in folders:
        for part, side in (("LR", 16), ("HR", 64)):
            (folder / part).mkdir(parents=True)
            write_rgb(folder / part / "0.png", torch.full((1, 3, side, side), 0.5))
    dotted = deepcopy(model)
    with torch.no_grad():
        dotted.network.body[-1].bias[0] += 0.3  # one of the 4x4 pixels
    whole = next(
        mix for mix in measure_mixes(model, dotted, None, folders, False, tmp_path) if mix.tuned == 1
    )
    assert whole.dots > 100


def test_softer_edges_are_said_beside_the_decision() -> None:
    def verdict(change: float):
        before = {str(index): [0.6 + 0.02 * index] for index in range(4)}
        after = {name: [values[0] + change] for name, values in before.items()}
        edges = paired_gain("edge-sharpness", before, after, higher_is_better=True)
        assert edges is not None
        return decide([_gain([0.4, 0.5, 0.6]), edges], "start")

    assert verdict(-0.1).better
    assert verdict(-0.1).remarks == ("Edges have become softer: 0.63 before, 0.53 now, 1 is the reference",)
    assert verdict(0.1).remarks == ()


@pytest.mark.parametrize("unspecific", [True, False])
def test_a_gain_for_photos_of_any_origin_is_not_one_for_a_camera(unspecific: bool) -> None:
    rows = []
    for photo in range(4):
        for method, value in (("wildsr-photo-x4", 20.0), (AFTER, 22.0 + 0.01 * photo)):
            rows.append(Row(f"{photo} #1", method, {"psnr": value}, PAIRS))
    metric = Metric("psnr", "PSNR", True, "dB", "", True)
    results = Results({}, (metric,), ("wildsr-photo-x4", AFTER), tuple(rows))
    assert compared(results, "wildsr-photo-x4", unspecific=unspecific).better is not unspecific


def test_stronger_blur_and_noise_are_downscaled_more() -> None:
    assert [clean_factor(*one) for one in ((0.5, 1), (1.4, 2), (0.3, 4.2), (5, 5))] == [2, 3, 3, 4]
    clean = CleanUpSettings({"a": 4})
    assert clean.of("a", 1400, 1100) == 4
    assert clean.of("a", 1000, 800) == 3  # at 4 the scene would be too dense
    assert clean.of("a", 600, 500) == 2
    assert clean.of("a", 100, 100) == 1


def test_noise_that_downscaling_leaves_is_removed() -> None:
    levels = torch.randint(
        120, 136, (1, 3, 80, 80), generator=torch.Generator().manual_seed(0), dtype=torch.uint8
    )
    before, after = (float(clean_tile(levels, CleanUpSettings({}, noise=n), "a").std()) for n in (0.0, 4.6))
    assert after < 0.5 * before


def test_photos_of_every_size_become_images(tmp_path: Path) -> None:
    photos = []
    for index, (height, width) in enumerate(((70, 200), (200, 240), (96, 96))):
        path = tmp_path / f"{index}.png"
        write_rgb(path, scene(index, height, width))
        photos.append((path.name, path))
    write_rgb(tmp_path / "even.png", torch.full((1, 3, 200, 200), 0.5))
    photos.append(("even.png", tmp_path / "even.png"))
    photos.append(("missing.png", tmp_path / "missing.png"))
    made = write_hr_images(photos, CleanUpSettings({}), tmp_path / "hr", 128)
    sizes = [tuple(read_levels(path).shape[-2:]) for path in sorted((tmp_path / "hr").iterdir())]
    assert sizes == [(128, 200), (128, 128), (128, 128)]
    assert (made.images, made.photos) == (3, 3)
    assert "even.png" in made.left_out[0]
    assert "missing.png" in made.left_out[1]


def test_small_images_are_continued_without_a_seam() -> None:
    image = scene(0, 50, 60)
    larger = reflected(image, 130)
    assert larger.shape == (1, 3, 130, 130)
    assert torch.equal(larger[..., :50, :60], image)
    assert torch.equal(larger[..., 50, :60], image[..., 49, :])


def test_large_photos_give_their_most_detailed_tiles() -> None:
    levels = torch.zeros(1, 3, 3072, 2048, dtype=torch.uint8)
    levels[..., 1024:2048, 1024:] = torch.randint(0, 255, (1, 3, 1024, 1024), dtype=torch.uint8)
    tiles = detailed_tiles(levels)
    assert len(tiles) == 4
    assert sum(bool(tile.any()) for tile in tiles) == 1


def _photos(count: int, camera: str = "One") -> list[Photo]:
    return [
        Photo(Path(f"{camera}{i}.jpg"), f"{camera}{i}.jpg", make=camera, digest=f"{camera}{i}")
        for i in range(count)
    ]


def test_photos_of_several_cameras_need_a_choice() -> None:
    inventory = Inventory((*_photos(12), *_photos(6, "Two")))
    with pytest.raises(UsageError, match=r"2 cameras: 'One' \(12 photos\), 'Two' \(6 photos\).*--only 'One'"):
        choose_photos(inventory, None)


def test_a_fifth_of_the_photos_is_set_aside_at_least_three() -> None:
    assert len(choose_photos(Inventory(tuple(_photos(40))), None).aside) == 8
    chosen = choose_photos(Inventory(tuple(_photos(10))), None)
    assert (len(chosen.training), len(chosen.aside)) == (7, 3)


def test_photos_of_any_origin_are_told_from_those_of_a_camera() -> None:
    def profile(widths: list[float], levels: list[float], qualities: list[int]) -> Profile:
        photos = [
            PhotoMeasurement(f"{i}", 500, 400, edges=90, wide=wide, narrow=wide, noise=level, quality=quality)
            for i, (wide, level, quality) in enumerate(zip(widths, levels, qualities, strict=True))
        ]
        return Profile(Blur(1, 1), Noise(9), photos=tuple(photos))

    same, noisy, different = [85, 85, 85, 85], [1, 4, 15, 2], [0.3, 2.0, 0.8, 1.7]
    assert varies(profile(different, noisy, same))
    assert varies(profile(different, [3, 3, 3, 3], [30, 95, 70, 50]))
    assert not varies(profile([0.9, 1.0, 1.1, 1.0], noisy, same))
    assert not varies(profile([0.0, 0.1, 0.3, 0.5], noisy, same))
    assert not varies(Profile())


def test_the_rate_follows_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("wildsr.adapt.training.time.monotonic", lambda: now[0])
    clock = Schedule(100.0, 20.0)
    assert clock.share(0) < 0.06
    rates = []
    for now[0] in (0.0, 30.0, 79.0):
        rates.append(clock.share(1000))
    assert rates[0] > rates[1] > rates[2]
    assert rates[2] == pytest.approx(0.03, abs=0.01)
    now[0] = 81.0
    assert clock.left == 0


@pytest.mark.parametrize(
    ("method", "thorough", "expected"),
    [
        ("profile", True, (None, False, False)),
        ("realsr", True, (None, True, True)),
        ("realsr", False, (72.0, False, True)),
    ],
)
def test_kernels_are_estimated_for_realsr_only(
    method: Method,
    thorough: bool,
    expected: tuple[float | None, bool, bool],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[dict[str, Any]] = []

    def estimate(_photos: object, **how: Any) -> Profile:
        asked.append(how)
        return Profile()

    monkeypatch.setattr("wildsr.adapt.stages.estimate_profile", estimate)
    work = WorkFolder(tmp_path)
    options = AdaptOptions(method=method, thorough=thorough, minutes=10, device="cuda:1")
    stages = Stages((), options, work, None, Clock(work, 10))
    stages.profile([], "profile")
    stages.profile([], "aside")
    assert tuple(asked[0][name] for name in ("seconds", "thorough", "quick_kernels")) == expected
    assert not asked[1]["thorough"]
    assert not asked[1]["quick_kernels"]
    assert asked[0]["device"] == "cuda:1"


def test_charts_escape_their_labels() -> None:
    chart = line_chart({"<x>": [(0, 1), (1, 2)]}, "a & b", "step", {"dots": [(0.5, 1.5)]})
    assert "<x>" not in chart
    assert "&lt;x&gt;" in chart
    assert "a &amp; b" in chart

"""Metrics by name: equal values for levels and floats, means, missing files."""

import math
import os
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from skimage import data
from torch import Tensor

from wildsr.evaluation.metrics import METRICS, Meter, MetricSettings, available_metrics, open_meters
from wildsr.evaluation.niqe import PARAMETERS
from wildsr.zoo.features.files import FILES, MissingWeights, find_file, pull_file

FEATURES = Path(os.environ.get("WILDSR_SHARED", Path(__file__).parents[3] / "shared")) / "features"


def levels() -> Tensor:
    return torch.from_numpy(data.astronaut()[:200, :300].copy()).permute(2, 0, 1)[None]


def noisy(image: Tensor) -> Tensor:
    noise = torch.randint(-20, 21, image.shape, generator=torch.Generator().manual_seed(0))
    return (image.int() + noise).clamp(0, 255).to(torch.uint8)


def settings(border: int = 4) -> MetricSettings:
    return MetricSettings(border, FEATURES)


@pytest.mark.parametrize("name", METRICS)
def test_levels_and_floats_give_the_same(name: str) -> None:
    try:
        meter = Meter(name, settings())
    except FileNotFoundError as error:
        pytest.skip(str(error))
    truth, result = levels(), noisy(levels())
    of_levels = meter(result, truth)
    assert math.isfinite(of_levels[0])
    of_floats = meter(result.float() / 255, truth.float() / 255)
    assert of_floats == pytest.approx(of_levels, rel=1e-6)
    assert meter.metric.definition
    assert meter.count == 2


@pytest.mark.parametrize("name", [name for name, kind in METRICS.items() if kind.reference])
def test_better_is_better(name: str) -> None:
    try:
        meter = Meter(name, settings())
    except FileNotFoundError as error:
        pytest.skip(str(error))
    truth = levels()
    result = noisy(truth)
    if name == "psnr-means":
        result = (truth.int() - 9).clamp(0).to(torch.uint8)
    if name == "edge-sharpness":  # noise raises it, blur lowers it
        result = F.avg_pool2d(truth.float(), 3, 1, 1).round().to(torch.uint8)
    bad = meter(result, truth)[0]
    good = meter(((result.int() + 3 * truth.int()) // 4).to(torch.uint8), truth)[0]
    assert (good > bad) == meter.metric.higher_is_better


def test_the_mean_leaves_out_what_is_not_finite_and_counts_it() -> None:
    meter = Meter("psnr")
    truth = levels()
    assert math.isnan(meter.mean)
    assert meter(truth, truth) == [math.inf]
    assert meter.mean == math.inf
    first = meter(noisy(truth), truth)[0]
    second = meter(noisy(noisy(truth)), truth)[0]
    assert meter.mean == pytest.approx((first + second) / 2)
    assert (meter.count, meter.infinite) == (3, 1)
    batch = Meter("psnr")
    assert batch(torch.cat((noisy(truth), truth)), torch.cat((truth, truth))) == [first, math.inf]


def test_a_truth_is_needed_where_it_is() -> None:
    with pytest.raises(ValueError, match="ground truth"):
        Meter("ssim")(levels())


def test_unknown_names_and_duplicates() -> None:
    with pytest.raises(ValueError, match="did you mean 'psnr-y'"):
        open_meters(["psnry"], MetricSettings())
    assert [meter.metric.name for meter in open_meters(["psnr", "ssim", "psnr"], MetricSettings())] == [
        "psnr",
        "ssim",
    ]


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    names, lacking = available_metrics(MetricSettings(weights=tmp_path), reference=True)
    assert {"psnr", "psnr-y", "ssim", "ssim-y", "psnr-means"} <= set(names)
    assert {"niqe", "lpips-alex"} <= set(lacking)
    assert "--features" in lacking["niqe"]
    assert all(
        not METRICS[name].reference for name in available_metrics(MetricSettings(weights=tmp_path), False)[1]
    )
    with pytest.raises(FileNotFoundError, match=PARAMETERS):
        open_meters(["niqe"], MetricSettings(weights=tmp_path))


def test_where_files_are_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("WILDSR_FEATURES", "WILDSR_METRICS"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("WILDSR_MODELS", str(tmp_path / "models"))
    places = {name: tmp_path / name for name in ("models/metrics", "named", "old", "chosen")}
    for place in places.values():
        place.mkdir(parents=True)
        (place / PARAMETERS).write_bytes(b"x")
    assert find_file((PARAMETERS,)).parent == places["models/metrics"]
    monkeypatch.setenv("WILDSR_METRICS", str(places["old"]))
    assert find_file((PARAMETERS,)).parent == places["old"]
    monkeypatch.setenv("WILDSR_FEATURES", str(places["named"]))
    assert find_file((PARAMETERS,)).parent == places["named"]
    assert find_file((PARAMETERS,), places["chosen"]).parent == places["chosen"]


def test_what_has_no_address_cannot_be_pulled(tmp_path: Path) -> None:
    with pytest.raises(MissingWeights, match="cannot be downloaded"):
        pull_file("nothing.bin", tmp_path)
    assert {name for kind in METRICS.values() for name in kind.pulls} <= set(FILES)

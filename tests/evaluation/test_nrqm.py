"""NRQM and PI: features against the authors' MATLAB code, and the reader of their model with a made file."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from evaluation_images import photograph as rgb_photo
from skimage import data
from typer.testing import CliRunner

from image_folders import photograph, save
from nrqm_model import FEATURES, Tables, made_forest, save_model
from wildsr.cli.main import app
from wildsr.evaluation.forest import read_forests
from wildsr.evaluation.metrics import METRICS, MetricSettings
from wildsr.evaluation.niqe import Niqe
from wildsr.evaluation.nrqm import Nrqm, PerceptualIndex, features, load_nrqm
from wildsr.evaluation.nrqm_features import gaussian_shape
from wildsr.evaluation.planes import planes
from wildsr.ops.steerable_pyramid import steerable_pyramid
from wildsr.zoo.features.files import MissingWeights

REFERENCE = json.loads((Path(__file__).parent / "nrqm_reference.json").read_text(encoding="utf-8"))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    return save_model(tmp_path / "NRQM_model.mat", [made_forest(rng, count) for count in FEATURES])


def test_features_are_those_of_the_authors_code() -> None:
    top, left, height, width = REFERENCE["crop"]
    image = torch.from_numpy(data.coffee()[top : top + height, left : left + width])
    (found,) = features(image.permute(2, 0, 1)[None], luma="gray")
    assert found is not None
    assert tuple(len(kind) for kind in found) == FEATURES
    for kind, name in zip(found, ("local", "global", "singular"), strict=True):
        expected = torch.tensor(REFERENCE[name], dtype=torch.float64)
        torch.testing.assert_close(kind, expected, rtol=1e-8, atol=1e-8)


def test_a_pyramid_holds_the_whole_image() -> None:
    """The filters' squares sum to one, so that the bands, and the low frequencies, hold the energy of the image."""
    image = torch.randn(40, 48, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    pyramid = steerable_pyramid(image, 2, 6)
    assert [tuple(band.shape) for level in pyramid.bands for band in level[:1]] == [(40, 48), (20, 24)]
    assert pyramid.low.shape == (10, 12)
    parts = [pyramid.high, *(band for level in pyramid.bands for band in level), pyramid.low]
    # Small bands have the spectrum of the large image, so that their values are larger.
    energy = sum(float(part.square().sum()) * part.numel() / image.numel() for part in parts)
    assert energy == pytest.approx(float(image.square().sum()), rel=0.02)
    with pytest.raises(ValueError, match="too small for 2 levels"):
        steerable_pyramid(image[:12], 2, 6)


@pytest.mark.parametrize(("shape", "sample"), [(2.0, "normal"), (1.0, "laplace")])
def test_shapes_of_known_distributions(shape: float, sample: str) -> None:
    rng = np.random.default_rng(1)
    values = torch.from_numpy(getattr(rng, sample)(size=200_000))
    assert float(gaussian_shape(values)) == pytest.approx(shape, rel=0.03)
    assert float(gaussian_shape(torch.zeros(9, dtype=torch.float64))) == pytest.approx(10)


def walked(forest: Tables, values: np.ndarray) -> float:
    """The mean of all trees, one node after the other."""
    results = []
    for tree in range(forest["lDau"].shape[1]):
        node = 0
        while forest["nodestatus"][node, tree] != -1:
            low = values[forest["mbest"][node, tree] - 1] <= forest["upper"][node, tree]
            node = forest["lDau" if low else "rDau"][node, tree] - 1
        results.append(forest["avnode"][node, tree])
    return float(np.mean(results))


def test_forests_of_a_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    made = [made_forest(rng, count, trees=20, depth=6) for count in FEATURES]
    made[2]["coef"] = np.array([[0.5, 2.0]])
    forests, weights = read_forests(save_model(tmp_path / "model.mat", made), FEATURES)
    assert weights.tolist() == [-1.0, 0.5, 0.3, 0.4]
    for forest, tables, count in zip(forests, made, FEATURES, strict=True):
        for values in rng.normal(size=(30, count)):
            expected = walked(tables, values)
            assert forest(values) == pytest.approx(0.5 + 2 * expected if count == 75 else expected, abs=1e-12)


def test_nrqm_and_pi_of_a_photo(model: Path) -> None:
    nrqm = load_nrqm(model.parent)
    image = rgb_photo(96, 200)
    local, overall, singular = features(image)[0] or ()
    parts = [
        forest(kind.numpy()) for forest, kind in zip(nrqm.forests, (local, overall, singular), strict=True)
    ]
    expected = -1 + 0.5 * parts[0] + 0.3 * parts[1] + 0.4 * parts[2]
    assert nrqm(image).item() == pytest.approx(expected)
    # On Y: an image with the same Y in all channels is the same to MATLAB's grey, but for 16 to 235.
    y = planes(image, "y", "rgb+y") / 255
    assert nrqm(y.expand(-1, 3, -1, -1), luma="gray").item() == pytest.approx(expected)
    cropped = nrqm(image[..., 4:-4, 4:-4])
    assert torch.equal(nrqm(image, border=4), cropped)
    rng = torch.Generator().manual_seed(0)
    mixed = torch.randn(36, 36, generator=rng, dtype=torch.float64)
    niqe = Niqe(
        torch.zeros(36, dtype=torch.float64), mixed @ mixed.T, torch.full((7,), 1 / 7, dtype=torch.float64)
    )
    pi = PerceptualIndex(nrqm, niqe)(image)
    torch.testing.assert_close(pi, ((10 - nrqm(image)) + niqe(image)) / 2)


def test_flat_and_small_images(model: Path) -> None:
    nrqm = load_nrqm(model.parent)
    values = nrqm(torch.cat((torch.full((1, 3, 84, 84), 0.4), rgb_photo(84, 84))))
    assert values.isnan().tolist() == [True, False]
    with pytest.raises(ValueError, match="this metric needs 48x48"):
        nrqm(rgb_photo(47, 60))
    with pytest.raises(ValueError, match="83x84 pixels is too small for NRQM"):
        nrqm(rgb_photo(84, 83))


def damaged(forests: list[Tables], field: str, value: object) -> list[Tables]:
    forests[1][field] = np.full_like(forests[1][field], value)
    return forests


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("lDau", 1, "does not lead to a later one"),
        ("rDau", 2**30, "does not lead to a later one"),
        ("mbest", 46, "features other than 1 to 45"),
        ("upper", np.nan, "not finite"),
        ("avnode", np.inf, "not finite"),
    ],
)
def test_damaged_models_are_refused(tmp_path: Path, field: str, value: object, message: str) -> None:
    rng = np.random.default_rng(0)
    made = damaged([made_forest(rng, count) for count in FEATURES], field, value)
    path = save_model(tmp_path / "model.mat", made)
    with pytest.raises(ValueError, match=rf"model\.mat does not hold the model of NRQM \(.*{message}"):
        load_nrqm(tmp_path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match="does not hold the model of NRQM"):
        load_nrqm(tmp_path)


def test_other_models_are_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    save_model(tmp_path / "model.mat", [made_forest(rng, 18)], (1.0, 2.0))
    with pytest.raises(ValueError, match="1 forests with 2 weights instead of 3"):
        load_nrqm(tmp_path)
    with pytest.raises(MissingWeights, match=r"NRQM_model\.mat.*models pull NRQM_model\.mat"):
        METRICS["nrqm"].load(MetricSettings(weights=tmp_path / "nowhere"))


def test_table_of_bsrgan(model: Path, tmp_path: Path) -> None:
    """The benchmark prints NIQE, NRQM and PI beside the numbers of BSRGAN's figure."""
    for number in range(20):
        save(tmp_path / "data/testsets/RealSRSet" / f"{number}.png", photograph(number, 26, 50))
    rng = np.random.default_rng(2)
    mixed = rng.normal(size=(36, 36))
    window = np.full((7, 7), 1 / 49)
    np.savez(
        model.parent / "niqe_pris_params.npz",
        mu_pris_param=np.ones((1, 36)),
        cov_pris_param=mixed @ mixed.T,
        gaussian_window=window,
    )
    command = [
        "benchmark",
        "bsrgan",
        "--data",
        tmp_path / "data",
        "-m",
        "bicubic",
        "--features",
        model.parent,
    ]
    command += ["--cache", tmp_path / "cache", "-o", tmp_path / "out"]
    done = CliRunner().invoke(app, [str(word) for word in command], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    for heading in ("NIQE", "NRQM", "PI"):
        assert heading in done.output
    (written,) = (tmp_path / "out").rglob("results.md")
    text = written.read_text(encoding="utf-8")
    assert "NRQM" in text
    assert isinstance(load_nrqm(model.parent), Nrqm)

"""BRISQUE compared with an independent computation; its files, strips and errors; the perceptual index."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from scipy.ndimage import correlate
from scipy.special import gamma
from skimage import data
from torch import Tensor

from wildsr.evaluation import brisque as module
from wildsr.evaluation import planes
from wildsr.evaluation.brisque import MODEL, RANGE, features, load_brisque
from wildsr.evaluation.metrics import MetricSettings, open_meters

Array = npt.NDArray[np.float64]


def photograph(height: int = 150, width: int = 201) -> Tensor:
    pixels = torch.from_numpy(data.coffee()[100 : 100 + height, 100 : 100 + width].copy())
    return pixels.permute(2, 0, 1)[None].float() / 255


def plain_shape(ratio: float, of: Array) -> float:
    shapes = 0.2 + 0.001 * np.arange(9801)
    return float(shapes[np.argmin((of - ratio) ** 2)])


def plain_half(luma: Array) -> Array:
    """Half the height by the cubic kernel twice as wide, mirrored at the ends."""
    distance = np.abs((np.arange(8) - 3.5) / 2)
    near, far = distance <= 1, distance > 1
    weights = near * (1.5 * distance**3 - 2.5 * distance**2 + 1)
    weights += far * (-0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2)
    padded = np.pad(luma, ((3, 5), (0, 0)), mode="symmetric")
    rows = [weights @ padded[2 * row : 2 * row + 8] for row in range(-(-len(luma) // 2))]
    return np.stack(rows) / weights.sum()


def plain_features(image: Tensor) -> Array:
    """BRISQUE by its definition, in NumPy and SciPy."""
    levels = (image[0].permute(1, 2, 0).double().numpy() * 255).round()
    luma = np.floor(levels @ [0.298936021293775, 0.587043074451121, 0.114020904255103] + 0.5)
    taps = np.exp(-(np.arange(-3, 4) ** 2) / (2 * (7 / 6) ** 2))
    window = np.outer(taps, taps) / taps.sum() ** 2
    shapes = 0.2 + 0.001 * np.arange(9801)
    ratios = gamma(2 / shapes) ** 2 / (gamma(1 / shapes) * gamma(3 / shapes))
    found = []
    for _ in range(2):
        mean = correlate(luma, window, mode="constant")
        spread = np.sqrt(np.abs(correlate(luma**2, window, mode="constant") - mean**2))
        values = (luma - mean) / (spread + 1)
        variance = np.mean(values**2)
        found += [plain_shape(variance / np.mean(np.abs(values)) ** 2, 1 / ratios), variance]
        for shift in ((0, 1), (1, 0), (1, 1), (-1, 1)):
            product = values * np.roll(values, shift, (0, 1))
            left, right = (np.sqrt(np.mean(product[side] ** 2)) for side in (product < 0, product > 0))
            balance = left / right
            ratio = np.mean(np.abs(product)) ** 2 / np.mean(product**2)
            ratio *= (balance**3 + 1) * (balance + 1) / (balance**2 + 1) ** 2
            shape = plain_shape(ratio, ratios)
            between = (right - left) * gamma(2 / shape) / np.sqrt(gamma(1 / shape) * gamma(3 / shape))
            found += [shape, between, left**2, right**2]
        luma = plain_half(plain_half(luma).T).T
    return np.array(found)


def made_model(folder: Path, vectors: int = 5) -> tuple[Array, Array, Array]:
    """Files as libsvm writes them; returns the ranges (36, 2), support vectors and their weights."""
    rng = np.random.default_rng(0)
    middle = plain_features(photograph())
    ranges = np.stack((middle - rng.uniform(0.5, 1, 36), middle + rng.uniform(0.5, 1, 36)), axis=1)
    support = rng.uniform(-1, 1, (vectors, 36))
    support[0, 3] = 0  # left out of the file, as libsvm does
    weights = rng.uniform(-1024, 1024, vectors)
    lines = [f"{index} {low!r} {high!r}" for index, (low, high) in enumerate(ranges.tolist(), start=1)]
    (folder / RANGE).write_text("\n".join(["x", "-1 1", *lines, ""]))
    head = (
        f"svm_type epsilon_svr\nkernel_type rbf\ngamma 0.05\nnr_class 2\ntotal_sv {vectors}\nrho -12.5\nSV\n"
    )
    body = [
        " ".join([repr(weight), *(f"{i}:{value!r}" for i, value in enumerate(row, start=1) if value)])
        for weight, row in zip(weights.tolist(), support.tolist(), strict=True)
    ]
    (folder / MODEL).write_text(head + "\n".join(body) + "\n")
    return ranges, support, weights


@pytest.mark.parametrize(("height", "width"), [(150, 201), (151, 200), (16, 17)])
def test_the_features_are_those_of_the_definition(height: int, width: int) -> None:
    image = photograph(height, width)
    torch.testing.assert_close(
        features(image)[0], torch.from_numpy(plain_features(image)), rtol=1e-8, atol=1e-10
    )


def test_the_regression_is_that_of_the_files(tmp_path: Path) -> None:
    ranges, support, weights = made_model(tmp_path)
    image = photograph()
    scaled = -1 + 2 * (plain_features(image) - ranges[:, 0]) / (ranges[:, 1] - ranges[:, 0])
    expected = weights @ np.exp(-0.05 * ((support - scaled) ** 2).sum(1)) + 12.5
    brisque = load_brisque(tmp_path)
    assert brisque(image).item() == pytest.approx(expected, rel=1e-8)
    both = torch.cat((image.flip(-1), image))
    torch.testing.assert_close(brisque(both)[1:], brisque(image))
    assert torch.equal(brisque((both * 255).round().to(torch.uint8)), brisque(both))
    bordered = brisque(image, border=4)
    assert torch.equal(bordered, brisque(image[..., 4:-4, 4:-4]))


def test_strips_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    image = photograph(61, 80)
    whole = features(image)
    monkeypatch.setattr(
        module,
        "strips",
        lambda height, row, pixels=0, multiple=1: planes.strips(height, row, 6 * row, multiple),  # noqa: ARG005
    )
    torch.testing.assert_close(features(image), whole, rtol=1e-10, atol=1e-12)


def test_images_of_one_grey_have_nothing_to_measure(tmp_path: Path) -> None:
    made_model(tmp_path)
    flat = torch.full_like(photograph(), 0.3)
    assert load_brisque(tmp_path)(torch.cat((flat, photograph()))).isnan().tolist() == [True, False]


def test_missing_files_say_where_they_come_from(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"BRISQUE_release\.zip"):
        load_brisque(tmp_path)
    made_model(tmp_path)
    (tmp_path / RANGE).unlink()
    with pytest.raises(FileNotFoundError, match=RANGE):
        open_meters(["brisque"], MetricSettings(weights=tmp_path))


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (MODEL, "rbf", "linear"),
        (MODEL, "total_sv 5", "total_sv 6"),
        (MODEL, " 36:", " 37:"),
        (MODEL, "gamma 0.05\n", ""),
        (MODEL, "rho -12.5", "rho x"),
        (RANGE, "-1 1", "0 1"),
        (RANGE, "\n36 ", "\n37 "),
    ],
)
def test_damaged_files(tmp_path: Path, file: str, old: str, new: str) -> None:
    made_model(tmp_path)
    path = tmp_path / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(ValueError, match=f"{file}.*download it again"):
        load_brisque(tmp_path)


def test_refusals() -> None:
    with pytest.raises(ValueError, match="too small"):
        features(torch.rand(1, 3, 15, 40))
    with pytest.raises(ValueError, match="RGB"):
        features(torch.rand(1, 1, 40, 40))

"""NIQE: parameters, strips, flat images, and errors."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import gamma
from skimage import data
from torch import Tensor

from wildsr.evaluation import niqe as module
from wildsr.evaluation import planes
from wildsr.evaluation.natural import asymmetric_gaussian
from wildsr.evaluation.niqe import PARAMETERS, Niqe, load_niqe
from wildsr.ops.kernels import gaussian_profile


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Small images do not need many."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def photograph(height: int = 300, width: int = 400) -> Tensor:
    pixels = torch.from_numpy(data.astronaut()[:height, :width].copy())
    return pixels.permute(2, 0, 1)[None].float() / 255


@pytest.fixture
def niqe() -> Niqe:
    """NIQE with a model of natural images fitted to one photo."""
    blank = Niqe(
        torch.zeros(36, dtype=torch.float64), torch.eye(36, dtype=torch.float64), gaussian_profile(7, 7 / 6)
    )
    features = blank.features(photograph(512, 512))[0]
    return Niqe(features.mean(0), features.T.cov(), blank.taps)


def save(folder: Path, **changes: np.ndarray) -> None:
    taps = gaussian_profile(7, 7 / 6).numpy()
    content = {
        "mu_pris_param": np.ones((1, 36)),
        "cov_pris_param": np.eye(36),
        "gaussian_window": np.outer(taps, taps),
    }
    np.savez(folder / PARAMETERS, **(content | changes))


def test_parameters_from_a_folder_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path)
    first = load_niqe(tmp_path)
    monkeypatch.setenv("WILDSR_FEATURES", str(tmp_path))
    for found in (first, load_niqe()):
        assert found.mean.shape == (36,)
        torch.testing.assert_close(found.taps, gaussian_profile(7, 7 / 6))


def test_missing_parameters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WILDSR_METRICS", raising=False)
    monkeypatch.delenv("WILDSR_FEATURES", raising=False)
    with pytest.raises(FileNotFoundError, match="models pull"):
        load_niqe()
    with pytest.raises(FileNotFoundError, match=PARAMETERS):
        load_niqe(tmp_path)


def test_damaged_parameters(tmp_path: Path) -> None:
    (tmp_path / PARAMETERS).write_bytes(b"not an archive")
    with pytest.raises(ValueError, match="download it again"):
        load_niqe(tmp_path)
    save(tmp_path, mu_pris_param=np.array([{"an": "object"}]))
    with pytest.raises(ValueError, match="download it again"):
        load_niqe(tmp_path)
    save(tmp_path, cov_pris_param=np.eye(18))
    with pytest.raises(ValueError, match="other shapes"):
        load_niqe(tmp_path)
    np.savez(tmp_path / PARAMETERS, mu_pris_param=np.ones((1, 36)))
    with pytest.raises(ValueError, match="download it again"):
        load_niqe(tmp_path)


def test_worse_images_are_further_from_nature(niqe: Niqe) -> None:
    image = photograph()
    noisy = (image + 0.1 * torch.randn(image.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 1)
    values = niqe(torch.cat((image, noisy)))
    assert values.dtype == torch.float64
    assert values[1] > values[0] + 1
    torch.testing.assert_close(values[:1], niqe(image), rtol=1e-9, atol=0)


def test_strips_do_not_show(niqe: Niqe, monkeypatch: pytest.MonkeyPatch) -> None:
    image = photograph(400, 300)
    whole = niqe.features(image)
    monkeypatch.setattr(
        module, "strips", lambda height, row, multiple: planes.strips(height, row, 1, multiple)
    )
    torch.testing.assert_close(niqe.features(image), whole, rtol=1e-10, atol=1e-12)


def test_what_lies_beyond_whole_blocks_does_not_count(niqe: Niqe) -> None:
    image = photograph(200, 300)
    changed = image.clone()
    changed[..., 192:, :] = 0
    changed[..., 288:] = 1
    assert torch.equal(niqe(image), niqe(changed))
    assert torch.equal(niqe(image, border=4), niqe(image[..., 4:-4, 4:-4]))


def test_flat_images_have_nothing_to_measure(niqe: Niqe) -> None:
    flat = torch.full((1, 3, 300, 400), 0.3)
    assert niqe(torch.cat((flat, photograph()))).isnan().tolist() == [True, False]
    half = photograph()
    half[..., :200, :] = 1
    assert niqe(half).isfinite().all()


def test_refusals(niqe: Niqe) -> None:
    with pytest.raises(ValueError, match="too small"):
        niqe(torch.rand(1, 3, 95, 300))
    with pytest.raises(ValueError, match="two blocks"):
        niqe(torch.rand(1, 3, 191, 191))
    with pytest.raises(ValueError, match="too small"):
        niqe(torch.rand(1, 3, 100, 300), border=4)
    with pytest.raises(ValueError, match="RGB"):
        niqe(torch.rand(1, 1, 300, 300))
    with pytest.raises(ValueError, match="floating point"):
        niqe(torch.zeros(1, 3, 300, 300, dtype=torch.int64))


@pytest.mark.parametrize(("shape", "left", "right"), [(2.0, 1.0, 1.0), (0.8, 0.5, 2.0)])
def test_the_fit_finds_what_the_values_were_drawn_from(shape: float, left: float, right: float) -> None:
    generator = np.random.default_rng(0)
    magnitude = generator.gamma(1 / shape, size=(1000, 1000)) ** (1 / shape)
    below = generator.random((1000, 1000)) < left / (left + right)
    values = torch.from_numpy(np.where(below, -left * magnitude, right * magnitude))
    found = [value.item() for value in asymmetric_gaussian(values)]
    assert found == pytest.approx([shape, left, right], rel=0.02)
    squares = left**2 * gamma(3 / shape) / gamma(1 / shape)
    assert values[values < 0].square().mean().item() == pytest.approx(squares, rel=0.02)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_on_a_gpu(niqe: Niqe) -> None:
    image = photograph()
    value = niqe(image.cuda())
    assert value.is_cuda
    torch.testing.assert_close(value.cpu(), niqe(image), rtol=1e-3, atol=0)

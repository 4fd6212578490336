"""``wildsr.degrade`` and ``wildsr.degrade_pair``: types, shapes, seeds, replay."""

from pathlib import Path

import numpy as np
import pytest
import torch
from degradation_samples import photo

import wildsr
from wildsr.degradations.degradation import DegradationError
from wildsr.degradations.methods.bsrgan import Bsrgan
from wildsr.image import Canvas, ImageError, Traits, write


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("shape", [(24, 20), (24, 20, 1), (24, 20, 3), (27, 21, 4)])
def test_arrays_become_colour_of_their_type(dtype: str, shape: tuple[int, ...]) -> None:
    white = np.iinfo(dtype).max if dtype.startswith("u") else 1
    array = (np.random.default_rng(0).random(shape) * white).astype(dtype)
    result, parameters = wildsr.degrade(array)
    assert result.shape == (6, 5, 3)
    assert result.dtype == np.dtype(dtype)
    again, _ = wildsr.degrade(array, parameters=parameters)
    np.testing.assert_array_equal(result, again)


def test_tensors_and_batches() -> None:
    batch = photo().repeat(3, 1, 1, 1)
    result, parameters = wildsr.degrade(batch, "bsrgan-plus", scale=2, seed=5)
    assert result.shape == (3, 3, 32, 40)
    assert len(parameters) == 3
    assert not torch.equal(result[0], result[1])
    one, own = wildsr.degrade(batch[0], "bsrgan-plus", scale=2, seed=5)
    assert torch.equal(one, result[0])
    assert own == parameters[0]
    assert torch.equal(wildsr.degrade(batch, scale=2, parameters=parameters).image, result)
    assert wildsr.degrade(batch.double()).image.dtype == torch.float64


def test_seeds_differ() -> None:
    first, second = (wildsr.degrade(photo(), seed=seed).image for seed in (0, 1))
    assert not torch.equal(first, second)


def test_without_a_seed_each_call_samples_anew() -> None:
    first, second = (wildsr.degrade(photo()).parameters for _ in range(2))
    assert first != second


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_pairs_as_bsrgan_offers_them(dtype: str) -> None:
    levels = np.random.default_rng(0).integers(0, 256, (99, 130, 3))
    image = (levels if dtype == "uint8" else levels / 255).astype(dtype)
    lr, hr = wildsr.degrade_pair(image, scale=4, lr_patch=12, rng=np.random.default_rng(3))
    assert (lr.shape, hr.shape) == ((12, 12, 3), (48, 48, 3))
    assert lr.dtype == hr.dtype == image.dtype
    windows = np.lib.stride_tricks.sliding_window_view(image[:96, :128], (48, 48, 3))[::4, ::4, 0]
    assert (windows == hr).all((-3, -2, -1)).sum() == 1, (
        "HR is a patch of the image, on the grid of LR pixels"
    )
    again = wildsr.degrade_pair(image, lr_patch=12, rng=np.random.default_rng(3))
    np.testing.assert_array_equal(lr, again[0])
    assert not np.array_equal(wildsr.degrade_pair(image, lr_patch=12)[0], lr)


def test_pairs_belong_together() -> None:
    smooth = photo(99, 131)[0].permute(1, 2, 0).numpy()
    for seed in range(5):
        lr, hr = wildsr.degrade_pair(
            smooth, lr_patch=16, rng=np.random.default_rng(seed), degradation="bicubic"
        )
        means = hr.reshape(16, 4, 16, 4, 3).mean((1, 3))
        assert np.abs(lr - means).mean() < 0.02


def test_pairs_that_cannot_be_made() -> None:
    with pytest.raises(DegradationError, match="at least 288 pixels on both sides, not 300x200"):
        wildsr.degrade_pair(np.zeros((200, 300, 3), np.uint8))
    with pytest.raises(ValueError, match="uint8 or floats"):
        wildsr.degrade_pair(np.zeros((300, 300, 3), np.int32))
    with pytest.raises(ValueError, match=r"\(H, W, 3\)"):
        wildsr.degrade_pair(np.zeros((300, 300), np.uint8))


def test_a_file_and_its_name(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        with Canvas(64, 80, Traits()) as canvas:
            canvas.paste(0, 0, photo())
            write(tmp_path / name, canvas)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.png").write_bytes((tmp_path / "a.png").read_bytes())
    a, parameters = wildsr.degrade(tmp_path / "a.png", Bsrgan(2), seed=0)
    assert a.shape == (32, 40, 3)
    assert wildsr.degrade(str(tmp_path / "sub" / "a.png"), Bsrgan(2), seed=0).parameters == parameters
    assert wildsr.degrade(tmp_path / "b.png", Bsrgan(2), seed=0).parameters != parameters


def test_mistakes(tmp_path: Path) -> None:
    with pytest.raises(DegradationError, match="did you mean 'bsrgan'"):
        wildsr.degrade(photo(), "bsrgn")
    with pytest.raises(DegradationError, match="80x3 pixels; a degradation by 4 needs 4 on each side"):
        wildsr.degrade(photo(3))
    with pytest.raises(DegradationError, match="1 images but 2 sets"):
        wildsr.degrade(photo(), parameters=[{}, {}])
    with pytest.raises(DegradationError, match="one dictionary"):
        wildsr.degrade(np.zeros((8, 8)), parameters=[{}])
    with pytest.raises(ValueError, match="floating-point tensor"):
        wildsr.degrade(torch.zeros(3, 8, 8, dtype=torch.uint8))
    with pytest.raises(ImageError, match="gone"):
        wildsr.degrade(tmp_path / "gone.png")

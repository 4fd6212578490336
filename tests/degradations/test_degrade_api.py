"""``wildsr.degrade`` gives back what it was given, smaller and worse, and how to do it again."""

from pathlib import Path

import numpy as np
import pytest
import torch
from degradation_samples import photo

import wildsr
from wildsr.degradations.bsrgan import Bsrgan
from wildsr.degradations.degradation import DegradationError
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


def test_a_file_and_its_name(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        with Canvas(64, 80, Traits()) as canvas:
            canvas.paste(0, 0, photo())
            write(tmp_path / name, canvas)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.png").write_bytes((tmp_path / "a.png").read_bytes())
    a, parameters = wildsr.degrade(tmp_path / "a.png", Bsrgan(2))
    assert a.shape == (32, 40, 3)
    assert wildsr.degrade(str(tmp_path / "sub" / "a.png"), Bsrgan(2)).parameters == parameters
    assert wildsr.degrade(tmp_path / "b.png", Bsrgan(2)).parameters != parameters


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

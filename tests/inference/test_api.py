"""``wildsr.upscale`` returns the type that it was given."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from skimage import data
from small_models import noise, small_model

import wildsr
from wildsr.degradations.presets import preset
from wildsr.evaluation.distortion import psnr
from wildsr.image import Canvas, Traits, probe, write
from wildsr.ops.resize import resize

MODEL = small_model("compact")


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(12, 10), (12, 10, 1), (12, 10, 3), (12, 10, 4)])
def test_arrays(dtype: str, shape: tuple[int, ...]) -> None:
    white = np.iinfo(dtype).max if dtype.startswith("u") else 1
    array = (np.random.default_rng(0).random(shape) * white).astype(dtype)
    result = wildsr.upscale(array, MODEL)
    assert result.shape == (48, 40, *shape[2:])
    assert result.dtype == (np.float32 if dtype == "float64" else np.dtype(dtype))


def test_arrays_and_tensors_agree() -> None:
    lr = noise(20, 16)
    tensor = wildsr.upscale(lr, MODEL, precision="exact")
    array = wildsr.upscale(lr[0].permute(1, 2, 0).numpy(), MODEL, precision="exact")
    np.testing.assert_allclose(np.clip(array, 0, 1), tensor[0].permute(1, 2, 0).numpy(), atol=1e-6)


@pytest.mark.parametrize("size", [{"scale": 2.5}, {"width": 40, "height": 40, "fit": "crop"}, {"scale": 7}])
def test_arrays_and_tensors_are_resized_by_the_same_filter(size: dict[str, Any]) -> None:
    lr = noise(20, 16)
    tensor = wildsr.upscale(lr, MODEL, precision="exact", **size)
    array = wildsr.upscale(lr[0].permute(1, 2, 0).numpy(), MODEL, precision="exact", **size)
    np.testing.assert_allclose(np.clip(array, 0, 1), tensor[0].permute(1, 2, 0).numpy(), atol=1e-6)


def test_output_is_for_files(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="output is for files"):
        wildsr.upscale(torch.rand(3, 9, 8), MODEL, output=tmp_path / "out.png")  # type: ignore[call-overload]


@pytest.mark.parametrize("shape", [(3, 9, 8), (2, 3, 9, 8)])
def test_tensors_keep_their_shape_and_type(shape: tuple[int, ...]) -> None:
    result = wildsr.upscale(torch.rand(shape).half(), MODEL, scale=2.0)
    assert result.shape == (*shape[:-2], 18, 16)
    assert result.dtype == torch.float16


def test_constant_alpha_stays_constant() -> None:
    array = np.full((12, 10, 4), 128, np.uint8)
    assert (wildsr.upscale(array, MODEL)[..., 3] == 128).all()


def test_sizes_and_crops() -> None:
    array = data.astronaut()[:30, :40]
    assert wildsr.upscale(array, MODEL, width=50, height=50, fit="crop").shape == (50, 50, 3)
    assert wildsr.upscale(torch.rand(3, 30, 40), MODEL, width=50, height=50, fit="crop").shape == (3, 50, 50)
    assert wildsr.upscale(torch.rand(3, 10, 10), MODEL, scale=20).shape == (3, 200, 200)


def test_paths(tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    canvas = Canvas(20, 30, Traits())
    canvas.paste(0, 0, noise(20, 30))
    write(photo, canvas)
    array = wildsr.upscale(photo, MODEL)
    assert array.shape == (80, 120, 3)
    assert array.dtype == np.uint8
    assert wildsr.upscale(str(photo), MODEL, output=tmp_path / "new/out.jpg") == tmp_path / "new/out.jpg"
    assert probe(tmp_path / "new/out.jpg") == (120, 80)


def test_the_embedded_default_beats_bicubic() -> None:
    degradation, gains = preset("bsrgan"), []
    for seed, photograph in enumerate((data.astronaut(), data.coffee(), data.chelsea(), data.rocket()) * 2):
        hr = torch.from_numpy(photograph[40:296, 100:356].copy()).permute(2, 0, 1)[None].float() / 255
        lr = degradation.apply(hr, [degradation.sample(np.random.default_rng(seed), (256, 256))])
        plain = resize(lr, (256, 256)).clamp(0, 1)
        gains.append(float(psnr(wildsr.upscale(lr), hr) - psnr(plain, hr)))
    assert sum(gains) / len(gains) > 0.5
    assert min(gains) > -0.3


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4, 2), np.uint8),
        np.zeros((4, 4, 3), np.int32),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((2, 4, 4, 3), np.uint8),
        torch.zeros(3, 4, 4, dtype=torch.uint8),
        torch.zeros(1, 4, 4),
    ],
)
def test_bad_images(image: object) -> None:
    with pytest.raises(ValueError, match="expected"):
        wildsr.upscale(image, MODEL)  # type: ignore[arg-type]

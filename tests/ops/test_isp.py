import numpy as np
import pytest
import torch
from skimage import data
from torch import Generator, Tensor

from wildsr.ops.isp import (
    CAMERAS,
    INFLECTION,
    Development,
    apply_gains,
    apply_matrix,
    camera_matrices,
    inverse_tone,
    invert_gains,
    process,
    read_noise,
    sample_sensor,
    sensor_noise,
    tone,
    unprocess,
)


def development(batch: int, toned: bool = True) -> Development:
    generator = Generator().manual_seed(5)
    weights = torch.rand(batch, CAMERAS, generator=generator)
    gains = 1.2 + 1.2 * torch.rand(batch, 3, generator=generator)
    return Development(camera_matrices(weights), gains, torch.full((batch,), toned))


def muted(batch: int, height: int = 21, width: int = 32) -> Tensor:
    """Colours that are neither saturated, so that every camera sees them, nor bright."""
    generator = Generator().manual_seed(6)
    grey = 0.1 + 0.6 * torch.rand(batch, 1, height, width, generator=generator)
    return grey + 0.05 * torch.rand(batch, 3, height, width, generator=generator)


@pytest.mark.parametrize("toned", [False, True])
def test_there_and_back_is_the_same_image(toned: bool) -> None:
    images, how = muted(3), development(3, toned)
    linear = unprocess(images, how)
    assert not torch.allclose(linear, images, atol=0.05)
    assert linear.min() >= 0
    torch.testing.assert_close(process(apply_gains(linear, how.gains), how), images, rtol=0, atol=2e-5)


def test_a_photograph_comes_back_but_for_highlights_and_colours_out_of_reach() -> None:
    photo = torch.from_numpy(data.astronaut()).permute(2, 0, 1)[None] / 255
    how = development(1)
    back = process(apply_gains(unprocess(photo, how).clamp(0, 1), how.gains), how)
    assert back.min() >= 0
    assert back.max() <= 1
    assert ((back - photo).abs().amax(1) < 1 / 255).float().mean() > 0.8
    assert (back - photo).abs().mean() < 2 / 255


def test_each_image_is_developed_its_own_way() -> None:
    images, how = muted(3), development(3)
    one = Development(how.matrices[1:2], how.gains[1:2], how.toned[1:2])
    assert torch.equal(unprocess(images, how)[1:2], unprocess(images[1:2], one))
    assert torch.equal(process(images, how)[1:2], process(images[1:2], one))


def test_the_tone_curve_is_undone() -> None:
    values = torch.linspace(0, 1, 501, dtype=torch.float64)
    torch.testing.assert_close(tone(inverse_tone(values)), values, rtol=0, atol=1e-12)
    assert tone(torch.tensor(0.25)) < 0.25
    assert tone(torch.tensor(0.75)) > 0.75


def test_matrices_are_those_of_cameras_and_keep_white() -> None:
    corners = camera_matrices(torch.eye(CAMERAS))
    torch.testing.assert_close(corners.sum(-1), torch.ones(CAMERAS, 3, dtype=torch.float64))
    # The first camera by hand: its matrix times that of sRGB, first row, before it is normalised.
    row = np.array([1.0234, -0.2969, -0.2266]) @ np.array(
        [
            [0.4124564, 0.3575761, 0.1804375],
            [0.2126729, 0.7151522, 0.0721750],
            [0.0193339, 0.1191920, 0.9503041],
        ]
    )
    np.testing.assert_allclose(corners[0, 0].numpy(), row / row.sum(), rtol=1e-12)
    assert (corners.diagonal(dim1=-2, dim2=-1) > 0.4).all()
    torch.testing.assert_close(camera_matrices(torch.tensor([2.0, 0, 0, 0])), corners[0])
    grey = torch.full((4, 3, 2, 2), 0.3)
    torch.testing.assert_close(apply_matrix(grey, corners), grey)


def test_highlights_stay_when_gains_are_undone() -> None:
    gains = torch.tensor([[2.0, 1.0, 1.5]])
    dark, white = torch.full((1, 3, 1, 1), 0.5), torch.ones(1, 3, 1, 1)
    torch.testing.assert_close(invert_gains(dark, gains).flatten(), 0.5 / gains[0])
    torch.testing.assert_close(invert_gains(white, gains), white)
    between = invert_gains(torch.full((1, 3, 1, 1), (1 + INFLECTION) / 2), gains).flatten()
    torch.testing.assert_close(between / 0.95, 0.25 + 0.75 / gains[0])
    darkening = torch.tensor([[0.5, 0.5, 0.5]])
    torch.testing.assert_close(invert_gains(dark, darkening), 2 * dark)


@pytest.mark.parametrize(("shot", "spread"), [(0.012, 0.0), (0.001, 0.3), (0.0001, -0.3)])
def test_noise_has_the_variance_of_the_model(shot: float, spread: float) -> None:
    read = read_noise(shot, spread)
    assert np.log(read) == pytest.approx(2.18 * np.log(shot) + 1.2 + spread)
    for level in (0.1, 0.3, 0.7):
        raw = torch.full((1, 1, 300, 300), level)
        noisy = sensor_noise(sample_sensor(raw, shot, Generator().manual_seed(1)), shot, read)
        assert noisy.mean() == pytest.approx(level, abs=4 * ((shot * level + read) / 90000) ** 0.5)
        assert noisy.var() == pytest.approx(shot * level + read, rel=0.03)


def test_sensors_saturate_and_draw_from_the_generator_only() -> None:
    raw = torch.linspace(-0.2, 1.2, 64 * 64).reshape(1, 1, 64, 64)
    state = torch.get_rng_state()
    noisy = [
        sensor_noise(sample_sensor(raw, 0.012, Generator().manual_seed(2)), 0.012, 0.01) for _ in range(2)
    ]
    assert torch.equal(noisy[0], noisy[1])
    assert torch.equal(torch.get_rng_state(), state)
    assert noisy[0].min() == 0
    assert noisy[0].max() == 1

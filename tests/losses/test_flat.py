"""The loss against noise in flat areas."""

import torch

from wildsr.losses.flat import flat_loss


def test_noise_counts_where_the_reference_is_flat() -> None:
    hr = torch.rand(1, 3, 32, 64, generator=torch.Generator().manual_seed(0))
    hr[..., 32:] = 0.5
    noise = torch.randn(hr.shape, generator=torch.Generator().manual_seed(1)) / 50
    textured, flat = noise.clone(), noise.clone()
    textured[..., 28:] = 0
    flat[..., :32] = 0
    assert flat_loss(hr + textured, hr) < 0.1 * flat_loss(hr + flat, hr)
    assert flat_loss(hr + flat, hr) > 0.004


def test_shifts_of_brightness_and_images_without_flat_areas_cost_nothing() -> None:
    flat = torch.full((2, 3, 24, 24), 0.3)
    torch.testing.assert_close(flat_loss(flat + 0.2, flat), torch.tensor(0.0), atol=1e-6, rtol=0)
    textured = torch.rand(2, 3, 24, 24, generator=torch.Generator().manual_seed(0))
    assert flat_loss(torch.rand_like(textured), textured) == 0


def test_the_level_decides_what_is_flat() -> None:
    generator = torch.Generator().manual_seed(0)
    hr = 0.5 + torch.randn(1, 3, 24, 24, generator=generator) * 5 / 255
    sr = torch.rand(hr.shape, generator=generator)
    assert flat_loss(sr, hr, level=1.0) == 0
    assert flat_loss(sr, hr, level=20.0) > 0

"""The loss against repeating patterns."""

import pytest
import torch

from wildsr.losses.grid import grid_loss, serration_loss


def test_a_pattern_counts_and_a_colour_shift_does_not() -> None:
    hr = torch.rand(2, 3, 64, 48)
    pattern = torch.randn(3, 16, 16, generator=torch.Generator().manual_seed(0)) / 20
    pattern -= pattern.mean((1, 2), keepdim=True)
    sr = hr + pattern.tile(1, 4, 3) + torch.tensor([0.1, -0.2, 0.0]).reshape(3, 1, 1)
    torch.testing.assert_close(grid_loss(sr, hr, 16), pattern.square().mean(), rtol=1e-4, atol=0)
    assert grid_loss(sr, sr, 16) == 0


@pytest.mark.parametrize("period", [4, 8])
def test_a_pattern_of_a_divisor_is_seen_too(period: int) -> None:
    hr = torch.zeros(1, 3, 32, 32)
    sr = torch.randn(period, period, generator=torch.Generator().manual_seed(1)).tile(
        32 // period, 32 // period
    )
    torch.testing.assert_close(grid_loss(sr + hr, hr, 16), sr.var(correction=0))


def test_errors_that_do_not_repeat_average_out() -> None:
    noise = torch.randn(1, 3, 256, 256, generator=torch.Generator().manual_seed(2))
    blocks = 16 * 16
    assert grid_loss(noise, torch.zeros_like(noise), 16).item() == pytest.approx(1 / blocks, rel=0.2)


def test_rows_beyond_the_last_block_are_ignored() -> None:
    sr, hr = torch.rand(1, 3, 40, 39), torch.rand(1, 3, 40, 39)
    assert torch.equal(grid_loss(sr, hr, 16), grid_loss(sr[..., :32, :32], hr[..., :32, :32], 16))


def test_small_images_are_refused() -> None:
    with pytest.raises(ValueError, match="16 pixels does not fit into 31x64"):
        grid_loss(torch.rand(1, 3, 64, 31), torch.rand(1, 3, 64, 31), 16)


def test_with_a_level_only_flat_areas_count() -> None:
    noise = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(3)).expand(1, 3, 64, 64)
    hr = torch.cat([torch.full((1, 3, 64, 64), 0.5), noise], -1)
    pattern = torch.randn(4, 4, generator=torch.Generator().manual_seed(4)) / 50
    sr = hr + pattern.tile(16, 32)
    sr[..., 64:] += torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(5))
    found = grid_loss(sr, hr, 4, level=2)
    share = 60 * 64 / (128 * 64)  # the windows of 9 pixels reach 4 into the noise
    assert found.item() == pytest.approx(share * pattern.var(correction=0).item(), rel=0.02)
    assert grid_loss(noise + pattern.tile(16, 16), noise, 4, level=2) == 0


def dotted_line(height: float) -> torch.Tensor:
    x = torch.full((1, 3, 64, 96), 0.1)
    x[..., 40:44] = 0.9
    x[..., ::4, 44] += height
    return x


def test_dots_beside_a_line_count_and_their_direction_does_not() -> None:
    line, dotted = dotted_line(0), dotted_line(8 / 255)
    assert serration_loss(line, line, 4) == 0
    expected = 0.5 * (4 * 3 / 4 - 1 + 3 * (4 / 4 - 1)) / 255 / 4 / 96
    assert serration_loss(dotted, line, 4).item() == pytest.approx(expected, rel=1e-3)
    torch.testing.assert_close(serration_loss(dotted.mT, line.mT, 4), serration_loss(dotted, line, 4))


def test_errors_that_do_not_repeat_along_a_line_count_little() -> None:
    line, dotted = dotted_line(0), dotted_line(20 / 255)
    moved = line.clone()
    moved[..., 40:44] -= torch.randn(1, 1, 64, 1, generator=torch.Generator().manual_seed(6)) * 20 / 255
    assert serration_loss(moved, line, 4) < 0.2 * 4 * serration_loss(dotted, line, 4)


def test_images_shorter_than_a_piece_are_refused() -> None:
    with pytest.raises(ValueError, match="12 periods of 4 pixels do not fit into 47x64"):
        serration_loss(torch.rand(1, 3, 64, 47), torch.rand(1, 3, 64, 47), 4)

import torch

from wildsr.ops.color import grey, luma, rgb_to_ycbcr, rgb_to_ycbcr_full, ycbcr_full_to_rgb, ycbcr_to_rgb


def test_there_and_back() -> None:
    rgb = torch.rand(2, 3, 4, 5, dtype=torch.float64)
    torch.testing.assert_close(ycbcr_to_rgb(rgb_to_ycbcr(rgb)), rgb, rtol=0, atol=2e-5)
    torch.testing.assert_close(ycbcr_full_to_rgb(rgb_to_ycbcr_full(rgb)), rgb, rtol=0, atol=1e-5)


def test_ranges() -> None:
    black_and_white = torch.tensor([0.0, 1.0], dtype=torch.float64).expand(3, 1, 2)
    chroma = torch.full((2, 1, 2), 128 / 255, dtype=torch.float64)
    studio = torch.cat([torch.tensor([[[16 / 255, 235 / 255]]], dtype=torch.float64), chroma])
    torch.testing.assert_close(rgb_to_ycbcr(black_and_white), studio, rtol=0, atol=1e-5)
    torch.testing.assert_close(rgb_to_ycbcr_full(black_and_white), torch.cat([black_and_white[:1], chroma]))


def test_one_channel_is_that_of_three() -> None:
    rgb = torch.rand(3, 4, 5)
    torch.testing.assert_close(luma(rgb), rgb_to_ycbcr(rgb)[:1])
    torch.testing.assert_close(grey(rgb), rgb_to_ycbcr_full(rgb)[:1])

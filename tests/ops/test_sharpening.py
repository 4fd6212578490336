import pytest
import torch
import torch.nn.functional as F

from wildsr.ops.sharpening import local_range, steepen_edges, unsharp_mask


def test_flat_images_stay() -> None:
    flat = torch.full((1, 3, 20, 20), 0.4)
    torch.testing.assert_close(unsharp_mask(flat), flat)


def test_edges_become_steeper_within_the_range() -> None:
    edge = torch.full((1, 3, 32, 32), 0.3)
    edge[..., 16:] = 0.7
    sharp = unsharp_mask(edge, weight=1.0, radius=20)
    assert sharp[0, 0, 16, 15] < 0.3
    assert sharp[0, 0, 16, 16] > 0.7
    assert 0 <= sharp.min() <= sharp.max() <= 1


def test_small_differences_are_left_alone() -> None:
    grain = 0.5 + 0.01 * torch.rand(1, 3, 32, 32)
    assert torch.equal(unsharp_mask(grain, threshold=10), grain)


def test_edges_are_steepened_without_halos() -> None:
    ramp = torch.linspace(-1, 1, 5).mul(0.2).add(0.5)
    edge = torch.cat([torch.full((14,), 0.3), ramp, torch.full((13,), 0.7)]).expand(1, 3, 32, 32)
    sharp = steepen_edges(edge, weight=1.0)
    assert sharp.diff(dim=-1).max() > 1.15 * edge.diff(dim=-1).max()
    assert sharp.min() >= edge.min()
    assert sharp.max() <= edge.max()


def test_weak_contrast_is_not_steepened() -> None:
    grain = 0.5 + 0.01 * torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert torch.equal(steepen_edges(grain), grain)


@pytest.mark.parametrize("reach", [1, 2, 3, 5, 8])
def test_local_range_is_that_of_a_square(reach: int) -> None:
    x = torch.rand(2, 3, 13, 21, generator=torch.Generator().manual_seed(reach))
    low, high = local_range(x, reach)
    padded = F.pad(x, (reach,) * 4, mode="constant", value=torch.nan)
    squares = padded.unfold(2, 2 * reach + 1, 1).unfold(3, 2 * reach + 1, 1).flatten(-2)
    assert torch.equal(high, squares.nan_to_num(-9).amax(-1))
    assert torch.equal(low, squares.nan_to_num(9).amin(-1))

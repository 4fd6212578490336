"""The network that estimates a camera from features of its photos."""

import torch

from wildsr.networks.camera import NUMBERS, CameraNetwork


def network() -> CameraNetwork:
    torch.manual_seed(0)
    return CameraNetwork(5, 3, width=6)


def estimate(photos: int, order: list[int], counts: float = 100.0) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    directional, general = torch.randn(photos, 8, 5), torch.randn(photos, 3)
    edges = torch.full((photos, 8), 100.0)
    edges[-1] = counts
    with torch.no_grad():
        embedded, weights = network().embed(directional[order], general[order], edges[order])
        directions, numbers = network()(embedded, weights)
    return directions, numbers


def test_photos_have_no_order_and_no_number() -> None:
    directions, numbers = estimate(4, [0, 1, 2, 3])
    assert directions.shape == (8, 2)
    assert numbers.shape == (NUMBERS, 2)
    for order in ([3, 1, 0, 2], [0, 0, 1, 1, 2, 2, 3, 3]):
        again, others = estimate(4, order)
        torch.testing.assert_close(again, directions)
        torch.testing.assert_close(others, numbers)


def test_photos_without_edges_hardly_count() -> None:
    directions, _ = estimate(4, [0, 1, 2])
    without, _ = estimate(4, [0, 1, 2, 3], counts=0.0)
    equal, _ = estimate(4, [0, 1, 2, 3])
    assert (without - directions).abs().max() < 0.5 * (equal - directions).abs().max()

"""Edge sharpness, flat noise, grid and dots against values known by construction."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from evaluation_images import photograph
from torch import Tensor

from wildsr.evaluation.metrics import Meter
from wildsr.evaluation.sharpness import dots, edge_sharpness, flat_noise, grid_pattern


def grey_image(plane: Tensor) -> Tensor:
    """Three equal channels of levels (H, W) as uint8 (1, 3, H, W)."""
    return plane.round().clamp(0, 255).byte().expand(1, 3, *plane.shape).contiguous()


def noise(sigma: float, height: int = 64, width: int = 80, seed: int = 0) -> Tensor:
    return sigma * torch.randn(height, width, generator=torch.Generator().manual_seed(seed))


def halves(low: float, high: float) -> Tensor:
    """A vertical edge in the middle."""
    plane = torch.full((64, 80), low)
    plane[:, 40:] = high
    return plane


def test_equal_images_are_as_sharp_and_as_noisy_as_themselves() -> None:
    image = photograph(128, 160)
    assert edge_sharpness(image, image).item() == 1
    flat = grey_image(128 + noise(1))
    assert flat_noise(flat, flat).item() == 1


def test_half_the_step_is_half_as_sharp() -> None:
    truth, result = grey_image(halves(50, 150)), grey_image(halves(75, 125))
    assert edge_sharpness(result, truth).item() == pytest.approx(0.5)
    assert edge_sharpness(truth, result).item() == pytest.approx(2)


def test_edge_sharpness_by_numpy() -> None:
    """A second implementation of the definition."""
    truth = photograph(120, 150)
    result = torch.nn.functional.avg_pool2d(truth, 3, 1, 1)
    grey = [
        (image[0].permute(1, 2, 0).numpy() * 255).round().astype(np.float64) @ [0.299, 0.587, 0.114]
        for image in (result, truth)
    ]
    ours, theirs = (np.hypot(np.diff(one, axis=0)[:, :-1], np.diff(one, axis=1)[:-1]) for one in grey)
    edges = theirs >= np.quantile(theirs, 0.98)
    assert edge_sharpness(result, truth).item() == pytest.approx(ours[edges].mean() / theirs[edges].mean())


def test_flat_noise_is_the_ratio_of_the_deviations() -> None:
    truth = grey_image(128 + noise(1))
    result = grey_image(128 + noise(3, seed=1))
    ours, theirs = (
        np.mean(
            [
                image[0, 0].double()[y : y + 8, x : x + 8].numpy().std()
                for y in range(0, 64, 8)
                for x in range(0, 80, 8)
            ]
        )
        for image in (result, truth)
    )
    assert flat_noise(result, truth).item() == pytest.approx(ours / theirs)


def test_only_flat_blocks_count() -> None:
    truth = grey_image(torch.cat((128 + noise(1), 128 + noise(20)), 1))
    result = truth.clone()
    result[..., 80:] = 128  # what is not flat in the truth may change as it likes
    assert flat_noise(result, truth).item() == 1


def test_twenty_flat_blocks_are_too_few() -> None:
    rough = 128 + noise(20)
    rough[:32, :40] = 128 + noise(1, 32, 40)  # 4 x 5 blocks
    twenty = grey_image(rough)
    rough[32:40, :8] = 128 + noise(1, 8, 8)
    one_more = grey_image(rough)
    for measure in (flat_noise, grid_pattern):
        assert math.isnan(measure(twenty, twenty).item())
        assert not math.isnan(measure(one_more, one_more).item())


def test_a_pattern_of_four_pixels_is_found_below_the_noise() -> None:
    truth = grey_image(128 + noise(1, 512, 512))
    pattern = torch.zeros(4, 4)
    pattern[::2, ::2] = 2
    dotted = grey_image(128 + noise(1, 512, 512) + pattern.repeat(128, 128))
    assert grid_pattern(dotted, truth).item() == pytest.approx(pattern.std(correction=0).item(), abs=0.03)
    assert grid_pattern(truth, truth).item() < 0.05


def test_dots_by_numpy() -> None:
    """A second implementation of the definition."""
    truth = photograph(40, 50)
    result = (truth + 0.02 * torch.randn(truth.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 1)
    ours, theirs = (
        (image[0].permute(1, 2, 0).numpy() * 255).round().astype(np.float64) @ [0.299, 0.587, 0.114]
        for image in (result, truth)
    )

    def over(plane: np.ndarray, side: int, measure: Callable[[np.ndarray], float]) -> np.ndarray:
        reach = side // 2
        return np.array(
            [
                [
                    measure(plane[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1])
                    for x in range(plane.shape[1])
                ]
                for y in range(plane.shape[0])
            ]
        )

    heights = [over((plane - over(plane, 9, np.mean)) ** 2, 3, np.mean) ** 0.5 for plane in (ours, theirs)]
    smooth = over(theirs, 9, np.std) < 8
    counted = heights[0] > over(heights[1], 9, np.max) + 1
    assert 0 < counted[smooth].mean() < 1
    assert dots(result, truth).item() == pytest.approx(1000 * counted[smooth].mean())


def test_dots_count_in_smooth_areas_only() -> None:
    truth = grey_image(torch.cat((100 + noise(1), 100 + noise(30)), 1))
    dotted, rough = truth.clone(), truth.clone()
    dotted[..., 30:33, 30:33] = 80
    rough[..., 30:33, 120:123] = 0
    assert dots(truth, truth).item() == 0
    assert dots(rough, truth).item() == 0
    assert 9 <= dots(dotted, truth).item() * 64 * 80 / 1000 < 9 * 9


def test_without_smooth_areas_there_is_no_share_of_dots() -> None:
    rough = grey_image(128 + noise(40))
    assert math.isnan(dots(rough, rough).item())


def test_a_batch_has_a_value_for_every_image() -> None:
    truth = torch.cat((grey_image(halves(50, 150)), grey_image(halves(0, 200))))
    result = torch.cat((grey_image(halves(75, 125)), grey_image(halves(0, 200))))
    assert edge_sharpness(result, truth).tolist() == pytest.approx([0.5, 1])


def test_without_gradients_or_deviation_there_is_no_value() -> None:
    constant = grey_image(torch.full((64, 80), 100.0))
    assert math.isnan(edge_sharpness(constant, constant).item())
    assert math.isnan(flat_noise(constant, constant).item())
    assert grid_pattern(constant, constant).item() == 0


@pytest.mark.parametrize("name", ["edge-sharpness", "flat-noise", "grid", "dots"])
def test_as_meters(name: str) -> None:
    meter = Meter(name)
    truth = grey_image(128 + noise(1))
    assert len(meter(truth, truth)) == 1
    with pytest.raises(ValueError, match="ground truth"):
        meter(truth)
    with pytest.raises(ValueError, match="different shapes"):
        meter(truth, truth[..., :-1])

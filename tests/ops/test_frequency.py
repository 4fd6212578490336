"""Low and high frequencies add up, whatever the borders."""

import pytest
import torch

from wildsr.ops.frequency import LowPass


@pytest.mark.parametrize(
    "low", [LowPass(5), LowPass(9, borders="ignored"), LowPass(5, 0.8), LowPass(3, passes=1)]
)
def test_low_and_rest_are_the_image(low: LowPass) -> None:
    x = torch.rand(2, 3, 12, 15)
    torch.testing.assert_close(low(x) + low.rest(x, centred=False), x)
    torch.testing.assert_close(low.rest(x), 0.5 + 0.5 * low.rest(x, centred=False))


def test_flat_images_have_no_high_frequencies() -> None:
    x = torch.full((1, 3, 9, 9), 0.7)
    torch.testing.assert_close(LowPass(5, borders="ignored").rest(x, centred=False), torch.zeros_like(x))
    torch.testing.assert_close(LowPass(5, 1.0, borders="cut")(x), torch.full((1, 3, 5, 5), 0.7))
    assert LowPass(5).rest(x, centred=False)[..., 0, 0].min() > 0.1  # here the zeros outside count


@pytest.mark.parametrize(
    ("size", "sigma", "message"), [(4, None, "must be odd"), (0, None, "must be odd"), (5, 1.0, "ignore")]
)
def test_impossible_filters(size: int, sigma: float | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LowPass(size, sigma, borders="ignored")
